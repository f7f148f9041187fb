#!/usr/bin/env bash
# Installs the package into a fresh virtual environment, as a user would, and runs its tests there:
# python/test.sh [PYTHON [PIP ARGUMENT...]], such as python/test.sh python3.13 -C cmake.define.SACCADE_MUJOCO=OFF
# With SACCADE naming the command, runs go to the shell and back.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${1-python3}
shift || true

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "$@" "$root[test]"
cd "$folder"  # where no other saccade is
"$folder/venv/bin/python" -m pytest -q --rootdir "$root" "$root/python/tests"
