// What every algorithm and the loop around it owe: planted faults of these kinds once passed every other
// test.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "envs/registry.h"
#include "rl/algorithms/registry.h"
#include "rl/components/targets.h"
#include "rl/runs/config.h"
#include "rl/runs/training.h"
#include "rl/training/train.h"
#include "tests/support/catch.h"

using namespace saccade;

namespace {

// Two numbers that stay; the actions that it is given are kept. They are those of a lopsided box, or three
// choices.
struct Listener final : envs::Env {
  explicit Listener(bool discrete) : spec_(spec_of(discrete)) {}
  static envs::Spec spec_of(bool discrete) {
    envs::Spec spec = {.id = "Listener-v0",
                       .observation_space = envs::Box{{-1, -1}, {1, 1}},
                       .action_space = envs::Box{{-2}, {6}},
                       .max_episode_steps = 7};
    if (discrete) {
      spec.id = "DiscreteListener-v0";
      spec.action_space = envs::Discrete{3};
    }
    return spec;
  }
  const envs::Spec& spec() const override { return spec_; }
  void reset(Rng&, std::span<double> observation) override { observe(observation); }
  envs::StepResult step(std::span<const double> action, std::span<double> observation) override {
    heard.push_back(action[0]);
    observe(observation);
    return {.reward = 0.25 * static_cast<double>(heard.size() % 4)};
  }
  void observe(std::span<double> observation) const override { observation[0] = 0.3, observation[1] = -0.6; }
  std::vector<double> state() const override { return {}; }
  void set_state(std::span<const double>) override {}

  static inline std::vector<double> heard;

 private:
  envs::Spec spec_;
};

bool is_discrete(const std::string& algorithm) {
  return rl::find_algorithm(algorithm).actions == rl::ActionKind::discrete;
}

// What the environment hears of an action.
double heard_of(const std::string& algorithm, double action) {
  return is_discrete(algorithm) ? action : 2 + 4 * action;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const rl::AlgorithmInfo& info : rl::algorithms()) all.push_back(info.name);
  return all;
}

rl::Config config_of(const std::string& algorithm) {
  static const bool added = [] {
    envs::add("Listener-v0", [] { return std::make_unique<Listener>(false); });
    envs::add("DiscreteListener-v0", [] { return std::make_unique<Listener>(true); });
    return true;
  }();
  REQUIRE(added);
  rl::Config config(algorithm);
  config.run.env = is_discrete(algorithm) ? "DiscreteListener-v0" : "Listener-v0";
  rl::update_from_text(config, "hidden=[8]");
  // Targets that follow in every update, part of the way.
  if (config.find("tau").key != nullptr) rl::update_from_text(config, "tau=0.1");
  if (config.find("target_every").key != nullptr) rl::update_from_text(config, "target_every=1");
  config.run.steps = 60;
  config.off_policy.learning_starts = 30;
  config.off_policy.batch_size = 8;
  return config;
}

std::vector<double> column(const rl::ReplayBuffer& buffer, const std::string& name) {
  for (const auto& [key, tensor] : buffer.named_state()) {
    if (key == name) return tensor.to_vector();
  }
  return {};
}

}  // namespace

TEST_CASE(
    "the buffer holds actions in [-1, 1], the environment hears them stretched to its box, or as choices",
    "[promises]") {
  for (const std::string& name : names()) {
    INFO(name);
    const rl::Config config = config_of(name);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    rl::ReplayBuffer buffer(100, 2, 1);
    rl::TrainState state(Rng(1), 1);
    Listener::heard.clear();
    rl::train(
        config.run, config.off_policy, [&] { return envs::make(config.run.env); }, *agent, buffer, state);
    const std::vector<double> kept = column(buffer, "action");
    REQUIRE(kept.size() == 60);
    REQUIRE(Listener::heard.size() == 60);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (!is_discrete(name)) CHECK(std::abs(kept[i]) <= 1);
      CHECK(Listener::heard[i] == Approx(heard_of(name, kept[i])).margin(1e-5));
    }
    if (is_discrete(name)) {
      CHECK(std::set<double>(kept.begin(), kept.end()) == std::set<double>{0, 1, 2});
    } else {
      CHECK(*std::max_element(Listener::heard.begin(), Listener::heard.end()) > 2);
    }
  }
}

