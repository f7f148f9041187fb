#!/usr/bin/env bash
# install.sh BUILD: an installed saccade runs a MuJoCo task from any folder, with no file but itself.
set -euo pipefail

prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix" >"$prefix/log" || { cat "$prefix/log"; exit 1; }
[[ $(find "$prefix" -type f ! -name log) == "$prefix/bin/saccade" ]]
cd /
env -i "$prefix/bin/saccade" eval --random Ant-v5 --episodes 1
