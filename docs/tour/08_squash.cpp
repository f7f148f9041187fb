// Chapter 8: drawing an action through which gradients flow, and the density of a squashed action.
#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "autograd/grad.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "nn/distributions/entropy.h"
#include "nn/distributions/tanh_normal.h"
#include "picture.h"

using namespace saccade;
using nn::LogProbForm;
using nn::Normal;
using nn::TanhNormal;

namespace {

Tensor one(double value, DType dtype = DType::f64) { return full({1}, value, dtype); }

// Mean 0: pi(a) of the squashed action, and what one gets without dividing by 1 - a^2.
double density(double log_std, double u) {
  return std::exp(TanhNormal(one(0), one(log_std)).log_prob(one(u)).item());
}
double uncorrected(double log_std, double u) {
  return std::exp(Normal(one(0), one(log_std)).log_prob(one(u)).item());
}

// The area under a density of a, in strips that get narrower towards -1 and 1: their edges are the tanh of
// equal steps of u.
double area(double (*f)(double, double), double log_std) {
  double total = 0;
  for (double u = -15; u < 15; u += 0.0625)
    total += f(log_std, u + 0.03125) * (std::tanh(u + 0.0625) - std::tanh(u));
  return total;
}

// The probability that N(0, 1) lies between two numbers.
double probability(double from, double to) {
  return 0.5 * (std::erf(to / std::numbers::sqrt2) - std::erf(from / std::numbers::sqrt2));
}

}  // namespace

int main(int argc, char** argv) {
  // The noise is drawn first and is a constant; mean and log sigma are what gradients flow to.
  const Tensor mean = one(0.3).requires_grad_(), log_std = one(-0.5).requires_grad_();
  const TanhNormal pi(mean, log_std);
  const TanhNormal::Sample drawn = pi.rsample(one(0.8));
  fmt::print("mean 0.3, log sigma -0.5, noise 0.8: u = {:.4f}, a = tanh(u) = {:.4f}\n", drawn.u.item(),
             drawn.action.item());
  const TensorList moves = grad(drawn.action, {mean, log_std});
  fmt::print("da/dmean = {:.4f}, da/dlog sigma = {:.4f}\n", moves[0].item(), moves[1].item());

  fmt::print("\nu ~ N(0, 1): equal pieces of u, and where tanh puts them\n");
  fmt::print("  u from   to  probability   a from      to    width   prob/width   N(u)/(1-a^2)\n");
  for (const double u : {0.0, 1.0, 2.0, 3.0}) {
    const double p = probability(u, u + 0.1), a = std::tanh(u), b = std::tanh(u + 0.1);
    fmt::print("  {:6.1f} {:4.1f} {:12.5f} {:8.4f} {:7.4f} {:8.5f} {:12.3f} {:14.3f}\n", u, u + 0.1, p, a, b,
               b - a, p / (b - a), density(0, u + 0.05));
  }

  fmt::print("\n  sigma   area under the density of a    entropy\n");
  fmt::print("          corrected   not corrected     corrected   not corrected\n");
  for (const double sigma : {0.3, 0.6, 1.0, 2.0}) {
    fmt::print("{:7.1f} {:11.3f} {:15.3f} {:13.3f} {:15.3f}\n", sigma, area(density, std::log(sigma)),
               area(uncorrected, std::log(sigma)), nn::tanh_normal_entropy(0, sigma),
               nn::normal_entropy(sigma));
  }
  const bool passes =
      gradcheck([](Tensor m) { return Normal(m, one(0)).log_prob(one(1)); }, one(0.3)).passed();
  fmt::print("does a gradient check notice what is missing? {}\n", passes ? "no" : "yes");

  // In f32, at u: mean 0, sigma 1. log(1 - tanh(u)^2) = log 4 - 2 u - 2 log(1 + exp(-2 u)), here in f64.
  fmt::print("\n  u     tanh(u) in f32   log(1 - a^2)   1e-6 form, f32   exact form, f32\n");
  for (const double u : {0.5, 3.0, 5.0, 6.0, 10.0, 15.0}) {
    const Tensor at = one(u, DType::f32);
    const TanhNormal unit(one(0, DType::f32), one(0, DType::f32));
    const double gauss = Normal(one(0), one(0)).log_prob(one(u)).item();
    fmt::print("{:4.1f} {:18.6f} {:14.1f} {:16.1f} {:17.1f}\n", u, tanh(at).item(),
               std::log(4) - 2 * u - 2 * std::log1p(std::exp(-2 * u)),
               gauss - unit.log_prob(at, LogProbForm::eps1e6).item(), gauss - unit.log_prob(at).item());
  }

  if (argc > 1) {
    Picture picture("u ~ N(0, 1), a = tanh(u): the density of a", {"a", -1, 1}, {"density", 0, 0.8});
    std::vector<std::pair<double, double>> right, wrong;
    for (int i = -199; i <= 199; ++i) {
      const double a = 0.005 * i, u = std::atanh(a);
      right.emplace_back(a, density(0, u));
      wrong.emplace_back(a, uncorrected(0, u));
    }
    picture.curve(right, "#1f5fa8", "N(u) / (1 - a²): area 1");
    picture.curve(wrong, "#c0392b", fmt::format("N(u) alone: area {:.2f}", area(uncorrected, 0)));
    picture.write(argv[1]);
  }
}