TEST_CASE("rewards are scaled in the buffer, and nowhere else", "[promises]") {
  for (const double scale : {1.0, 3.0, 0.5}) {
    rl::Config config = config_of("sac");
    config.off_policy.reward_scale = scale;
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    rl::ReplayBuffer buffer(100, 2, 1);
    rl::TrainState state(Rng(1), 1);
    Listener::heard.clear();
    double ret = -1;
    rl::train(
        config.run, config.off_policy, [] { return envs::make("Listener-v0"); }, *agent, buffer, state,
        {.on_episode = [&](const rl::TrainState&, const rl::Episode& e) { ret = ret < 0 ? e.ret : ret; }});
    const std::vector<double> rewards = column(buffer, "reward");
    for (std::size_t i = 0; i < rewards.size(); ++i) {
      CHECK(rewards[i] == Approx(scale * 0.25 * static_cast<double>((i + 1) % 4)));
    }
    CHECK(ret == Approx(0.25 * (1 + 2 + 3 + 0 + 1 + 2 + 3)));  // of the first episode
  }
}

TEST_CASE("evaluation takes the best action that the policy knows", "[promises]") {
  for (const std::string& name : names()) {
    INFO(name);
    const rl::Config config = config_of(name);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    const std::vector<double> obs = {0.3, -0.6};
    std::vector<double> best(1), low(1), high(1);
    agent->act(obs, {}, rl::ActMode::exploit, best);
    agent->act(obs, std::vector{-3.0}, rl::ActMode::explore, low);
    agent->act(obs, std::vector{3.0}, rl::ActMode::explore, high);
    REQUIRE((best != low || best != high));
    Listener::heard.clear();
    rl::evaluate([&] { return envs::make(config.run.env); }, *agent, 2, Rng(3));
    REQUIRE(Listener::heard.size() == 14);
    for (const double heard : Listener::heard) CHECK(heard == Approx(heard_of(name, best[0])).margin(1e-5));
  }
}

TEST_CASE("targets start as copies, and follow", "[promises]") {
  for (const std::string& name : names()) {
    INFO(name);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config_of(name));
    const auto weights = [&](const std::string& prefix) {
      std::vector<double> all;
      for (const auto& [key, tensor] : nn::with_prefix(agent->named_weights(), prefix)) {
        for (const double x : tensor.to_vector()) all.push_back(x);
      }
      return all;
    };
    // Whichever targets the algorithm has; none has no critic's.
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& [online, target] :
         std::vector<std::pair<std::string, std::string>>{{"critic.", "target."},
                                                          {"critic.", "target_critic."},
                                                          {"actor.", "target_actor."},
                                                          {"value.", "target_value."}}) {
      if (!weights(target).empty()) pairs.emplace_back(online, target);
    }
    if (name == "crossq") {  // has none, which is its point
      CHECK(pairs.empty());
      continue;
    }
    REQUIRE_FALSE(pairs.empty());
    for (const auto& [online, target] : pairs) CHECK(weights(online) == weights(target));
    Rng rng(1);
    const Tensor box = rand({8, 1}, rng, DType::f32, -1, 1);
    const rl::Batch batch = {randn({8, 2}, rng), is_discrete(name) ? floor(1.5 * (box + 1)) : box,
                             randn({8, 1}, rng), randn({8, 2}, rng), zeros({8, 1})};
    const std::vector<double> before = weights(pairs[0].second);
    for (int i = 0; i < 2; ++i) agent->update(batch, rng);
    CHECK(weights(pairs[0].second) != before);
    CHECK(weights(pairs[0].second) != weights(pairs[0].first));
  }
}

