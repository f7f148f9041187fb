// Every elementwise kernel of every instruction set that this machine runs, against exact references. The
// other kernels are in kernels_products.cpp and kernels_reductions.cpp.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/kernels/functors.h"
#include "tests/support/catch.h"
#include "tests/support/kernel_tables.h"

using namespace saccade::kernels;
using namespace saccade::tests;

namespace {

// A kernel over whole arrays; an input of one element serves for all.
template <class T>
std::vector<T> apply(const Table<T>& table, std::size_t kernel, const std::vector<std::vector<T>>& in) {
  std::size_t n = 1;
  const T* pointers[3] = {};
  std::int64_t steps[3] = {};
  for (std::size_t k = 0; k < in.size(); ++k) {
    n = std::max(n, in[k].size());
    pointers[k] = in[k].data();
    steps[k] = in[k].size() == 1 ? 0 : 1;
  }
  std::vector<T> out(n);
  const char functor = 0;  // the functors are empty
  table.elementwise[kernel](&functor, static_cast<std::int64_t>(n), pointers, steps, out.data());
  return out;
}

// The error in units of the last place of the exact result. A result too small to be normal may be flushed to
// zero: its error counts against the smallest normal number.
template <class T>
double ulps(T got, long double exact) {
  const T rounded = static_cast<T>(exact);
  if (std::isnan(exact)) return std::isnan(got) ? 0 : INFINITY;
  if (std::isinf(rounded)) return got == rounded ? 0 : INFINITY;
  const long double error = std::abs(static_cast<long double>(got) - exact);
  if (std::isnan(error)) return INFINITY;
  if (std::abs(rounded) < Limits<T>::min())
    return error <= static_cast<long double>(Limits<T>::min()) ? 0 : INFINITY;
  int exponent = 0;
  std::frexp(exact, &exponent);
  return static_cast<double>(std::ldexp(error, Limits<T>::digits - exponent));
}

// Points of [low, high]: evenly spaced, and evenly over the representable numbers, so that small ones count.
template <class T>
std::vector<T> dense(double low, double high) {
  constexpr int kPoints = 60000;
  std::mt19937_64 random(1);
  std::vector<T> x;
  const auto add = [&](T v) {
    if (v >= static_cast<T>(low) && v <= static_cast<T>(high)) x.push_back(v);
  };
  std::uniform_real_distribution<double> even(low, high);
  for (int i = 0; i < kPoints; ++i) add(static_cast<T>(even(random)));
  const T max = static_cast<T>(std::max(std::abs(low), std::abs(high)));
  std::uniform_int_distribution<Bits<T>> pattern(0, std::bit_cast<Bits<T>>(max));
  for (int i = 0; i < kPoints; ++i) {
    const T v = std::bit_cast<T>(pattern(random));
    add(v);
    add(-v);
  }
  return x;
}

// A function of one input, held to a bound on [low, high] in each type: what was measured, and 5% for luck.
struct Accuracy {
  const char* name;
  std::size_t kernel;
  long double (*exact)(long double);
  double low, high, f32_ulps, f64_ulps;
};

template <class F>
Accuracy row(const char* name, double low, double high, double f32_ulps, double f64_ulps,
             long double (*exact)(long double)) {
  return {name, ElementwiseOps::index<F>(), exact, low, high, f32_ulps, f64_ulps};
}

using Long = long double;

const std::vector<Accuracy> kAccuracy = {
    row<Neg>("neg", -1e38, 1e38, 0, 0, [](Long x) { return -x; }),
    row<Abs>("abs", -1e38, 1e38, 0, 0, [](Long x) { return std::abs(x); }),
    row<Sign>("sign", -1e38, 1e38, 0, 0, [](Long x) { return x > 0   ? 1
                                                             : x < 0 ? -1
                                                                     : x; }),
    row<Floor>("floor", -1e10, 1e10, 0, 0, [](Long x) { return std::floor(x); }),
    row<Relu>("relu", -1e38, 1e38, 0, 0, [](Long x) { return x < 0 ? 0 : x; }),
    row<Square>("square", -1e18, 1e18, 0.5, 0.5, [](Long x) { return x * x; }),
    row<Sqrt>("sqrt", 0, 1e38, 0.5, 0.5, [](Long x) { return std::sqrt(x); }),
    row<Reciprocal>("reciprocal", -1e38, 1e38, 0.5, 0.5, [](Long x) { return 1 / x; }),
    row<Exp>("exp", -87, 88, 1.5, 0.9, [](Long x) { return std::exp(x); }),
    row<Exp>("exp", -800, 800, 2.65, 1.65, [](Long x) { return std::exp(x); }),  // beyond 88 in two factors
    row<Expm1>("expm1", -10, 88, 1.5, 1.35, [](Long x) { return std::expm1(x); }),
    row<Expm1>("expm1", -800, 800, 2.65, 2, [](Long x) { return std::expm1(x); }),  // -1 a little early
    row<Expm1>("expm1", -1e-3, 1e-3, 0.55, 0.55, [](Long x) { return std::expm1(x); }),
    row<Log>("log", 0, 1e38, 0.8, 0.8, [](Long x) { return std::log(x); }),
    row<Log>("log", 0, 4, 0.8, 0.8, [](Long x) { return std::log(x); }),
    row<Log1p>("log1p", -1, 1e38, 0.82, 0.82, [](Long x) { return std::log1p(x); }),
    row<Log1p>("log1p", -1, 4, 0.82, 0.82, [](Long x) { return std::log1p(x); }),
    row<Log1p>("log1p", -1e-3, 1e-3, 0.7, 0.7, [](Long x) { return std::log1p(x); }),
    row<Sin>("sin", -10, 10, 0.6, 0.6, [](Long x) { return std::sin(x); }),
    row<Sin>("sin", -1e38, 1e38, 0.6, 0.6, [](Long x) { return std::sin(x); }),
    row<Sin>("sin", -1e4, 1e4, 0.6, 0.6, [](Long x) { return std::sin(x); }),
    row<Cos>("cos", -10, 10, 0.6, 0.6, [](Long x) { return std::cos(x); }),
    row<Cos>("cos", -1e38, 1e38, 0.6, 0.6, [](Long x) { return std::cos(x); }),
    row<Cos>("cos", -1e4, 1e4, 0.6, 0.6, [](Long x) { return std::cos(x); }),
    row<Atan>("atan", -1e38, 1e38, 2.15, 1.6, [](Long x) { return std::atan(x); }),
    row<Atan>("atan", -10, 10, 2.15, 1.6, [](Long x) { return std::atan(x); }),
    row<Erf>("erf", -6, 6, 2.35, 0.95, [](Long x) { return std::erf(x); }),
    row<Tanh>("tanh", -20, 20, 1.35, 1.35, [](Long x) { return std::tanh(x); }),
    row<Tanh>("tanh", -1e38, 1e38, 1.35, 1.35, [](Long x) { return std::tanh(x); }),
    row<Sigmoid>("sigmoid", -80, 80, 2.2, 2.1, [](Long x) { return 1 / (1 + std::exp(-x)); }),
    row<SigmoidSlope>("sigmoid_slope", -87, 87, 5, 5,
                      [](Long x) {
                        const Long e = std::exp(-std::abs(x));
                        return e / ((1 + e) * (1 + e));
                      }),
    row<TanhSlope>("tanh_slope", -43, 43, 5.4, 5.4,
                   [](Long x) {
                     const Long cosh = std::cosh(x);
                     return 1 / (cosh * cosh);
                   }),
    row<Bell<false>>("bell", -9, 9, 6, 6, [](Long x) { return std::exp(-x * x); }),
    row<Bell<false>>("bell", -40, 40, 6, 6, [](Long x) { return std::exp(-x * x); }),
    row<Bell<true>>("half_bell", -40, 40, 6, 6, [](Long x) { return std::exp(-x * x / 2); }),
    row<NormalCdf>("normal_cdf", -37, 10, 1, 6, [](Long x) { return std::erfc(-x * std::sqrt(0.5L)) / 2; }),
    row<Softplus>("softplus", -80, 80, 1.85, 1.45,
                  [](Long x) { return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x))); }),
};

