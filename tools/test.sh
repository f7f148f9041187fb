#!/usr/bin/env bash
# Sets up, builds, and runs all tests: test.sh [--long]. --long runs the long ones alone. With CI=true, warnings are
# errors, so are a test that cannot run here and a file that tools/format.sh would change.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
labels=(--label-exclude long)
case ${1-} in
  "") ;;
  --long) labels=(--label-regex long) ;;
  *)
    echo "test.sh: unknown argument '$1'; usage: tools/test.sh [--long]" >&2
    exit 2
    ;;
esac
options=(-DSACCADE_TESTS=ON -DSACCADE_WERROR=OFF)
if [[ ${CI-} == true ]]; then
  options=(-DSACCADE_TESTS=ON -DSACCADE_WERROR=ON -DSACCADE_MUJOCO=ON)
  "$root/tools/setup.sh" --ci
  # Debian 13 has no clang-format 14, whose word counts.
  if command -v clang-format-14 >/dev/null || ! command -v clang-format >/dev/null; then "$root/tools/format.sh" --check; fi
fi

"$root/tools/build.sh" "${options[@]}"
exec ctest --test-dir "$root/build/release" --output-on-failure -j "$(nproc)" "${labels[@]}"
