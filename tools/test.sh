#!/usr/bin/env bash
# Sets up, builds, and runs all tests: test.sh [--long [STEP...]]. With CI=true, warnings are errors, and so are a test that
# cannot run here and a file that tools/format.sh would change; the Python package's tests run too, in a virtual environment
# in build/venv, wherever pip reaches a package index; and the source is broken for two minutes, which the tests must notice.
#
# --long takes hours and ends with a table of what passed. Its steps, of which some may be named:
#   tests    the tests too long for every day: ten seeds, a browser, crashes, a minute of each fuzz target, the recipes; and
#            TensorBoard, where Python has its package
#   asan     every test under AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan     the threaded tests under ThreadSanitizer
#   clang    every test, built by clang
#   python   the Python package as pip installs it, in a virtual environment, and its tests
#   tidy     clang-tidy
#   mutants  mutation of the source, a hundred mutants of each room
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
every_test=(ctest --output-on-failure -j "$(nproc)" --label-exclude long)
usage="usage: tools/test.sh [--long [tests|asan|tsan|clang|python|tidy|mutants]...]"

# A build of its own in build/NAME (warnings are no errors: GCC 12 has false ones under its sanitizers), with whichever of ccache and ninja is there: built NAME OPTION...
built() {
  local name=$1
  shift
  if command -v ccache >/dev/null; then set -- "$@" -DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
  if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
  cmake -S "$root" -B "$root/build/$name" -DSACCADE_TESTS=ON "$@" >/dev/null
  cmake --build "$root/build/$name" -j "$(nproc)" >"$root/build/$name.log" 2>&1 || { tail -n 50 "$root/build/$name.log"; return 1; }
}

long_tests() { ctest --test-dir "$root/build/release" --output-on-failure --label-regex long; }
long_asan() {
  built asan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSACCADE_SANITIZE=address,undefined
  "${every_test[@]}" --test-dir "$root/build/asan" --timeout 10800 --exclude-regex 'fuzz|consumer|install'
}
long_tsan() {
  built tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSACCADE_SANITIZE=thread
  "$root/build/tsan/tests/saccade_tests" "[parallel],[memory],[files],[train],[engine],[run_folders],[mujoco],[dashboard],[compare],[team]~[.]"
  ctest --test-dir "$root/build/tsan" --output-on-failure --tests-regex '^race$'
}
long_clang() {
  built clang -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=clang++ -DSACCADE_WERROR=ON
  "${every_test[@]}" --test-dir "$root/build/clang" --exclude-regex 'fuzz'
}
long_python() { "$root/python/test.sh"; }
long_tidy() { "$root/tools/tidy.sh"; }
long_mutants() { "$root/tests/mutate_source"; }

# A virtual environment with what the Python package's tests take; false where no package index is within reach.
venv=$root/build/venv
python_environment() {
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --retries 1 nanobind numpy gymnasium pytest
}

case ${1-} in
  "") ;;
  --long)
    shift
    steps=("$@")
    [[ ${#steps[@]} -gt 0 ]] || steps=(tests asan tsan clang python tidy mutants)
    for step in "${steps[@]}"; do
      declare -F "long_$step" >/dev/null || { echo "test.sh: unknown step '$step'; $usage" >&2; exit 2; }
    done
    "$root/tools/setup.sh" --ci
    "$root/tools/build.sh" -DSACCADE_TESTS=ON
    table= status=0
    for step in "${steps[@]}"; do
      start=$SECONDS verdict=passed
      # In a shell of its own, where a failing command ends the step (it would not within an `if`).
      set +e
      (set -e; "long_$step")
      [[ $? == 0 ]] || { verdict=FAILED; status=1; }
      set -e
      table+=$(printf '%-8s %-6s %6d s' "$step" "$verdict" $((SECONDS - start)))$'\n'
    done
    printf '\n%s' "$table"
    exit "$status"
    ;;
  *)
    echo "test.sh: unknown argument '$1'; $usage" >&2
    exit 2
    ;;
esac

options=(-DSACCADE_TESTS=ON -DSACCADE_WERROR=OFF)
if [[ ${CI-} == true ]]; then
  options=(-DSACCADE_TESTS=ON -DSACCADE_WERROR=ON -DSACCADE_MUJOCO=ON -DSACCADE_MPI=ON)
  "$root/tools/setup.sh" --ci
  # Debian 13 has no clang-format 14, whose word counts.
  if command -v clang-format-14 >/dev/null || ! command -v clang-format >/dev/null; then "$root/tools/format.sh" --check; fi
  if python_environment; then
    options+=(-DSACCADE_PYTHON=ON "-DPython_EXECUTABLE=$venv/bin/python" "-Dnanobind_DIR=$("$venv/bin/python" -m nanobind --cmake_dir)")
    tests_python=true
  else
    echo "test.sh: pip reaches no package index: the Python package is not tested" >&2
    options+=(-DSACCADE_PYTHON=OFF)
  fi
fi

"$root/tools/build.sh" "${options[@]}"
if [[ ${CI-} == true ]]; then
  # A skipped test tests nothing: what it takes, setup.sh --ci installs.
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  "${every_test[@]}" --test-dir "$root/build/release" | tee "$log"
  if grep -q 'Not Run\|\*\*\*Skipped' "$log"; then
    echo "test.sh: a test was skipped, which counts as a failure here" >&2
    exit 1
  fi
  if [[ ${tests_python-} == true ]]; then
    SACCADE=$root/build/release/saccade PYTHONPATH=$root/build/release/python "$venv/bin/python" -m pytest -q --rootdir "$root" "$root/python/tests"
  fi
  # A sample of the source's mutants. In so few one survivor more or less is chance: the rate that counts is --long's.
  "$root/tests/mutate_source" --in-place "$root/build/release" --no-headers --minutes 2 --threshold 50
  exit 0
fi
exec "${every_test[@]}" --test-dir "$root/build/release"
