#!/usr/bin/env bash
# Installs what building Saccade takes and is not there yet, from the packages of Debian 12 or 13. Quiet when nothing
# is missing. --ci adds what only tests and checks of the source need: clang, its tools, Python, a browser, node
# and graphviz.
set -euo pipefail

packages=(g++ cmake libxsimd-dev nlohmann-json3-dev catch2 libcli11-dev libfmt-dev libbenchmark-dev libmujoco-dev libjs-chart.js
          libcpp-httplib-dev pkg-config)
what="a C++20 compiler, CMake (3.25 or newer), make or ninja, xsimd, nlohmann_json, Catch2 (2.13 or 3), CLI11, fmt, Google Benchmark, Chart.js 3, cpp-httplib (with pkg-config) and, for its tasks, MuJoCo"

fail() {
  echo "setup.sh: $1" >&2
  exit 1
}

ci=false
case ${1-} in
  "") ;;
  --ci) ci=true ;;
  *)
    echo "setup.sh: unknown argument '$1'; usage: tools/setup.sh [--ci]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  # No Debian: CMake will say which library it cannot find.
  for tool in c++ cmake; do
    command -v "$tool" >/dev/null || fail "there is no $tool here, and no dpkg to install it with; Saccade needs $what"
  done
  exit 0
fi

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
if $ci; then
  # The Python package's module, and a virtual environment to test it in.
  for package in python3-dev python3-venv; do
    installed "$package" || missing+=("$package")
  done
  # clang's OpenMP and sanitizers are in packages of their own. Debian 13 has the same names, for version 19 where 12 has 14.
  for package in clang libclang-rt-dev libomp-dev clang-format clang-tidy; do
    installed "$package" || missing+=("$package")
  done
  # What CPack makes packages with.
  for package in dpkg-dev file; do
    installed "$package" || missing+=("$package")
  done
  # Training by several processes, and what its tests watch and end them with.
  for package in libopenmpi-dev openmpi-bin procps; do
    installed "$package" || missing+=("$package")
  done
  # These may have come from elsewhere.
  command -v node >/dev/null || missing+=(nodejs)
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import numpy' 2>/dev/null || missing+=(python3-numpy)  # runs the program of docs/formats.md
  command -v chromium >/dev/null || missing+=(chromium)
  command -v dot >/dev/null || missing+=(graphviz)  # draws explained graphs; without it they have a layout of our own
fi
installed ninja-build || installed make || missing+=(ninja-build)
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || fail "these packages are missing, and installing them takes root or sudo: ${missing[*]}"
  as_root=(sudo "${as_root[@]}")
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; }
update() { "${as_root[@]}" apt-get update -qq >>"$log" 2>&1; }

echo "setup.sh: installing ${missing[*]}"
# The lists of packages may be absent or old; then once more with new ones.
if ! install && ! { update && install; }; then
  cat "$log" >&2
  fail "apt-get could not install ${missing[*]}"
fi
