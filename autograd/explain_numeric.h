// The numeric derivatives of an explanation: explain.cpp's own.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "autograd/explain.h"

namespace saccade {

/// Runs f again and again, each time with one element of one small node moved, and notes d result / d node
/// and each op's d output / d input. `leaves`: for each node that is a leaf to move, the tensor. Says in
/// e.no_numeric why not, where it cannot.
void add_numeric(Explanation& e, const std::function<Tensor()>& f, const Trace& trace,
                 const std::vector<Tensor>& leaves, std::int64_t small);

/// Elements of its own, so that no later write changes what is explained.
Tensor copy_of(const Tensor& x);

}  // namespace saccade
