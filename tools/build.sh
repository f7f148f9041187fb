#!/usr/bin/env bash
# Sets up, configures and builds build/release: build.sh [TARGET] [-DOPTION=VALUE ...]. Says little unless it
# fails. build.sh saccade builds the command alone.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release
target=all
options=()
for argument in "$@"; do
  if [[ $argument == -D* ]]; then options+=("$argument"); else target=$argument; fi
done

"$root/tools/setup.sh"

# A build folder keeps the generator that it began with.
generator=()
if [[ ! -f $build/CMakeCache.txt ]] && command -v ninja >/dev/null; then generator=(-G Ninja); fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
fail() {
  cat "$log" >&2
  echo "build.sh: $1 failed" >&2
  exit 1
}
# On a terminal, one line that says how far it is; elsewhere nothing.
show() {
  if [[ ! -t 1 ]]; then cat >"$log"; return; fi
  tee "$log" | while IFS= read -r line; do
    if [[ $line == "["* ]]; then printf '\r\033[K%.79s' "$line"; fi
  done
  printf '\r\033[K'
}

cd "$root"
cmake --preset release "${generator[@]}" "${options[@]}" >"$log" 2>&1 || fail "configuring"
[[ -x $build/saccade ]] || echo "Building Saccade; the first time takes a few minutes."
cmake --build "$build" --target "$target" -j "$(nproc)" 2>&1 | show || fail "building"
