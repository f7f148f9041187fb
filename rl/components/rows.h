// Between the doubles of environments and the tensors of networks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "autograd/tensor.h"

namespace saccade::rl {

/// Rows of `width` numbers that lie side by side, as a (n, width) tensor. ShapeError, naming `what`, if they
/// are not one or more whole rows.
Tensor to_rows(std::string_view what, std::span<const double> values, std::int64_t width, DType dtype);

/// All elements of a contiguous tensor, in their order. ShapeError, naming `what`, if there is not room for
/// exactly those.
void copy_rows(std::string_view what, const Tensor& rows, std::span<double> out);

}  // namespace saccade::rl
