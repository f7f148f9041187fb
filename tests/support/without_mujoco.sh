#!/usr/bin/env bash
# without_mujoco.sh SOURCE BUILD: a build without MuJoCo says so, passes its tests, and lists the tasks as not available.
set -euo pipefail

cmake -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=Release -DSACCADE_MUJOCO=OFF -DSACCADE_TESTS=ON | tee "$2.log"
grep -q "MuJoCo: none; its tasks will not be available" "$2.log"
cmake --build "$2" -j "$(nproc)" >"$2.log" 2>&1 || { tail -n 50 "$2.log"; exit 1; }
"$2/tests/saccade_tests"
"$2/saccade" envs | tee "$2.log"
grep -q "Not available, for want of MuJoCo" "$2.log"
grep -q "Humanoid-v5" "$2.log"
rm -rf "$2" "$2.log"
