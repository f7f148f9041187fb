#!/usr/bin/env bash
# Sets up, builds, and runs all tests: test.sh [--long]. --long runs the long ones alone. With CI=true,
# warnings are errors.
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
werror=OFF
[[ ${CI-} != true ]] || werror=ON

"$root/tools/build.sh" -DSACCADE_WERROR=$werror -DSACCADE_TESTS=ON
exec ctest --test-dir "$root/build/release" --output-on-failure -j "$(nproc)" "${labels[@]}"
