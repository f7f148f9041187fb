#!/usr/bin/env bash
# From a fresh checkout to a trained agent: sets up, builds, and trains on Pendulum-v1. Arguments go to
# `saccade train pendulum`; see tools/train.sh --help.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/tools/build.sh" saccade
exec "$root/build/release/saccade" train pendulum "$@"
