// The elementwise functions, one functor each, written once for every instruction set: B is a batch of lanes.
//
// To add one: write its functor and add it to the list at the end. exp, select and the like are found by
// argument-dependent lookup in the batch's namespace, so this file needs no SIMD header.
//
// Mind the traps: max and min return their second operand when either is NaN, so the operand that may be NaN
// comes second; comparisons with NaN are false.
#pragma once

#include <math.h>

#include <cstddef>
#include <limits>
#include <type_traits>

namespace saccade::kernels {

template <class B>
using Lane = typename B::value_type;

/// f of each lane, by the C library: slower, but right where the SIMD library falls short. f must call plain
/// C functions. std's are inline, and an inline function must not be compiled for several instruction sets.
template <class B, class F>
B each_lane(const F& f, B x, B y) {
  Lane<B> xs[B::size], ys[B::size];
  x.store_unaligned(xs);
  y.store_unaligned(ys);
  for (std::size_t i = 0; i < B::size; ++i) xs[i] = f(xs[i], ys[i]);
  return B::load_unaligned(xs);
}
template <class B, class F>
B each_lane(const F& f, B x) {
  return each_lane([&f](Lane<B> v, Lane<B>) { return f(v); }, x, x);
}

// ---- one input ----

struct Neg {
  template <class B>
  B operator()(B x) const {
    return B(Lane<B>(-0.0)) - x;  // -0 for 0, which the library's own minus gives on some processors only
  }
};
struct Exp {
  // The library's exp overflows too early, from 88.376 instead of 88.723 and from 709.44 instead of 709.78.
  // Near there this takes e times exp(x - 1).
  template <class B>
  B operator()(B x) const {
    const auto large = x > B(std::is_same_v<Lane<B>, float> ? 88 : 709);
    if (any(large)) return select(large, exp(x - B(1)) * B(Lane<B>(2.7182818284590452)), exp(x));
    return exp(x);
  }
};
struct Expm1 {
  template <class B>
  B operator()(B x) const {
    return select(x > B(40), Exp{}(x), expm1(x));
  }
};
struct Log {
  // The library's double log is wrong for denormal numbers: there this takes log(2^54 x) - 54 log 2.
  template <class B>
  B operator()(B x) const {
    if constexpr (std::is_same_v<Lane<B>, double>) {
      const auto tiny = x < B(std::numeric_limits<double>::min());
      if (any(tiny)) return select(tiny, log(x * B(0x1p54)) - B(37.429947750237047), log(x));
    }
    return log(x);
  }
};
struct Log1p {
  template <class B>
  B operator()(B x) const {
    return log1p(x);
  }
};
struct Sqrt {
  template <class B>
  B operator()(B x) const {
    return sqrt(x);
  }
};
struct Square {
  template <class B>
  B operator()(B x) const {
    return x * x;
  }
};
struct Reciprocal {
  template <class B>
  B operator()(B x) const {
    return B(1) / x;
  }
};
struct Abs {
  template <class B>
  B operator()(B x) const {
    return abs(x);
  }
};
struct Sign {  // 0 at 0, NaN at NaN
  template <class B>
  B operator()(B x) const {
    return select(x > B(0), B(1), select(x < B(0), B(-1), x));
  }
};
struct Floor {
  template <class B>
  B operator()(B x) const {
    return floor(x);
  }
};
// The library's sin and cos of one lane depend on what the other lanes hold.
struct Sin {
  template <class B>
  B operator()(B x) const {
    if constexpr (std::is_same_v<Lane<B>, float>) {
      return each_lane([](float v) { return ::sinf(v); }, x);
    } else {
      return each_lane([](double v) { return ::sin(v); }, x);
    }
  }
};
struct Cos {
  template <class B>
  B operator()(B x) const {
    if constexpr (std::is_same_v<Lane<B>, float>) {
      return each_lane([](float v) { return ::cosf(v); }, x);
    } else {
      return each_lane([](double v) { return ::cos(v); }, x);
    }
  }
};
struct Atan {
  template <class B>
  B operator()(B x) const {
    return atan(x);
  }
};
struct Erf {
  template <class B>
  B operator()(B x) const {
    // The library's double erf is off by 68 units in the last place at 2.2, and NaN from 1e154 on.
    if constexpr (std::is_same_v<Lane<B>, double>) {
      return each_lane([](double v) { return ::erf(v); }, x);
    } else {
      return erf(x);
    }
  }
};
struct Tanh {
  template <class B>
  B operator()(B x) const {
    return tanh(x);
  }
};
struct Sigmoid {
  template <class B>
  B operator()(B x) const {
    return B(1) / (B(1) + Exp{}(B(0) - x));
  }
};
// Sigmoid's and tanh's derivatives. y (1 - y) and 1 - y^2 lose all digits where y is near 1; these lose none.
struct SigmoidSlope {  // sigmoid(x) sigmoid(-x) = e / (1 + e)^2, e = exp(-|x|)
  template <class B>
  B operator()(B x) const {
    const B e = exp(B(0) - abs(x)), root = B(1) / (B(1) + e);
    return e * root * root;
  }
};
struct TanhSlope {  // 1 / cosh(x)^2, where 1 / cosh(x) = 2 e / (1 + e^2), e = exp(-|x|)
  template <class B>
  B operator()(B x) const {
    const B e = exp(B(0) - abs(x)), root = (e + e) / (B(1) + e * e);
    return root * root;
  }
};
template <bool half>
struct Bell {  // exp(-x^2), or exp(-x^2 / 2)
  // Rounding x^2 would cost x^2 roundings of the result. With x = h + d, h a multiple of 1/16 whose square is
  // exact, it is exp(-h^2) exp(-d (x + h)). From 40 on it is 0.
  template <class B>
  B operator()(B x) const {
    const B size = min(B(40), abs(x)), h = floor(size * B(16)) * B(Lane<B>(0.0625)),
            s(Lane<B>(half ? -0.5 : -1));
    return exp(s * (h * h)) * exp(s * ((size - h) * (size + h)));
  }
};
using WholeBell = Bell<false>;
using HalfBell = Bell<true>;
struct NormalCdf {  // the standard normal distribution function: erfc(-x / sqrt(2)) / 2
  template <class B>
  B operator()(B x) const {
    if constexpr (std::is_same_v<Lane<B>, float>) {
      return each_lane(
          [](float v) {
            return static_cast<float>(0.5 * ::erfc(-0.70710678118654752 * static_cast<double>(v)));
          },
          x);
    } else {
      // At t = -x / sqrt(2), rounded, erfc is off by 2 t^2 roundings of t. So what rounding t left out is
      // put back, times the slope of erfc.
      return each_lane(
          [](double v) {
            const double root = 0.70710678118654757, rest_of_root = -4.8336466567264567e-17;
            const double t = -root * v;
            if (!(t > -27 && t < 27)) return 0.5 * ::erfc(t);
            const double rest = ::fma(-root, v, -t) - rest_of_root * v;
            return 0.5 * (::erfc(t) - rest * 1.1283791670955126 * ::exp(-t * t));
          },
          x);
    }
  }
};
struct Softplus {  // log(1 + e^x) = max(x, 0) + log1p(e^-|x|), exact for every x
  template <class B>
  B operator()(B x) const {
    return max(B(0), x) + log1p(exp(B(0) - abs(x)));
  }
};
struct Relu {
  template <class B>
  B operator()(B x) const {
    return max(B(0), x);
  }
};

// ---- two inputs ----

struct Add {
  template <class B>
  B operator()(B x, B y) const {
    return x + y;
  }
};
struct Sub {
  template <class B>
  B operator()(B x, B y) const {
    return x - y;
  }
};
struct Mul {
  template <class B>
  B operator()(B x, B y) const {
    return x * y;
  }
};
struct Div {
  template <class B>
  B operator()(B x, B y) const {
    return x / y;
  }
};
struct Pow {
  // As IEEE has it: x^0 = 1 even for NaN, 0^-1 = infinity. The library gets many such cases wrong, and its
  // error grows with y log x, to more than 100 units in the last place.
  template <class B>
  B operator()(B x, B y) const {
    if constexpr (std::is_same_v<Lane<B>, float>) {
      return each_lane([](float v, float w) { return ::powf(v, w); }, x, y);
    } else {
      return each_lane([](double v, double w) { return ::pow(v, w); }, x, y);
    }
  }
};
struct Maximum {
  template <class B>
  B operator()(B x, B y) const {
    return select(isnan(x), x, max(x, y));
  }
};
struct Minimum {
  template <class B>
  B operator()(B x, B y) const {
    return select(isnan(x), x, min(x, y));
  }
};
// Comparisons give 1 or 0.
struct Equal {
  template <class B>
  B operator()(B x, B y) const {
    return select(x == y, B(1), B(0));
  }
};
struct Greater {
  template <class B>
  B operator()(B x, B y) const {
    return select(x > y, B(1), B(0));
  }
};
struct ReluGrad {  // g where y > 0 (or NaN), else 0
  template <class B>
  B operator()(B g, B y) const {
    return select(y <= B(0), B(0), g);
  }
};
struct GreaterEqual {
  template <class B>
  B operator()(B x, B y) const {
    return select(x >= y, B(1), B(0));
  }
};

// ---- three inputs ----

struct Where {  // x where the mask is not 0, else y
  template <class B>
  B operator()(B mask, B x, B y) const {
    return select(mask == B(0), y, x);
  }
};

template <class... F>
struct List {
  static constexpr std::size_t size = sizeof...(F);
  /// The place of a functor in the list.
  template <class Wanted>
  static constexpr std::size_t index() {
    static_assert((std::is_same_v<Wanted, F> || ...), "the functor is not in the list");
    std::size_t i = 0;
    static_cast<void>(((std::is_same_v<Wanted, F> || (++i, false)) || ...));
    return i;
  }
};

using ElementwiseOps = List<
    // of one input
    Neg, Exp, Expm1, Log, Log1p, Sqrt, Square, Reciprocal, Abs, Sign, Floor, Sin, Cos, Atan, Erf, Tanh,
    Sigmoid, SigmoidSlope, TanhSlope, WholeBell, HalfBell, NormalCdf, Softplus, Relu,
    // of two and three
    Add, Sub, Mul, Div, Pow, Maximum, Minimum, Equal, Greater, GreaterEqual, ReluGrad, Where>;

// ---- reductions: the value to start from and an associative step ----

struct SumOf {
  template <class B>
  static B start() {
    return B(0);
  }
  template <class B>
  B operator()(B x, B y) const {
    return x + y;
  }
};
struct MaxOf {
  template <class B>
  static B start() {
    return B(-std::numeric_limits<Lane<B>>::infinity());
  }
  template <class B>
  B operator()(B x, B y) const {
    return Maximum{}(x, y);
  }
};
struct MinOf {
  template <class B>
  static B start() {
    return B(std::numeric_limits<Lane<B>>::infinity());
  }
  template <class B>
  B operator()(B x, B y) const {
    return Minimum{}(x, y);
  }
};

using ReduceOps = List<SumOf, MaxOf, MinOf>;

}  // namespace saccade::kernels
