#!/usr/bin/env bash
# header.sh SACCADE: how long act() of an exported header takes, for Pendulum's networks and for the default ones, and the
# engine's own policy of the same size in the same minute. Compiled by c++ with -O2, -O3, and -O3 for this processor.
set -euo pipefail

saccade=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >main.cpp <<'END'
#include "policy.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

int main() {
  float observation[policy::kObservations], action[policy::kActions], sum = 0;
  double best = 1e9;
  for (int repeat = 0; repeat < 30; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) {
      std::fill(observation, observation + policy::kObservations, 0.001F * static_cast<float>(i));
      policy::act(observation, action);
      sum += action[0];
    }
    const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
    best = std::min(best, spent.count());
  }
  std::printf("%.2f us%s\n", best, sum == 12345 ? " " : "");
}
END

for size in 3-1-64 17-6-256; do
  env=Pendulum-v1 hidden=[64,64]
  if [[ $size == 17-* ]]; then env=HalfCheetah-v4 hidden=[256,256]; fi
  "$saccade" train "$env" --run "$size" --quiet --steps 60 --set learning_starts=50 --set eval_every=0 --set "hidden=$hidden" \
    --set final_eval_episodes=1 --set batch_size=8 >/dev/null
  "$saccade" export "$size" policy.h --force >/dev/null
  for flags in -O2 -O3 "-O3 -march=native"; do
    # shellcheck disable=SC2086
    c++ -std=c++17 $flags main.cpp -o main
    echo "act, $size, header, $flags: $(./main)"
  done
done
"$saccade" bench --threads 1 --filter '^policy/17-6-256$' | grep policy
