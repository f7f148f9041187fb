// Helpers that the tests of environments share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "envs/env.h"

namespace saccade::tests {

using envs::Box;
using envs::Env;
using envs::StepResult;

inline std::vector<double> observation_of(const Env& env) {
  std::vector<double> observation(envs::size_of(env.spec().observation_space));
  env.observe(observation);
  return observation;
}

inline std::vector<double> reset(Env& env, Rng& rng) {
  std::vector<double> observation(envs::size_of(env.spec().observation_space));
  env.reset(rng, observation);
  return observation;
}

struct Stepped {
  StepResult transition;
  std::vector<double> observation;
};

inline Stepped step(Env& env, const std::vector<double>& action) {
  Stepped stepped{{}, std::vector<double>(envs::size_of(env.spec().observation_space))};
  stepped.transition = env.step(action, stepped.observation);
  return stepped;
}

inline std::vector<double> random_action(const Env& env, Rng& rng) {
  std::vector<double> action(envs::size_of(env.spec().action_space));
  envs::sample(env.spec().action_space, rng, action);
  return action;
}

inline bool is_inside(const std::vector<double>& point, const Box& box) {
  for (std::size_t i = 0; i < point.size(); ++i) {
    if (!(box.low[i] <= point[i] && point[i] <= box.high[i])) return false;
  }
  return true;
}

// Sets an environment variable for as long as it lives.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Setting() { ::unsetenv(name_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
};

}  // namespace saccade::tests
