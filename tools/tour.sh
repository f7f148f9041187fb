#!/usr/bin/env bash
# Runs a chapter's program of the tour, docs/tour: tour.sh N. From a fresh clone it installs what is missing and
# builds what that chapter needs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

number=none
if [[ ${1-} =~ ^[0-9]{1,2}$ ]]; then number=$(printf '%02d' "$((10#$1))"); fi  # 7 and 07 alike
chapter=$(find "$root/docs/tour" -name "${number}_*.md")
if [[ $# != 1 || -z $chapter ]]; then
  echo "tour.sh: usage: tools/tour.sh N, where N is the number of a chapter:" >&2
  sed -n 's/^# \([0-9]\)/  \1/p' "$root"/docs/tour/[0-9]*.md >&2
  exit 2
fi

"$root/tools/build.sh" "tour_$number" -DSACCADE_EXAMPLES=ON
picture=$root/build/release/docs/tour/$(basename "$chapter" .md).svg
"$root/build/release/docs/tour/tour_$number" "$picture"
echo
echo "The chapter: ${chapter#"$PWD"/}"
if [[ -f $picture ]]; then echo "The picture: ${picture#"$PWD"/}"; fi
