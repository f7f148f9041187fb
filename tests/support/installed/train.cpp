// A short run: train FOLDER.
#include <cstdio>

#include "envs/registry.h"
#include "rl/runs/choice.h"
#include "rl/runs/training.h"

int main(int, char** argv) {
  saccade::rl::RunInfo info;
  info.config = saccade::rl::config_for("pendulum");
  info.config.run.steps = 300;
  info.config.run.eval_every = 0;
  saccade::rl::TrainingListener quiet;
  const auto summary = saccade::rl::Training::begin(info, argv[1]).run(quiet);
  std::printf("%d steps\n", summary ? summary->at("steps").get<int>() : -1);
}