TEST_CASE("n-step returns and weights are what every algorithm says they are", "[promises]") {
  for (const std::string& name : names()) {
    INFO(name);
    rl::Config config = config_of(name);
    rl::update_from_text(config, "gamma=0.875");
    const auto update = [&](auto change) {
      const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
      CHECK(agent->discount() == 0.875);
      Rng rng(1);
      const Tensor box = rand({8, 1}, rng, DType::f32, -1, 1);
      rl::Batch batch = {randn({8, 2}, rng), is_discrete(name) ? floor(1.5 * (box + 1)) : box,
                         randn({8, 1}, rng), randn({8, 2}, rng), zeros({8, 1})};
      change(batch);
      const double loss = agent->update(batch, rng)["critic_loss"];
      const bool weighted = batch.weight.defined();
      CHECK(agent->last_td_errors().defined() == weighted);
      if (weighted) {
        CHECK(agent->last_td_errors().numel() == 8);
        CHECK(amin(agent->last_td_errors()).item() >= 0);
        CHECK(amax(agent->last_td_errors()).item() > 0);
      }
      return loss;
    };
    const double plain = update([](rl::Batch&) {});
    CHECK(update([](rl::Batch& b) { b.discount = full({8, 1}, 0.875); }) == Approx(plain).epsilon(1e-5));
    CHECK(update([](rl::Batch& b) { b.discount = full({8, 1}, 0.5); }) != Approx(plain).epsilon(1e-4));
    CHECK(update([](rl::Batch& b) { b.weight = full({8, 1}, 1); }) == Approx(plain).epsilon(1e-5));
    CHECK(update([](rl::Batch& b) { b.weight = full({8, 1}, 0.5); }) == Approx(0.5 * plain).epsilon(1e-5));
  }
}

TEST_CASE("the entropy that an update reports is the policy's", "[promises]") {
  int reported = 0;
  for (const std::string& name : names()) {
    INFO(name);
    rl::Config config = config_of(name);
    for (const char* setting :
         {"policy_delay=1", "alpha=1000"}) {  // at such an alpha soft Q's policy is uniform
      const std::string key = std::string(setting).substr(0, std::string(setting).find('='));
      if (config.find(key).key != nullptr) rl::update_from_text(config, setting);
    }
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    Rng rng(1);
    const Tensor box = rand({4096, 1}, rng, DType::f32, -1, 1);
    const rl::Metrics metrics =
        agent->update({randn({4096, 2}, rng), is_discrete(name) ? floor(1.5 * (box + 1)) : box,
                       zeros({4096, 1}), randn({4096, 2}, rng), ones({4096, 1})},
                      rng);
    for (const rl::Metric& metric : metrics) {
      if (metric.name != std::string("entropy")) continue;
      ++reported;
      // New networks give a mean near 0 and a sigma of 0.5 or more, of entropy 0.2 to 0.7; or three choices
      // of log 3.
      CHECK(*metric.value > (is_discrete(name) ? 0.9 : 0.1));
      CHECK(*metric.value < (is_discrete(name) ? std::log(3) + 1e-4 : 0.75));
    }
  }
  CHECK(reported >= 8);
}

TEST_CASE("errors to draw by are the critics' distance from the target", "[promises]") {
  const Tensor q = from_values({1, 5, -2, 5}, {2, 2, 1}), y = from_values({2, 9}, {2, 1});
  rl::Batch batch;
  CHECK_FALSE(rl::td_errors(batch, q, y).defined());
  batch.weight = ones({2, 1});
  CHECK(rl::td_errors(batch, q, y).to_vector() == std::vector<double>{(1 + 4) / 2.0, (4 + 4) / 2.0});

  // Networks begin near 0, so a last reward of 100 is an error of about 100, whatever the critics are.
  for (const std::string& name : names()) {
    INFO(name);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config_of(name));
    Rng rng(1);
    const Tensor box = rand({8, 1}, rng, DType::f32, -1, 1), none;
    agent->update({randn({8, 2}, rng), is_discrete(name) ? floor(1.5 * (box + 1)) : box, full({8, 1}, 100),
                   randn({8, 2}, rng), ones({8, 1}), none, ones({8, 1})},
                  rng);
    for (const double error : agent->last_td_errors().to_vector()) CHECK(std::abs(error - 100) < 5);
  }
}

