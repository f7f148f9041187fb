#!/usr/bin/env bash
# install.sh BUILD: an installed saccade runs a MuJoCo task from any folder, with no file but itself; beside it stand its manual
# page and what bash completes.
set -euo pipefail

prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --component command --prefix "$prefix" >"$prefix/log" || { cat "$prefix/log"; exit 1; }
[[ $(cd "$prefix" && find . -type f ! -name log | sort | tr '\n' ' ') == \
  "./bin/saccade ./share/bash-completion/completions/saccade ./share/man/man1/saccade.1 " ]]
grep -q '^\.SS train' "$prefix/share/man/man1/saccade.1"
if command -v man >/dev/null; then [[ -z $(man --warnings -l "$prefix/share/man/man1/saccade.1" 2>&1 >/dev/null) ]]; fi
# What Tab offers: commands, tasks, options.
offers() { bash -c 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); _saccade; echo "${COMPREPLY[*]}"' - \
  "$prefix/share/bash-completion/completions/saccade" "$@"; }
[[ $(offers saccade tra) == train ]]
[[ $(offers saccade train Humanoid-v) == "Humanoid-v4 Humanoid-v5" ]]
[[ $(offers saccade eval x --rec) == "--record --record-episodes" ]]
cd /
env -i "$prefix/bin/saccade" eval --random Ant-v5 --episodes 1
