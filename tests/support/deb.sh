#!/usr/bin/env bash
# deb.sh BUILD: CPack's Debian package holds the command, the libraries and their headers, and names what it depends on.
# Exits with 77, which means skipped, where what CPack needs for it is not there.
set -euo pipefail

for tool in dpkg-deb dpkg-shlibdeps file; do
  if ! command -v "$tool" >/dev/null; then
    echo "deb.sh: there is no $tool here" >&2
    [[ ${CI-} != true ]] || exit 1
    exit 77
  fi
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cpack -G DEB --config "$1/CPackConfig.cmake" -B "$folder" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
deb=$(find "$folder" -maxdepth 1 -name 'saccade-*.deb')
[[ -n $deb ]]
dpkg-deb -f "$deb" Depends | grep -q libfmt
dpkg-deb -c "$deb" >"$folder/files"
for file in ./usr/bin/saccade ./usr/include/saccade/autograd/tensor.h ./usr/share/man/man1/saccade.1 saccadeConfig.cmake libsaccade_autograd.a; do
  grep -q "$file" "$folder/files" || { echo "deb.sh: $deb lacks $file" >&2; exit 1; }
done
dpkg-deb -x "$deb" "$folder/root"
"$folder/root/usr/bin/saccade" --version | grep -q "^saccade "
