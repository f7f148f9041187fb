#include "nn/named_tensors.h"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/modes.h"
#include "base/error.h"

namespace saccade::nn {

namespace {

const Tensor* find(const NamedTensors& tensors, std::string_view name) {
  const auto at = std::find_if(tensors.begin(), tensors.end(),
                               [&](const NamedTensor& candidate) { return candidate.name == name; });
  return at == tensors.end() ? nullptr : &at->tensor;
}

void check_fits(std::string_view what, const std::string& name, const Tensor& source, const Tensor& target) {
  if (source.defined() && source.dtype() == target.dtype() && source.shape() == target.shape()) return;
  const std::string message =
      fmt::format("{}: '{}' is {}, expected {}", what, name, describe(source), describe(target));
  if (source.defined() && source.dtype() != target.dtype()) throw DTypeError(message);
  throw ShapeError(message);
}

}  // namespace

void copy_by_name(std::string_view what, const NamedTensors& sources, const NamedTensors& targets) {
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string& name = sources[i].name;
    if (find(targets, name) == nullptr) {
      throw ConfigError(fmt::format("{}: '{}' was given, which is not one of its tensors", what, name));
    }
    if (find(sources, name) != &sources[i].tensor) {
      throw ConfigError(fmt::format("{}: '{}' was given twice", what, name));
    }
  }
  for (const auto& [name, target] : targets) {
    const Tensor* source = find(sources, name);
    if (source == nullptr) throw ConfigError(fmt::format("{}: '{}' is missing", what, name));
    check_fits(what, name, *source, target);
  }
  const NoGrad no_grad;
  for (const auto& [name, target] : targets) target.copy_(*find(sources, name));
}

void append(NamedTensors& to, std::string_view prefix, const NamedTensors& from) {
  for (const auto& [name, tensor] : from) to.push_back({std::string(prefix) + name, tensor});
}

NamedTensors with_prefix(const NamedTensors& all, std::string_view prefix) {
  NamedTensors found;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) found.push_back({name.substr(prefix.size()), tensor});
  }
  return found;
}

}  // namespace saccade::nn
