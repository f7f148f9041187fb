#include "tools/bench/work.h"

#include <array>
#include <chrono>
#include <cmath>
#include <memory>

#include "autograd/grad.h"
#include "autograd/kernels/gemm.h"
#include "autograd/modes.h"
#include "autograd/ops.h"
#include "base/threads.h"
#include "rl/algorithms/sac.h"
#include "rl/components/replay_buffer.h"
#include "tools/bench/random_walk.h"

namespace saccade::bench {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void multiply(ProductList& list, const Product& p) {
  const Matrix &a = list.matrices[p.a], &b = list.matrices[p.b];
  Matrix& c = list.matrices[p.c];
  kernels::Gemm<float> gemm;
  gemm.m = p.m;
  gemm.n = p.n;
  gemm.k = p.k;
  gemm.a = a.values.data();
  gemm.a_row = p.transpose_a ? 1 : a.cols;
  gemm.a_col = p.transpose_a ? a.cols : 1;
  gemm.b = b.values.data() + b_column(p, b);
  gemm.b_row = p.transpose_b ? 1 : b.cols;
  gemm.b_col = p.transpose_b ? b.cols : 1;
  gemm.c = c.values.data() + c_column(p, c);
  gemm.c_row = c.cols;
  kernels::gemm(gemm, {.count = p.count, .a = a.stride(), .b = b.stride(), .c = c.stride()});
}

// An agent and a batch for it. Learning rates are so low that thousands of updates on one batch change
// nothing that matters.
struct Learner {
  explicit Learner(const UpdateSize& s)
      : size(s),
        config(make_config(s)),
        agent(config, s.obs, s.action, Rng(1)),
        buffer(kFilled, s.obs, s.action) {
    std::vector<double> obs(static_cast<std::size_t>(size.obs)), next(obs),
        action(static_cast<std::size_t>(size.action));
    for (std::int64_t i = 0; i < kFilled; ++i) {
      for (double& x : obs) x = rng.normal();
      for (double& x : next) x = rng.normal();
      for (double& x : action) x = rng.uniform(-1, 1);
      buffer.add(obs, action, rng.normal(), next, i % 100 == 0);
    }
    batch = buffer.sample(size.batch, rng);
    for (int i = 0; i < kFirstUpdates; ++i) agent.update(batch, rng);
  }

  static rl::SacConfig make_config(const UpdateSize& s) {
    rl::SacConfig c;
    c.hidden = s.hidden;
    c.actor_lr = c.critic_lr = c.alpha_lr = kLearningRate;
    return c;
  }

