// Tensors and what they are called: a module's parameters, an optimiser's state, a file's contents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"

namespace saccade::nn {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

using NamedTensors = std::vector<NamedTensor>;

/// Overwrites each target, outside any graph, with the source of its name; orders may differ. Throws before
/// anything is written: ConfigError for a name that is missing, unknown or given twice, ShapeError or
/// DTypeError for a tensor that does not fit. Messages start with `what`.
void copy_by_name(std::string_view what, const NamedTensors& sources, const NamedTensors& targets);

/// Throws what copy_by_name() would throw, and copies nothing.
void check_by_name(std::string_view what, const NamedTensors& sources, const NamedTensors& targets);

/// Adds `from` to `to` under "prefix" + name, and the way back: those whose names begin with the prefix,
/// without it.
void append(NamedTensors& to, std::string_view prefix, const NamedTensors& from);
NamedTensors with_prefix(const NamedTensors& all, std::string_view prefix);

}  // namespace saccade::nn