// Awkward values: each by itself, and with each other where there are two inputs.
template <class T>
std::vector<T> extremes() {
  const T inf = Limits<T>::infinity(), min = Limits<T>::min(), max = Limits<T>::max();
  std::vector<T> x = {0,         Limits<T>::denorm_min(),
                      min,       min / 4,
                      T(1e-20),  T(0.5),
                      1,         T(1.5),
                      2,         3,
                      T(-87.5),  T(88.72),
                      T(88.73),  T(709.782),
                      T(709.79), T(1e10),
                      max,       inf};
  for (std::size_t i = 0, n = x.size(); i < n; ++i) x.push_back(-x[i]);
  x.push_back(Limits<T>::quiet_NaN());
  return x;
}

}  // namespace

TEMPLATE_TEST_CASE("functions of one input are accurate over their range", "[kernels]", float, double) {
  using T = TestType;
  for (const Accuracy& a : kAccuracy) {
    const std::vector<T> x = dense<T>(a.low, a.high);
    std::vector<Long> exact;
    for (const T v : x) exact.push_back(a.exact(v));
    for_each_table<T>([&](const Table<T>& table) {
      const std::vector<T> y = apply(table, a.kernel, {x});
      double worst = 0;
      T at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = ulps(y[i], exact[i]);
        if (error > worst) worst = error, at = x[i];
      }
      INFO(a.name << " on [" << a.low << ", " << a.high << "], worst at " << at);
      CHECK(worst <= (sizeof(T) == 4 ? a.f32_ulps : a.f64_ulps));
    });
  }
}