  static constexpr std::int64_t kFilled = 20'000;
  static constexpr int kFirstUpdates = 25;  // which are kept from harm at a cost: see rl::UpdateGuard
  static constexpr double kLearningRate = 1e-6;
  UpdateSize size;
  rl::SacConfig config;
  Rng rng;
  rl::Sac agent;
  rl::ReplayBuffer buffer;
  rl::Batch batch;
};

// The seconds between calls of lap(), summed by phase.
class Laps {
 public:
  void start() { last_ = Clock::now(); }
  void lap(Phase phase) {
    const Clock::time_point now = Clock::now();
    sums_[static_cast<std::size_t>(phase)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  std::vector<double> over(std::int64_t calls) const {
    std::vector<double> seconds(sums_.begin(), sums_.end());
    for (double& s : seconds) s /= static_cast<double>(calls);
    return seconds;
  }

 private:
  Clock::time_point last_;
  std::array<double, kPhases> sums_{};
};

}  // namespace

Work repeat(std::function<void()> once) {
  return [once = std::move(once)](std::int64_t calls) {
    const Clock::time_point start = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) once();
    return std::vector{seconds_since(start) / static_cast<double>(calls)};
  };
}

Work with_threads(int threads, Work work) {
  return [threads, work = std::move(work)](std::int64_t calls) {
    set_num_threads(threads);
    return work(calls);
  };
}

Work products(ProductList list, Multiply multiply) {
  list.fill();
  return repeat([list = std::make_shared<ProductList>(std::move(list)), multiply = std::move(multiply)] {
    for (const Product& product : list->products) multiply(*list, product);
  });
}

Work products_by_phase(ProductList list, Multiply multiply) {
  list.fill();
  return [list = std::make_shared<ProductList>(std::move(list)),
          multiply = std::move(multiply)](std::int64_t calls) {
    Laps laps;
    for (std::int64_t i = 0; i < calls; ++i) {
      laps.start();
      const std::vector<Product>& all = list->products;
      for (std::size_t p = 0; p < all.size(); ++p) {
        multiply(*list, all[p]);
        if (p + 1 == all.size() || all[p + 1].phase != all[p].phase) laps.lap(all[p].phase);
      }
    }
    return laps.over(calls);
  };
}

Work products(ProductList list) { return products(std::move(list), multiply); }
Work products_by_phase(ProductList list) { return products_by_phase(std::move(list), multiply); }

Work update(const UpdateSize& size) {
  return repeat([l = std::make_shared<Learner>(size)] { l->agent.update(l->batch, l->rng); });
}

Work update_phases(const UpdateSize& size) {
  struct Stepper : Learner {
    using Learner::Learner;
    // As the agent's own, which are private.
    nn::Adam actor_adam{agent.actor().parameters(), {.lr = kLearningRate}};
    nn::Adam critic_adam{agent.critic().parameters(), {.lr = kLearningRate}};
    nn::Adam alpha_adam{{agent.log_alpha()}, {.lr = kLearningRate}};
  };
  return [l = std::make_shared<Stepper>(size)](std::int64_t calls) {
    Laps laps;
    const Shape noise = {l->size.batch, l->size.action};
    for (std::int64_t i = 0; i < calls; ++i) {
      laps.start();
      l->batch = l->buffer.sample(l->size.batch, l->rng);
      laps.lap(Phase::sample);
      const Tensor eps_next = randn(noise, l->rng), eps = randn(noise, l->rng);
      laps.lap(Phase::noise);
      const Tensor y = l->agent.critic_target(l->batch, {eps_next, eps_next});
      laps.lap(Phase::critic_target);
      const rl::Sac::CriticLoss critic = l->agent.critic_loss(l->batch, y);
      laps.lap(Phase::critic_loss);
      const TensorList critic_grad = grad(critic.loss, l->agent.critic().parameters());
      laps.lap(Phase::critic_grad);
      l->critic_adam.step(critic_grad);
      laps.lap(Phase::critic_adam);
      const rl::Sac::ActorLoss actor = l->agent.actor_loss(l->batch.obs, eps);
      laps.lap(Phase::actor_loss);
      const TensorList actor_grad = grad(actor.loss, l->agent.actor().parameters());
      laps.lap(Phase::actor_grad);
      l->actor_adam.step(actor_grad);
      laps.lap(Phase::actor_adam);
      l->alpha_adam.step({grad(l->agent.alpha_loss(actor.log_prob), l->agent.log_alpha())});
      laps.lap(Phase::temperature);
      l->agent.target().polyak(l->agent.critic(), l->config.tau);
      laps.lap(Phase::polyak);
    }
    return laps.over(calls);
  };
}

Work policy(const UpdateSize& size) {
  struct Policy {
    rl::Sac agent;
    std::vector<double> obs, action;
  };
  const std::shared_ptr<Policy> p(
      new Policy{rl::Sac(Learner::make_config(size), size.obs, size.action, Rng(1)),
                 std::vector<double>(static_cast<std::size_t>(size.obs), 0.5),
                 std::vector<double>(static_cast<std::size_t>(size.action))});
  return repeat([p] { p->agent.act(p->obs, {}, rl::ActMode::exploit, p->action); });
}

const std::vector<Elementwise>& elementwise_ops() {
  static const std::vector<Elementwise> ops = {{"tanh", 1},     {"exp", 1}, {"log", 1},
                                               {"softplus", 1}, {"add", 2}, {"mul", 2}};
  return ops;
}

Work elementwise(const std::string& op) {
  Rng rng(1);
  const Tensor x = rand({kElements}, rng, DType::f32, 0.01, 2), y = rand({kElements}, rng);
  const auto without_graph = [](auto f) {
    return repeat([f] {
      const NoGrad no_grad;
      f();
    });
  };
  if (op == "tanh") return without_graph([x] { tanh(x); });
  if (op == "exp") return without_graph([x] { exp(x); });
  if (op == "log") return without_graph([x] { log(x); });
  if (op == "softplus") return without_graph([x] { softplus(x); });
  if (op == "add") return without_graph([x, y] { add(x, y); });
  return without_graph([x, y] { mul(x, y); });
}

Work tape() {
  const Tensor x = from_values({0.5}, {1}).requires_grad_();
  const Work chain = repeat([x] {
    Tensor y = x;
    for (int i = 0; i < kChain; ++i) y = y * 1.0001;
    grad(y, x);
  });
  return [chain](std::int64_t calls) {
    std::vector<double> seconds = chain((calls + kChain - 1) / kChain);
    seconds[0] /= kChain;
    return seconds;
  };
}

Work env_step(const std::string& id) {
  return repeat([walk = std::make_shared<RandomWalk>(id)] { walk->step(); });
}

}  // namespace saccade::bench
