#!/usr/bin/env bash
# Looks for mistakes with clang-tidy and the checks of .clang-tidy: tidy.sh [FILE...], all sources if none is named. Takes
# minutes. Fails if it finds any.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/tidy

fail() {
  echo "tidy.sh: $1" >&2
  exit 1
}
# The first of these programs that is here.
first() {
  local name
  for name in "$@"; do
    if command -v "$name"; then return; fi
  done
  fail "there is no $1 here; tools/setup.sh --ci installs it"
}
runner=$(first run-clang-tidy-14 run-clang-tidy)
tidy=$(first clang-tidy-14 clang-tidy)
compiler=$(first clang++-14 clang++)

# clang-tidy reads what a compiler would be told; clang's own command lines hold no flag that it does not know.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake -S "$root" -B "$build" -DCMAKE_CXX_COMPILER="$compiler" -DSACCADE_TESTS=ON -DSACCADE_MPI=ON >"$log" 2>&1 ||
  { cat "$log" >&2; fail "configuring failed"; }

patterns=()
for file in "$@"; do
  patterns+=("^$(realpath -- "$file")\$")
done
if ! "$runner" -clang-tidy-binary "$tidy" -p "$build" -quiet -j "$(nproc)" "${patterns[@]}" >"$log" 2>&1; then
  # Its findings, without how far it got; all it said if it failed otherwise.
  grep -v -E '^([0-9]+ warnings|Suppressed|Use -header-filter|[^ ]*clang-tidy[^ ]* -|Enabled checks)' "$log" || cat "$log"
  fail "found mistakes"
fi
