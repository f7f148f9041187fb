#!/usr/bin/env bash
# sb3.sh SACCADE: agents that Stable-Baselines3 trains here and now act the same when imported; see sb3_imports.py. Exits with 77, which
# means skipped, where Python ($PYTHON, or python3) has no stable_baselines3 package: Debian has not, pip has.
set -euo pipefail

python=${PYTHON-python3}
if ! "$python" -c 'import stable_baselines3' 2>/dev/null; then
  echo "sb3.sh: $python has no stable_baselines3 package here" >&2
  exit 77
fi
exec "$python" "$(dirname "${BASH_SOURCE[0]}")/sb3_imports.py" "$1"
