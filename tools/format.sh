#!/usr/bin/env bash
# Formats every C++ file of the repository as .clang-format says; --check changes nothing, names the files that
# are not so, and fails if there are any. It takes clang-format 14, Debian 12's: each version has ideas of its own.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

formatter=
for candidate in clang-format-14 clang-format; do
  if command -v "$candidate" >/dev/null && [[ $("$candidate" --version) == *"version 14."* ]]; then
    formatter=$candidate
    break
  fi
done
if [[ -z $formatter ]]; then
  echo "format.sh: there is no clang-format 14 here; tools/setup.sh --ci installs it on Debian 12" >&2
  exit 1
fi

mapfile -t files < <(git ls-files '*.h' '*.cpp')
case ${1-} in
  "") "$formatter" -i "${files[@]}" ;;
  --check)
    if ! said=$("$formatter" --dry-run -Werror "${files[@]}" 2>&1); then
      names=$(sed -nE 's/^([^: ]+):[0-9]+:[0-9]+: error: .*/\1/p' <<<"$said" | uniq)
      echo "${names:-$said}"
      echo "format.sh: not formatted; tools/format.sh does it" >&2
      exit 1
    fi
    ;;
  *)
    echo "format.sh: unknown argument '$1'; usage: tools/format.sh [--check]" >&2
    exit 2
    ;;
esac
