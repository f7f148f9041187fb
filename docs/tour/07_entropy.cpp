// Chapter 7: entropy, and the soft maximum V = alpha log sum exp(Q / alpha).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "nn/distributions/entropy.h"
#include "picture.h"
#include "rl/tabular/solve.h"

using namespace saccade;

int main(int argc, char** argv) {
  fmt::print("a coin that shows heads with probability p\n     p   entropy\n");
  for (const double p : {0.5, 0.7, 0.9, 0.99, 1.0}) fmt::print("  {:.2f}   {:.4f}\n", p, nn::coin_entropy(p));

  const std::vector<double> q = {1.0, 0.9, -1.0};
  fmt::print("\nthree actions worth 1, 0.9 and -1\n alpha   probabilities           entropy   E Q      V\n");
  for (const double alpha : {0.0, 0.05, 0.2, 1.0, 5.0}) {
    const std::vector<double> pi = rl::boltzmann(q, alpha).probabilities;
    double expected = 0;
    for (std::size_t i = 0; i < q.size(); ++i) expected += pi[i] * q[i];
    fmt::print("  {:<4}   {:.4f}  {:.4f}  {:.4f}   {:.4f}    {:.4f}   {:.4f}\n", alpha, pi[0], pi[1], pi[2],
               nn::entropy(pi), expected, rl::soft_value(q, alpha));
  }

  // No other policy has a larger E Q + alpha H: here 100,000 drawn ones.
  constexpr double alpha = 0.2;
  Rng rng(1);
  double best = -1e9;
  for (int i = 0; i < 100'000; ++i) {
    double p[3], total = 0, objective = 0;
    for (double& share : p) total += share = -std::log(1 - rng.uniform());
    for (std::size_t k = 0; k < 3; ++k) objective += p[k] / total * (q[k] - alpha * std::log(p[k] / total));
    best = std::max(best, objective);
  }
  fmt::print("\nalpha = 0.2: V = {:.4f}; the best E Q + alpha H of 100,000 random policies = {:.4f}\n",
             rl::soft_value(q, alpha), best);

  // How V follows each Q: the derivative is that action's probability.
  const Tensor values = from_values(q, {3}, DType::f64).requires_grad_();
  const std::vector<double> slopes = grad(alpha * logsumexp(values / alpha, {0}), values).to_vector();
  fmt::print("dV/dQ = {:.4f}, {:.4f}, {:.4f}\n", slopes[0], slopes[1], slopes[2]);

  if (argc > 1) {
    Picture picture("The value of two actions, one worth 0", {"what the other is worth", -2, 2}, {"V", 0, 2});
    const std::pair<double, const char*> kinds[] = {{0, "#222222"}, {0.3, "#1f5fa8"}, {1, "#c0392b"}};
    for (const auto& [temperature, color] : kinds) {
      std::vector<std::pair<double, double>> points;
      for (int i = -100; i <= 100; ++i) {
        points.emplace_back(0.02 * i, rl::soft_value(std::vector<double>{0, 0.02 * i}, temperature));
      }
      picture.curve(points, color,
                    fmt::format("alpha = {:g}{}", temperature, temperature == 0 ? ", the maximum" : ""));
    }
    picture.write(argv[1]);
  }
}