TEMPLATE_TEST_CASE("functions of one input at the extremes", "[kernels]", float, double) {
  using T = TestType;
  const std::vector<T> x = extremes<T>();
  for_each_table<T>([&](const Table<T>& table) {
    for (const Accuracy& a : kAccuracy) {
      const std::vector<T> y = apply(table, a.kernel, {x});
      for (std::size_t i = 0; i < x.size(); ++i) {
        // NaN propagates, also through max and select; infinities and overflow are where they should be.
        const Long exact = std::isnan(x[i]) ? x[i] : a.exact(x[i]);
        INFO(a.name << "(" << x[i] << ") = " << y[i] << ", exactly " << exact);
        CHECK((equal(y[i], static_cast<T>(exact)) || ulps(y[i], exact) < 2.7));
      }
    }
    const auto one = [&](std::size_t kernel, double v) {
      return apply(table, kernel, {{static_cast<T>(v)}})[0];
    };
    const double last = sizeof(T) == 4 ? 88.72283 : 709.78271;  // below log of the largest number
    CHECK(std::isfinite(one(ElementwiseOps::index<Exp>(), last)));
    CHECK(std::isinf(one(ElementwiseOps::index<Exp>(), last + 1e-4)));
    for (const double v : {20.0, 100.0, 1e30}) {
      CHECK(one(ElementwiseOps::index<Tanh>(), v) == 1);
      CHECK(one(ElementwiseOps::index<Tanh>(), -v) == -1);
      CHECK(one(ElementwiseOps::index<Softplus>(), v) == static_cast<T>(v == 20 ? 20.000000002061153 : v));
    }
    CHECK(std::signbit(one(ElementwiseOps::index<Neg>(), 0)));
  });
}

