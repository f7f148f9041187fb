#!/usr/bin/env bash
# Tries Saccade on another Debian: try_on.sh SUITE [COMMAND...], such as try_on.sh trixie. Takes root.
#
# Makes a Debian of that suite in a folder, build-try/SUITE (SACCADE_TRY_FOLDER names another than build-try), unless it
# is there from the last time; puts a fresh clone of HEAD into it; and runs the README's two commands there, or
# COMMAND. Packages come from where this system's own come from. CI, CXX and CMAKE_* of the environment are passed on.
# A shell to look around in: tools/try_on.sh trixie bash
set -euo pipefail

say() { printf '\n== try_on.sh: %s\n' "$1"; }
fail() {
  echo "try_on.sh: $1" >&2
  exit 1
}

[[ $# -gt 0 && $1 =~ ^[a-z]+$ ]] || fail "usage: tools/try_on.sh SUITE [COMMAND...], where SUITE is bookworm, trixie, ..."
[[ $(id -u) -eq 0 ]] || fail "making and entering another Debian takes root: run it as root or with sudo"
suite=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# In name spaces of its own: what is mounted and started below ends with this script, however it ends.
if [[ -z ${SACCADE_TRY_INSIDE-} ]]; then
  SACCADE_TRY_INSIDE=1 exec unshare --mount --propagation private --pid --fork --kill-child \
    -- "$root/tools/try_on.sh" "$@"
fi
shift
folder=${SACCADE_TRY_FOLDER:-$root/build-try}
mkdir -p "$folder"
debian=$(cd "$folder" && pwd)/$suite
umask 022

if ! command -v debootstrap >/dev/null; then
  say "installing debootstrap"
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends debootstrap >/dev/null ||
    fail "there is no debootstrap, and apt-get could not install it"
fi

# The archive that this system's release comes from, as apt understands its sources.
archive() {
  local codename release component uri
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
  while IFS='|' read -r release component uri; do
    if [[ $component == main && $release =~ ^($codename|stable|testing|unstable|sid)$ ]]; then
      if [[ $uri == mirror+file:* ]]; then uri=$(grep -m1 -o '^[a-z]*://[^[:space:]]*' "${uri#mirror+file:}"); fi
      echo "$uri"
      return
    fi
  done < <(apt-get indextargets --format '$(RELEASE)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages')
  return 1
}

# The keys that its sources name, if they name a file; debootstrap knows Debian's own otherwise.
keyring() {
  find /etc/apt/sources.list /etc/apt/sources.list.d -type f 2>/dev/null -exec cat {} + |
    sed -nE 's/^[^#]*signed-by[=:][[:space:]]*([^],[:space:]]*debian-archive[^],[:space:]]*\.(gpg|pgp)).*/\1/ip' | sed 1q || true
}

# It is finished when it has this file.
if [[ ! -f $debian/etc/saccade-try ]]; then
  mirror=$(archive) || fail "none of this system's apt sources is a Debian release's main archive"
  keys=$(keyring)
  say "making a Debian $suite in $debian"
  rm -rf --one-file-system "$debian"
  debootstrap --variant=minbase --include=ca-certificates ${keys:+--keyring="$keys"} "$suite" "$debian" "$mirror" \
    >"$debian.log" 2>&1 || { tail -n 20 "$debian.log" >&2; fail "debootstrap failed; all of it is in $debian.log"; }
  rm -f "$debian.log"
  # How apt reaches its archive here: proxies, what it checks.
  apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' >"$debian/etc/apt/apt.conf.d/90outside" || true
  touch "$debian/etc/saccade-try"
fi
for file in resolv.conf hosts; do
  cp --remove-destination -L "/etc/$file" "$debian/etc/$file"
done

mount -t proc proc "$debian/proc"
mount --rbind /sys "$debian/sys"
mount --rbind /dev "$debian/dev"

if [[ -n $(git -C "$root" status --porcelain) ]]; then
  echo "try_on.sh: HEAD is tried, without what is not committed"
fi
rm -rf "$debian/saccade"
git clone --quiet --no-hardlinks "$root" "$debian/saccade"

inside() {
  local passed=()
  mapfile -t passed < <(env | grep -E '^(CI|CXX|CMAKE_[A-Z_]*|TERM)=')
  chroot "$debian" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "${passed[@]}" bash -c 'cd /saccade && exec "$@"' bash "$@"
}
run() {
  say "$suite: $*"
  local status=0 start=$SECONDS
  inside "$@" || status=$?
  say "$suite: $* $([[ $status == 0 ]] && echo "passed" || echo "failed ($status)") after $((SECONDS - start)) s"
  return "$status"
}

if [[ $# -gt 0 ]]; then
  run "$@"
else
  run tools/train.sh
  run tools/test.sh
fi
