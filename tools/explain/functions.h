// The functions of expressions: expression.cpp's own.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autograd/tensor.h"

namespace saccade::study {

// What is on the stack: a tensor, or a number that no op has met yet.
struct Value {
  Tensor tensor = {};
  double number = 0;

  bool is_number() const { return !tensor.defined(); }
  Tensor as_tensor() const { return is_number() ? scalar(number, DType::f64) : tensor; }
};
using Values = std::span<const Value>;

struct Function {
  std::string name;
  std::size_t least, most;  // arguments
  std::function<Tensor(Values)> call;
  double (*number)(double, double) = nullptr;  // of numbers alone
};

/// A line for each; the first are the operators.
const std::vector<Function>& functions_table();

/// Throws ConfigError for more elements than an expression's results may have.
void check_size(double elements);

}  // namespace saccade::study
