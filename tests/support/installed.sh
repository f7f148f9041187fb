#!/usr/bin/env bash
# installed.sh SOURCE BUILD COMPILER: a project that finds the installed copy of BUILD builds README's example of the engine,
# acts with a run's policy, and trains; and pkg-config's flags do for the first of them.
set -euo pipefail

source=$1 build=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 50 "$work/log"; exit 1; }; }

quietly cmake --install "$build" --prefix "$work/prefix"
[[ -f $work/prefix/include/saccade/autograd/tensor.h ]]
[[ ! -e $work/prefix/include/saccade/autograd/kernels ]]
awk '/^## The engine in a few lines/ {here = 1} here && /^```/ {if (inside) exit; inside = 1; next} inside' \
  "$source/README.md" >"$work/main.cpp"
quietly cmake -S "$source/tests/support/installed" -B "$work/build" -DMAIN="$work/main.cpp" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE=None -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_DISABLE_FIND_PACKAGE_benchmark=ON
quietly cmake --build "$work/build" -j "$(nproc)"
"$work/build/engine" | grep -q passed
"$work/build/train" "$work/run" | grep -qx "300 steps"
"$work/build/act" "$work/run" 1 0 0 | grep -q '^-\?[0-2]\.'
# Acting takes no MuJoCo.
if ldd "$work/build/act" | grep -q mujoco; then
  echo "installed.sh: a program that only acts is linked with MuJoCo" >&2
  exit 1
fi
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name saccade.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
quietly "$compiler" "$work/main.cpp" -o "$work/engine" $(pkg-config --cflags --libs saccade)
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH") "$work/engine" | grep -q passed
