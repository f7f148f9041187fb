#include "rl/runs/evaluate_run.h"

#include <memory>

#include "rl/runs/training.h"
#include "rl/training/checkpoint.h"

namespace saccade::rl {

std::unique_ptr<Agent> load_agent(const std::string& run) {
  const Config config = read_run_info(run).config;
  check_networks_fit(run, config);
  std::unique_ptr<Agent> agent = make_agent(config);
  load_weights(run_file(run, "checkpoint"), *agent);
  return agent;
}

Evaluation evaluate_agent(const Agent& agent, const EnvFactory& make, std::int64_t episodes,
                          std::int64_t seed) {
  return evaluate(make, agent, episodes, evaluation_rng(seed));
}

Evaluation evaluate_random(const EnvFactory& make, std::int64_t episodes, std::int64_t seed) {
  const std::unique_ptr<envs::Env> env = make();
  const envs::Spec& spec = env->spec();
  const Rng starts = evaluation_rng(seed);
  Rng actions = starts.split("random actions");
  const Act act = [&](std::span<const double>, std::span<double> action) {
    envs::sample(spec.action_space, actions, action);
  };
  return run_episodes(*env, act, episodes, starts);
}

}  // namespace saccade::rl
