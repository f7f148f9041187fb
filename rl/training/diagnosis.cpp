#include "rl/training/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <variant>

#include "rl/components/action_scale.h"
#include "rl/components/rows.h"

namespace saccade::rl {

namespace {

constexpr std::int64_t kMostSteps = 1000;

// s_0, ..., s_T side by side, and the noise with which each was acted on.
struct Path {
  std::vector<double> obs, noise, rewards;
  bool terminated = false;
};

Path act_once(envs::Env& env, const Agent& agent, Rng& rng) {
  const ActionScale scale(env.spec());
  std::vector<double> obs(envs::size_of(env.spec().observation_space));
  std::vector<double> action(envs::size_of(env.spec().action_space));
  std::vector<double> noise(static_cast<std::size_t>(agent.noise_size()));
  Path path;
  env.reset(rng, obs);
  for (std::int64_t t = 0;; ++t) {
    rng.fill_normal(noise);
    path.obs.insert(path.obs.end(), obs.begin(), obs.end());
    path.noise.insert(path.noise.end(), noise.begin(), noise.end());
    if (t == kMostSteps) return path;
    agent.act(obs, noise, agent.judged(), action);
    scale(action, action);
    const envs::StepResult result = env.step(action, obs);
    if (result.diverged || !std::isfinite(result.reward)) return path;  // as if it had been cut before
    path.rewards.push_back(result.reward);
    path.terminated = result.terminated;
    if (!result.ends_episode()) continue;
    rng.fill_normal(noise);
    path.obs.insert(path.obs.end(), obs.begin(), obs.end());
    path.noise.insert(path.noise.end(), noise.begin(), noise.end());
    return path;
  }
}

std::vector<double> numbers(const Tensor& column) {
  std::vector<double> all(static_cast<std::size_t>(column.numel()));
  copy_rows("numbers", column, all);
  return all;
}

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// Shares of the values in equal parts of [-limit, limit], the outer ones with all beyond.
std::vector<double> histogram(std::span<const double> values, double limit, std::size_t bins) {
  std::vector<double> shares(bins);
  for (const double x : values) {
    const double part = (std::clamp(x, -limit, limit) + limit) / (2 * limit) * static_cast<double>(bins);
    shares[std::min(static_cast<std::size_t>(part), bins - 1)] += 1 / static_cast<double>(values.size());
  }
  return shares;
}

void count_actions(Diagnosis& d, const envs::Spec& spec, std::span<const double> actions) {
  if (const auto* choices = std::get_if<envs::Discrete>(&spec.action_space)) {
    d.actions.resize(static_cast<std::size_t>(choices->n));
    for (const double a : actions) {
      d.actions.at(static_cast<std::size_t>(a)) += 1 / static_cast<double>(actions.size());
    }
    return;
  }
  std::vector<double> u;
  double beyond = 0;
  for (const double a : actions) {
    u.push_back(std::atanh(a));
    if (std::abs(a) > 0.99) ++beyond;
  }
  d.actions = histogram(actions, 1, Diagnosis::kBins);
  d.pre_squash = histogram(u, Diagnosis::kPreSquash, Diagnosis::kBins);
  d.saturated = actions.empty() ? 0 : beyond / static_cast<double>(actions.size());
}

// Rows of normal noise, each column of which has mean 0 and variance 1 exactly, as many draws would: the mean
// of a Gaussian's log density over them is exact.
std::vector<double> standardised_draws(std::size_t draws, std::size_t width) {
  std::vector<double> z(draws * width);
  Rng rng(1);
  rng.fill_normal(z);
  const auto n = static_cast<double>(draws);
  for (std::size_t j = 0; j < width; ++j) {
    double sum = 0, squares = 0;
    for (std::size_t k = 0; k < draws; ++k) sum += z[k * width + j];
    for (std::size_t k = 0; k < draws; ++k) {
      z[k * width + j] -= sum / n;
      squares += z[k * width + j] * z[k * width + j];
    }
    for (std::size_t k = 0; k < draws; ++k) z[k * width + j] /= std::sqrt(squares / n);
  }
  return z;
}

}  // namespace

std::optional<Diagnosis> diagnose(const EnvFactory& make_env, const Agent& agent, double reward_scale,
                                  Rng rng) {
  const std::unique_ptr<envs::Env> env = make_env();
  const Path path = act_once(*env, agent, rng);
  const std::size_t steps = path.rewards.size();
  if (steps == 0) return std::nullopt;  // it diverged at once
  const Inspection seen = agent.inspect(path.obs, path.noise);
  if (!seen.q.defined()) return std::nullopt;
  const std::vector<double> q = numbers(seen.q);
  std::vector<double> log_pi(q.size());
  if (seen.log_prob.defined()) log_pi = numbers(seen.log_prob);

  Diagnosis d;
  d.steps = static_cast<std::int64_t>(steps);
  d.alpha = seen.alpha;
  d.target_entropy = seen.target_entropy;
  if (seen.log_prob.defined()) d.entropy = -mean_of(std::span(log_pi).first(steps));
  double next = path.terminated ? 0 : q[steps] - seen.alpha * log_pi[steps], squares = 0;
  for (std::size_t t = steps; t-- > 0;) {
    const double soft_return = reward_scale * path.rewards[t] + agent.discount() * next;
    next = soft_return - seen.alpha * log_pi[t];
    d.ret += path.rewards[t];
    d.soft_return += soft_return / static_cast<double>(steps);
    d.q += q[t] / static_cast<double>(steps);
    squares += (q[t] - soft_return) * (q[t] - soft_return);
  }
  d.q_error = std::sqrt(squares / static_cast<double>(steps));
  const std::vector<double> actions = numbers(seen.action);
  const std::size_t width = actions.size() / q.size();
  count_actions(d, env->spec(), std::span(actions).first(steps * width));
  d.gradient_norms = agent.gradient_norms();
  return d;
}

Outlook outlook(const Agent& agent, std::span<const double> obs, std::size_t observation_size) {
  constexpr std::size_t kDraws = 16;
  const auto width = static_cast<std::size_t>(agent.noise_size());
  const std::vector<double> draws = standardised_draws(kDraws, width);
  std::vector<double> noise(obs.size() / observation_size * width);
  Outlook all;
  const auto add = [](const Tensor& column, double share, std::vector<double>& sums) {
    if (!column.defined()) return;
    const std::vector<double> values = numbers(column);
    sums.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) sums[i] += share * values[i];
  };
  for (std::size_t k = 0; k < kDraws; ++k) {
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = draws[k * width + i % width];
    const Inspection seen = agent.inspect(obs, noise);
    add(seen.q, 1.0 / kDraws, all.q);
    add(seen.log_prob, -1.0 / kDraws, all.entropy);
  }
  return all;
}

}  // namespace saccade::rl