TEMPLATE_TEST_CASE("functions of two and three inputs", "[kernels]", float, double) {
  using T = TestType;
  std::vector<T> x, y;
  for (const T a : extremes<T>()) {
    for (const T b : extremes<T>()) x.push_back(a), y.push_back(b);
  }
  for (const T v : random_values<T>(20000, 1, 100)) x.push_back(v);
  for (const T v : random_values<T>(20000, 2, 5)) y.push_back(v);
  for (std::size_t i = x.size() - 5000; i < x.size(); ++i)
    y[i] = std::round(y[i]);  // whole powers of any sign
  const auto max = [](T a, T b) { return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b); };
  const auto min = [](T a, T b) { return std::isnan(a) || std::isnan(b) ? a + b : std::min(a, b); };
  for_each_table<T>([&](const Table<T>& table) {
    const auto check = [&]<class F>(const F&, const char* name, const auto& expected) {
      const std::vector<T> got = apply(table, ElementwiseOps::index<F>(), {x, y});
      for (std::size_t i = 0; i < x.size(); ++i) {
        INFO(name << "(" << x[i] << ", " << y[i] << ")");
        REQUIRE(equal(got[i], expected(x[i], y[i])));
      }
    };
    check(Add{}, "add", [](T a, T b) { return a + b; });
    check(Sub{}, "sub", [](T a, T b) { return a - b; });
    check(Mul{}, "mul", [](T a, T b) { return a * b; });
    check(Div{}, "div", [](T a, T b) { return a / b; });
    check(Maximum{}, "maximum", max);
    check(Minimum{}, "minimum", min);
    check(Equal{}, "eq", [](T a, T b) { return T(a == b); });
    check(Greater{}, "gt", [](T a, T b) { return T(a > b); });
    check(GreaterEqual{}, "ge", [](T a, T b) { return T(a >= b); });
    const std::vector<T> power = apply(table, ElementwiseOps::index<Pow>(), {x, y});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Long exact = std::pow(static_cast<Long>(x[i]), static_cast<Long>(y[i]));
      INFO(x[i] << " ^ " << y[i] << " = " << power[i] << ", exactly " << exact);
      REQUIRE((equal(power[i], static_cast<T>(exact)) || ulps(power[i], exact) < 0.55));
    }
    // A mask is true where it is not 0: NaN and -0 included.
    std::vector<T> mask(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) mask[i] = extremes<T>()[i % extremes<T>().size()];
    const std::vector<T> chosen = apply(table, ElementwiseOps::index<Where>(), {mask, x, y});
    for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(equal(chosen[i], mask[i] == 0 ? y[i] : x[i]));
  });
}

TEMPLATE_TEST_CASE("a value does not depend on its position", "[kernels]", float, double) {
  using T = TestType;
  constexpr std::size_t kMax = 70;
  std::vector<std::vector<T>> in;
  for (unsigned k = 0; k < 3; ++k) {
    in.push_back(random_values<T>(kMax + 5, k + 1, 30));
    for (std::size_t i = 0; i < in[k].size(); i += 3) in[k][i] /= 100;  // near the large ones
    in[k][20 + k] = Limits<T>::quiet_NaN();
    in[k][30 + k] = T(88.5);
    in[k][40 + k] = 0;
  }
  for_each_table<T>([&](const Table<T>& table) {
    for (std::size_t kernel = 0; kernel < ElementwiseOps::size; ++kernel) {
      for (int constant = -1; constant < 3; ++constant) {  // the input that is one value for all, or none
        const auto value = [&](int k, std::size_t i) {
          return in[static_cast<std::size_t>(k)][k == constant ? 0 : i];
        };
        std::vector<T> alone;
        for (std::size_t i = 0; i < kMax + 5; ++i) {
          alone.push_back(apply(table, kernel, {{value(0, i)}, {value(1, i)}, {value(2, i)}})[0]);
        }
        bool same = true;
        for (std::size_t n = 1; n <= kMax; ++n) {
          for (const std::size_t offset : {0u, 1u, 5u}) {
            const T* at[3];
            std::int64_t step[3];
            for (int k = 0; k < 3; ++k) {
              at[k] = in[static_cast<std::size_t>(k)].data() + (k == constant ? 0 : offset);
              step[k] = k == constant ? 0 : 1;
            }
            std::vector<T> out(n + 1, T(77));
            const char functor = 0;  // the functors are empty
            table.elementwise[kernel](&functor, static_cast<std::int64_t>(n), at, step, out.data());
            for (std::size_t i = 0; i < n; ++i) {
              same = same && (same_bits(out[i], alone[offset + i]) ||
                              (std::isnan(out[i]) && std::isnan(alone[offset + i])));
            }
            same = same && out[n] == T(77);
          }
        }
        INFO("kernel " << kernel << " of the list, constant input " << constant);
        CHECK(same);
      }
    }
  });
}
