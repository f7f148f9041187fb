#!/usr/bin/env bash
# tensorboard.sh SACCADE: TensorBoard itself reads what a run writes; see tensorboard_reads.py. Exits with 77, which means
# skipped, where Python ($PYTHON, or python3) has no tensorboard package: Debian has none, pip has.
set -euo pipefail

python=${PYTHON-python3}
if ! "$python" -c 'import tensorboard' 2>/dev/null; then
  echo "tensorboard.sh: $python has no tensorboard package here" >&2
  exit 77
fi
exec "$python" "$(dirname "${BASH_SOURCE[0]}")/tensorboard_reads.py" "$1"
