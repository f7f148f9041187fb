// Chapter 6: what the kernels do for speed, and what they must not lose by it. Times, which are never the
// same twice, go to stderr.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "base/threads.h"
#include "picture.h"

using namespace saccade;

namespace {

// The shortest of five.
template <class F>
double milliseconds(const F& f) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
    best = std::min(best, spent.count());
  }
  return best;
}

// C = A B, as in a textbook.
void multiply(std::size_t n, const float* a, const float* b, float* c) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += a[i * n + k] * b[k * n + j];
      c[i * n + j] = sum;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t n = 512;
  Rng rng(0);
  const Tensor a = randn({n, n}, rng), b = randn({n, n}, rng);
  std::vector<float> c(n * n);
  Tensor product;

  set_num_threads(1);
  const double textbook = milliseconds([&] { multiply(n, a.data<float>(), b.data<float>(), c.data()); });
  const double kernel = milliseconds([&] { product = matmul(a, b); });
  fmt::print(stderr,
             "512 x 512 times 512 x 512, one thread: {:.1f} ms as in a textbook, {:.2f} ms by the kernel, "
             "{:.0f} times as fast\n",
             textbook, kernel, textbook / kernel);

  double worst = 0, largest = 0;
  const std::vector<double> by_kernel = product.to_vector();
  for (std::size_t i = 0; i < c.size(); ++i) {
    worst = std::max(worst, std::abs(by_kernel[i] - static_cast<double>(c[i])));
    largest = std::max(largest, std::abs(by_kernel[i]));
  }
  fmt::print("a product of 512 x 512: {} multiplications and additions\n", 2 * n * n * n);
  fmt::print("numbers in memory: {}, each used {} times\n", 2 * n * n, n);
  fmt::print("kernel and textbook agree to 5 digits of the largest element: {}\n",
             worst < 1e-5 * largest ? "yes" : "no");

  set_num_threads(2);
  const bool same = matmul(a, b).to_vector() == by_kernel;
  fmt::print("the same bits on two threads: {}\n", same ? "yes" : "no");

  // 0.1 in f32 is 0.100000001490116; ten million of them are 1000000.015.
  const Tensor tenths = full({10'000'000}, 0.1);
  float running = 0;
  const float* p = tenths.data<float>();
  std::vector<std::pair<double, double>> off;
  for (int i = 0; i < 10'000'000; ++i) {
    if (i % 100'000 == 0) off.emplace_back(i * 1e-6, static_cast<double>(running) - i * 0.1);
    running += p[i];
  }
  const double engine = sum(tenths).item();
  fmt::print("\nten million times 0.1, in f32\n  one after the other:    {:.0f}\n",
             static_cast<double>(running));
  fmt::print("  within 1 of a million by the engine's sum: {}\n", std::abs(engine - 1e6) < 1 ? "yes" : "no");

  if (argc > 1) {
    Picture picture("How far 0.1, added again and again in 32 bits, is off", {"millions of additions", 0, 10},
                    {"total less what it should be", -50000, 100000});
    picture.curve(off, "#c0392b", "one after the other");
    picture.curve({{0, 0}, {10, engine - 1e6}}, "#1f5fa8", "by the engine's sum");
    picture.write(argv[1]);
  }
}
