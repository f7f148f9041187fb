#include "rl/components/train_state.h"

#include <fmt/format.h>

namespace saccade::rl {

TrainState::TrainState(const Rng& rng, std::int64_t envs)
    : action_rng(rng.split("action")), sample_rng(rng.split("sample")), noise_rng(rng.split("noise")) {
  for (std::int64_t i = 0; i < envs; ++i) {
    copies.emplace_back().rng = rng.split(i == 0 ? "env" : fmt::format("env {}", i));
  }
}

void TrainState::leave_episodes() {
  for (EnvCopy& copy : copies) {
    EnvCopy fresh;
    fresh.rng = copy.rng;
    copy = fresh;
  }
  n_step.clear();
}

}  // namespace saccade::rl
