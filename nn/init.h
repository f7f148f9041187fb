// Initial values of parameters. Each function returns a new tensor.
//
// A weight is (out, in) or, for an ensemble of n, (n, out, in), every member drawn on its own; the others
// take any shape. ShapeError for a weight of another rank or without elements. Names and formulas are those
// of torch.nn.init.
#pragma once

#include "autograd/tensor.h"
#include "base/rng.h"

namespace saccade::nn::init {

Tensor constant(const Shape& shape, double value, DType dtype = DType::f32);
/// U(low, high)
Tensor uniform(const Shape& shape, Rng& rng, double low, double high, DType dtype = DType::f32);
/// N(mean, std^2)
Tensor normal(const Shape& shape, Rng& rng, double mean, double std, DType dtype = DType::f32);

/// Glorot and Bengio 2010: variance gain^2 2 / (in + out).
Tensor xavier_uniform(const Shape& weight, Rng& rng, double gain = 1, DType dtype = DType::f32);
Tensor xavier_normal(const Shape& weight, Rng& rng, double gain = 1, DType dtype = DType::f32);

/// He et al. 2015: variance 2 / ((1 + a^2) in), where a is the negative slope of the leaky ReLU that follows.
Tensor kaiming_uniform(const Shape& weight, Rng& rng, double a = 0, DType dtype = DType::f32);
Tensor kaiming_normal(const Shape& weight, Rng& rng, double a = 0, DType dtype = DType::f32);

/// As PyTorch starts a linear layer with `in` inputs, weight and bias alike: U(-1/sqrt(in), 1/sqrt(in)). For
/// the weight that is kaiming_uniform with a = sqrt(5). ShapeError if in < 1.
Tensor linear_default(const Shape& shape, std::int64_t in, Rng& rng, DType dtype = DType::f32);

/// Saxe et al. 2014: gain times a uniformly distributed matrix with orthonormal rows, or columns if out > in.
Tensor orthogonal(const Shape& weight, Rng& rng, double gain = 1, DType dtype = DType::f32);

}  // namespace saccade::nn::init
