#include "rl/training/evaluation.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "rl/components/action_scale.h"

namespace saccade::rl {

Evaluation run_episodes(envs::Env& env, const Act& act, std::int64_t episodes, Rng rng,
                        const std::function<bool()>& should_stop) {
  std::vector<double> obs(envs::size_of(env.spec().observation_space));
  std::vector<double> action(envs::size_of(env.spec().action_space));
  Evaluation evaluation;
  for (std::int64_t i = 0; i < episodes; ++i) {
    env.reset(rng, obs);
    double ret = 0;
    std::int64_t length = 0;
    for (envs::StepResult result; !result.ends_episode(); ++length) {
      if (should_stop && should_stop()) return evaluation;
      act(obs, action);
      result = env.step(action, obs);
      ret += result.reward;
      if (result.diverged) ++evaluation.divergences;
    }
    evaluation.returns.push_back(ret);
    evaluation.lengths.push_back(length);
  }
  return evaluation;
}

Evaluation evaluate(const EnvFactory& make_env, const Agent& agent, std::int64_t episodes, Rng rng,
                    const std::function<bool()>& should_stop) {
  const std::unique_ptr<envs::Env> env = make_env();
  const ActionScale scale(env->spec());
  const Act act = [&](std::span<const double> obs, std::span<double> action) {
    agent.act(obs, {}, ActMode::exploit, action);
    scale(action, action);
  };
  return run_episodes(*env, act, episodes, rng, should_stop);
}

double Evaluation::mean() const {
  return std::accumulate(returns.begin(), returns.end(), 0.0) / static_cast<double>(returns.size());
}

double Evaluation::std() const {
  double sum = 0;
  for (const double r : returns) sum += (r - mean()) * (r - mean());
  return std::sqrt(sum / static_cast<double>(returns.size()));
}

double Evaluation::min() const { return *std::min_element(returns.begin(), returns.end()); }
double Evaluation::max() const { return *std::max_element(returns.begin(), returns.end()); }

}  // namespace saccade::rl
