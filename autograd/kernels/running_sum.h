// A sum whose terms come one at a time, where no two halves can be added apart.
#pragma once

#include <cmath>
#include <cstdint>

namespace saccade::kernels {

/// The sum of f32s is kept as a double, that of doubles as a double and what rounding took from it (Knuth's
/// two-sum, after Dekker 1971). So the error does not grow with the number of terms, and as long as no term
/// is negative, the rounded sum never falls.
template <class T>
class RunningSum;

template <>
class RunningSum<float> {
 public:
  void add(float x) { sum_ += static_cast<double>(x); }
  float value() const { return static_cast<float>(sum_); }

 private:
  double sum_ = 0;
};

template <>
class RunningSum<double> {
 public:
  void add(double x) {
    const double sum = sum_ + x;
    const double part = sum - sum_;
    const double rest = rest_ + ((sum_ - (sum - part)) + (x - part));
    sum_ = sum + rest;
    rest_ = rest - (sum_ - sum);
    if (std::isfinite(sum_)) return;
    sum_ = sum;  // infinity or NaN, of which nothing was lost
    rest_ = 0;
  }
  double value() const { return sum_; }

 private:
  double sum_ = 0, rest_ = 0;
};

/// Integers need none of this.
template <>
class RunningSum<std::int64_t> {
 public:
  void add(std::int64_t x) { sum_ += x; }
  std::int64_t value() const { return sum_; }

 private:
  std::int64_t sum_ = 0;
};

}  // namespace saccade::kernels
