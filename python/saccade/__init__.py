"""Saccade: reverse-mode automatic differentiation, agents that learn, and environments, in C++.

    x = saccade.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward()
    x.grad
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as _numpy

try:
    from . import _core
except ImportError as _error:
    if "libmujoco" in str(_error):
        raise ImportError(
            f"{_error}: this build of saccade has MuJoCo's tasks and needs the MuJoCo that it was built with; install it, or "
            "build without: pip install . -C cmake.define.SACCADE_MUJOCO=OFF"
        ) from None
    raise

from ._arrays import asarray, from_dlpack, from_numpy, tensor
from ._core import *  # noqa: F403
from ._core import __version__
from ._function import Context, Function
from ._modes import detect_anomaly, enable_grad, no_grad, scope
from .agents import DDPG, DQN, REDQ, SAC, TD3, TQC, Agent, Callback, CrossQ, DiscreteSAC, DroQ, SACv1, SoftQ, load

try:
    from ._gymnasium import register_envs as _register_envs

    _register_envs()
except ImportError:  # no Gymnasium here
    pass

if TYPE_CHECKING:
    from .gym import VectorEnv

#: The dtypes that a tensor has, as NumPy knows them.
f32 = float32 = _numpy.dtype("float32")
f64 = float64 = _numpy.dtype("float64")
i64 = int64 = _numpy.dtype("int64")


def __getattr__(name: str) -> Any:
    if name == "gym":  # imported when it is asked for, since it needs Gymnasium
        import importlib

        return importlib.import_module(".gym", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def make_vec(id: str, n: int, **options: Any) -> VectorEnv:
    """n copies of an environment, stepped in C++'s threads: saccade.gym.VectorEnv(id, n, ...). Needs Gymnasium."""
    from .gym import VectorEnv

    return VectorEnv(id, n, **options)
