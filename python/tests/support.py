"""What tests of agents share."""

import json
import os

import numpy as np

#: An agent that learns in no time, and little.
TINY = {"hidden": [8], "batch_size": 4, "learning_starts": 8, "buffer_size": 1000, "eval_every": 0, "diagnose_every": 0}
TINY["final_eval_episodes"] = 1
QUIET = {**TINY, "final_eval_episodes": 0}


def replay(run):
    """The transitions of a run's buffer: its arrays by name."""
    raw = open(os.path.join(run, "checkpoint", "replay.safetensors"), "rb").read()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    dtypes = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
    return {
        name: np.frombuffer(raw[8 + size :][slice(*at["data_offsets"])], dtypes[at["dtype"]]).reshape(at["shape"])
        for name, at in header.items()
        if name != "__metadata__"
    }
