// The action of a run's policy for some observation: act RUN NUMBER...
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "inference/policy.h"

int main(int argc, char** argv) {
  saccade::inference::Policy policy = saccade::inference::Policy::load(argv[1]);
  std::vector<double> observation, action(static_cast<std::size_t>(policy.action_size()));
  for (int i = 2; i < argc; ++i) observation.push_back(std::atof(argv[i]));
  policy.act(observation, action);
  for (const double a : action) std::printf("%.6f\n", a);
}
