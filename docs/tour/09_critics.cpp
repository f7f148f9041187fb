// Chapter 9: why the best of noisy values is too good, what a second critic does about it, and the
// temperature.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "autograd/grad.h"
#include "autograd/ops.h"
#include "nn/distributions/tanh_normal.h"
#include "nn/optim/adam.h"
#include "picture.h"

using namespace saccade;

namespace {

// Ten actions are all worth 0. Critics see that plus noise of their own, N(0, 1); the policy takes the action
// that it is told is best. What it is told, on average over many draws.
struct Told {
  double one_critic = 0, smaller_of_two = 0;
};
Told best_of_noise(int actions) {
  constexpr int kDraws = 20'000;
  Rng rng(0);
  Told told;
  for (int draw = 0; draw < kDraws; ++draw) {
    double one = -1e9, two = -1e9;
    for (int action = 0; action < actions; ++action) {
      const double q1 = rng.normal(), q2 = rng.normal();
      one = std::max(one, q1);
      two = std::max(two, std::min(q1, q2));
    }
    told.one_critic += one / kDraws;
    told.smaller_of_two += two / kDraws;
  }
  return told;
}

// SAC with one state and one action, a in [-1, 1], whose worth is known: Q(a) = -scale (a - 0.3)^2.
class OneState {
 public:
  explicit OneState(double scale) : scale_(scale) {}

  void update() {
    const nn::TanhNormal pi(expand(mean_, {256, 1}), expand(log_std_, {256, 1}));
    const nn::TanhNormal::Sample drawn = pi.rsample(eps_);
    const Tensor log_prob = pi.log_prob(drawn);
    const Tensor q = -scale_ * square(drawn.action - 0.3);
    const Tensor actor_loss = mean(alpha() * log_prob - q);
    const Tensor alpha_loss = -mean(exp(log_alpha_) * (log_prob.detach() + target_entropy));
    entropy_ = -mean(log_prob).item();
    actor_.step(grad(actor_loss, {mean_, log_std_}));
    temperature_.step(grad(alpha_loss, TensorList{log_alpha_}));
  }
  double alpha() const { return std::exp(log_alpha_.item()); }
  double sigma() const { return std::exp(log_std_.item()); }
  double action() const { return std::tanh(mean_.item()); }
  double entropy() const { return entropy_; }  // at the last update

  static constexpr double target_entropy = -1;

 private:
  static Tensor noise() {
    Rng rng(0);
    const Tensor half = randn({128, 1}, rng, DType::f64);
    return cat({half, -half}, 0);  // each with its mirror image, so that the mean is 0
  }
  double scale_, entropy_ = 0;
  Tensor eps_ = noise();
  Tensor mean_ = zeros({1, 1}, DType::f64).requires_grad_(),
         log_std_ = zeros({1, 1}, DType::f64).requires_grad_();
  Tensor log_alpha_ = scalar(0, DType::f64).requires_grad_();
  nn::Adam actor_{{mean_, log_std_}, {.lr = 0.01}}, temperature_{{log_alpha_}, {.lr = 0.01}};
};

}  // namespace

int main(int argc, char** argv) {
  fmt::print(
      "actions worth 0, noise of 1: what the best one seems worth\n actions   one critic   smaller of two\n");
  for (const int actions : {1, 2, 10, 100}) {
    const Told told = best_of_noise(actions);
    fmt::print("{:8} {:12.2f} {:16.2f}\n", actions, told.one_critic, told.smaller_of_two);
  }

  fmt::print("\nan error of 0.1 at each backup, gamma = 0.99\n  backups   error\n");
  double error = 0;
  for (int backup = 1; backup <= 1000; ++backup) {
    error = 0.1 + 0.99 * error;
    if (backup == 1 || backup == 10 || backup == 100 || backup == 1000)
      fmt::print("{:9} {:7.2f}\n", backup, error);
  }

  fmt::print("\nQ(a) = -10 (a - 0.3)^2, target entropy -1\n update   tanh(mean)   sigma   entropy   alpha\n");
  std::vector<std::pair<double, double>> entropies, alphas;
  OneState agent(10);
  for (int update = 1; update <= 3000; ++update) {
    const double alpha = agent.alpha();
    agent.update();
    if (update % 10 == 0) {
      entropies.emplace_back(update, agent.entropy());
      alphas.emplace_back(update, alpha);
    }
    if (update == 1 || update == 100 || update == 300 || update == 600 || update == 1000 || update == 3000) {
      fmt::print("{:7} {:12.2f} {:7.2f} {:9.2f} {:7.3f}\n", update, agent.action(), agent.sigma(),
                 agent.entropy(), alpha);
    }
  }
  fmt::print("\nthe same with other scales of Q, after 8,000 updates\n scale    sigma   entropy   alpha\n");
  for (const double scale : {1.0, 10.0, 100.0}) {
    OneState other(scale);
    for (int update = 1; update <= 8000; ++update) other.update();
    fmt::print("{:6} {:8.3f} {:9.2f} {:7.3f}\n", scale, other.sigma(), other.entropy(), other.alpha());
  }

  if (argc > 1) {
    Picture picture("The temperature finds its value", {"updates", 0, 3000}, {"", -2, 1.2});
    picture.curve(entropies, "#1f5fa8", "entropy, which is to become -1");
    picture.curve(alphas, "#c0392b", "alpha");
    picture.write(argv[1]);
  }
}
