#!/usr/bin/env bash
# consumer.sh SOURCE BUILD COMPILER: a project that has Saccade as a part (add_subdirectory) builds README's example of the
# engine, without what only the command and the tests need. BUILD is a folder to do it in, removed when all is well.
set -euo pipefail

source=$1 build=$2 compiler=$3
rm -rf "$build"
mkdir -p "$build"

awk '/^## The engine in a few lines/ {here = 1} here && /^```/ {if (inside) exit; inside = 1; next} inside' \
  "$source/README.md" >"$build/main.cpp"

# No optimisation: it is compiled to see that it can be.
quietly() { "$@" >"$build.log" 2>&1 || { tail -n 50 "$build.log"; exit 1; }; }
options=(-DSACCADE="$source" -DMAIN="$build/main.cpp" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=None -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON
         -DCMAKE_DISABLE_FIND_PACKAGE_benchmark=ON -DCMAKE_DISABLE_FIND_PACKAGE_Catch2=ON)
# By FetchContent, which takes it from a folder here, as far as the first library; the rest is the same.
quietly cmake -S "$source/tests/support/consumer" -B "$build/fetched" "${options[@]}" -DFETCH=ON
quietly cmake --build "$build/fetched" --target saccade_base -j "$(nproc)"
quietly cmake -S "$source/tests/support/consumer" -B "$build" "${options[@]}"
quietly cmake --build "$build" --target consumer -j "$(nproc)"
"$build/consumer" | tee "$build.log"
grep -q "passed" "$build.log"
rm -rf "$build" "$build.log"
