#!/usr/bin/env bash
# onnx.sh SACCADE: onnxruntime runs what is exported; see onnx_runs.py. Exits with 77, which means skipped, where Python
# ($PYTHON, or python3) has no onnx and onnxruntime packages: Debian has not both, pip has.
set -euo pipefail

python=${PYTHON-python3}
if ! "$python" -c 'import onnx, onnxruntime' 2>/dev/null; then
  echo "onnx.sh: $python has no onnx and onnxruntime packages here" >&2
  exit 77
fi
exec "$python" "$(dirname "${BASH_SOURCE[0]}")/onnx_runs.py" "$1"
