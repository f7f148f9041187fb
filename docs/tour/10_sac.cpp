// Chapter 10: SAC learns to swing up a pendulum. Learning in f32 comes to other digits on other processors,
// so stdout has what holds on all of them; the figures of this run go to stderr.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "envs/registry.h"
#include "picture.h"
#include "rl/runs/config.h"
#include "rl/runs/parts.h"
#include "rl/training/train.h"

using namespace saccade;

int main(int argc, char** argv) {
  rl::Config config = rl::config_for("pendulum");
  const rl::EnvFactory make = [&] { return envs::make(config.run.env); };
  const std::unique_ptr<rl::Agent> agent = rl::make_agent(config);
  rl::ReplayBuffer buffer = rl::make_buffer(config);
  rl::TrainState state(Rng(1));

  const double before = rl::evaluate(make, *agent, 20, Rng(2)).mean();
  rl::TrainCallbacks watch;
  std::vector<std::pair<double, double>> returns;
  watch.on_episode = [&](const rl::TrainState& at, const rl::Episode& episode) {
    returns.emplace_back(at.step, episode.ret);
    if (episode.number % 5 == 0) fmt::print(stderr, "step {:5}: return {:7.1f}\n", at.step, episode.ret);
  };
  rl::train(config.run, config.off_policy, make, *agent, buffer, state, watch);
  const double after = rl::evaluate(make, *agent, 20, Rng(2)).mean();
  fmt::print(stderr, "20 episodes before: {:.1f} on average; after: {:.1f}\n", before, after);

  fmt::print("{}: {} steps of {} episodes\n", config.run.env, state.step, state.step / 200);
  fmt::print("before learning it gets below -800 on average: {}\n", before < -800 ? "yes" : "no");
  fmt::print("after learning it gets above -200 on average: {}\n", after > -200 ? "yes" : "no");

  if (argc > 1) {
    Picture picture("SAC on Pendulum-v1: what each episode brought", {"step", 0, 10000},
                    {"return", -1800, 200});
    picture.curve(returns, "#1f5fa8", "return of the episode that ended there");
    picture.write(argv[1]);
  }
}