TEST_CASE("gradients are scaled down to max_grad_norm, and smaller ones stay", "[promises]") {
  for (const std::string& name : names()) {
    INFO(name);
    // The largest step of a weight in an update, of each network that learns. Adam undoes a factor on
    // gradients, but not beneath its eps.
    const auto largest_steps = [&](const std::string& setting) {
      rl::Config config = config_of(name);
      rl::update_from_text(config, setting);
      if (config.find("policy_delay").key != nullptr) rl::update_from_text(config, "policy_delay=1");
      const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
      std::vector<Tensor> before;
      for (const auto& [key, tensor] : agent->named_weights()) before.push_back((1 * tensor).detach());
      Rng rng(1);
      const Tensor box = rand({8, 1}, rng, DType::f32, -1, 1);
      agent->update({randn({8, 2}, rng), is_discrete(name) ? floor(1.5 * (box + 1)) : box, randn({8, 1}, rng),
                     randn({8, 2}, rng), zeros({8, 1})},
                    rng);
      std::map<std::string, double> largest;
      std::size_t i = 0;
      for (const auto& [key, tensor] : agent->named_weights()) {
        const Tensor old = before[i++];
        // Targets follow; statistics, such as CrossQ's, move by themselves.
        if (key.starts_with("target") || key.find(".bn") != std::string::npos) continue;
        double& step = largest[key.substr(0, key.find('.'))];
        step = std::max(step, amax(abs(tensor.detach() - old)).item());
      }
      return largest;
    };
    const std::map<std::string, double> plain = largest_steps("max_grad_norm=null"),
                                        huge = largest_steps("max_grad_norm=1e9"),
                                        tiny = largest_steps("max_grad_norm=1e-12");
    CHECK(plain.at("critic") > 1e-4);
    for (const auto& [network, step] : plain) {
      INFO(network);
      if (network == "actor" || network == "value" || network == "log_alpha") CHECK(step > 1e-4);
      CHECK(huge.at(network) == step);
      CHECK(tiny.at(network) < 1e-2 * step);
    }
  }
}

TEST_CASE("a buffer that does not keep what the settings need is refused", "[promises]") {
  rl::Config config = config_of("sac");
  const auto go = [&](const rl::ReplayOptions& options) {
    rl::ReplayBuffer buffer(100, 2, 1, options);
    rl::TrainState state(Rng(1), 1);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    config.run.steps = 1;
    rl::train(
        config.run, config.off_policy, [] { return std::make_unique<Listener>(false); }, *agent, buffer,
        state);
  };
  CHECK_NOTHROW(go({}));
  CHECK_THROWS_WITH(go({.priority_alpha = 0.6}),
                    Catch::Contains("prioritized is false, but the replay buffer has"));
  config.off_policy.n_step = 3;
  CHECK_NOTHROW(go({.discounts = true}));
  CHECK_THROWS_WITH(go({}), Catch::Contains("n_step is 3, but the replay buffer keeps no discounts"));
  config.off_policy.prioritized = true;
  CHECK_NOTHROW(go({.discounts = true, .priority_alpha = 0.6}));
  CHECK_THROWS_WITH(go({.discounts = true}),
                    Catch::Contains("prioritized is true, but the replay buffer has no"));
}

TEST_CASE("a reward that is no number ends training at once, n-step or not", "[promises]") {
  struct Broken final : envs::Env {
    Listener sound{false};
    int steps = 0;
    const envs::Spec& spec() const override { return sound.spec(); }
    void reset(Rng& rng, std::span<double> observation) override { sound.reset(rng, observation); }
    envs::StepResult step(std::span<const double> action, std::span<double> observation) override {
      envs::StepResult result = sound.step(action, observation);
      if (++steps == 5) result.reward = std::nan("");
      return result;
    }
    void observe(std::span<double> observation) const override { sound.observe(observation); }
    std::vector<double> state() const override { return {}; }
    void set_state(std::span<const double>) override {}
  };
  for (const std::int64_t n : {1, 3}) {
    rl::Config config = config_of("sac");
    config.off_policy.n_step = n;
    rl::ReplayBuffer buffer(100, 2, 1, {.discounts = true});
    rl::TrainState state(Rng(1), 1);
    const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
    CHECK_THROWS_WITH(
        rl::train(
            config.run, config.off_policy, [] { return std::make_unique<Broken>(); }, *agent, buffer, state),
        Catch::Contains("Listener-v0: the reward of step 4 is nan, expected a finite number"));
    for (const double reward : column(buffer, "reward")) CHECK(std::isfinite(reward));
  }
}
