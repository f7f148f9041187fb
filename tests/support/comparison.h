// A comparison that takes a second.
#pragma once

namespace saccade::test {

inline constexpr const char* kTwoConfigurations = R"({
  // two configurations of one task
  "tasks": {"pendulum": {"steps": 900}},
  "seeds": [1, 4],
  "set": {"hidden": [8], "steps": 700, "learning_starts": 100, "batch_size": 16, "eval_every": 300, "eval_episodes": 2,
          "final_eval_episodes": 2, "diagnose_every": 300, "checkpoint_every": 100},
  "configurations": {"SAC, alpha 0.2": {"learn_alpha": false, "initial_alpha": 0.2}, "TD3": {"algorithm": "td3", "hidden": [12]}}
})";

}  // namespace saccade::test
