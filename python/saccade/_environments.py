"""Environments of Gymnasium's as C++ trains in them."""

from __future__ import annotations

import re
import warnings
from typing import Any, Callable, NamedTuple

import numpy

from . import _core
from ._core import ConfigError, Error


class Here(NamedTuple):
    """An environment, as an agent has it."""

    guest: _core._Guest
    id: str
    num_envs: int
    evaluated: Any  # the environment to evaluate in, or None
    is_own: bool  # whether that was made for it


def bring(env: Any, eval_env: Any = None, *, id: str | None = None, evaluates: bool = True) -> Here:
    """A gymnasium.Env or VectorEnv to learn in, with one to evaluate in, or another like it if there is to be one.

    ConfigError for spaces other than Box and Discrete, and TypeError for what is no environment.
    """
    gymnasium = gymnasium_module()
    several = isinstance(env, gymnasium.vector.VectorEnv)
    if not several and not isinstance(env, gymnasium.Env):
        raise TypeError(f"env: expected a name, a gymnasium.Env or a gymnasium.vector.VectorEnv, got {type(env).__name__}")
    observed, acted = single_spaces(env)
    name = id or _name(env)
    observation, action = space_of(name, "observation", observed), space_of(name, "action", acted)
    is_own = eval_env is None and evaluates
    evaluated = _another(name, env) if is_own else eval_env
    if eval_env is not None:
        _check_eval_env(env, eval_env)
    spec = env.spec if eval_env is None else eval_env.spec
    guest = _core._Guest(
        id=name,
        observation_space=observation,
        action_space=action,
        action=None if is_discrete(acted) else numpy.zeros(acted.shape, _floats(acted.dtype)),
        finish=None if is_discrete(acted) or acted.dtype == _floats(acted.dtype) else action_maker(acted.dtype),
        max_episode_steps=(spec.max_episode_steps if spec else None) or 0,
        reward_threshold=spec.reward_threshold if spec else None,
        single=None if several else env,
        several=_Several(name, env) if several else None,
        evaluated=evaluated,
    )
    return Here(guest, name, env.num_envs if several else 1, evaluated, is_own)


def make(name: str) -> Any:
    """What gymnasium.make makes of a name that is none of ours. ConfigError if Gymnasium does not know it either."""
    try:
        return gymnasium_module().make(name)
    except Exception as error:
        raise ConfigError(f'no environment is called "{name}" here or in Gymnasium: {error}') from None


def single_spaces(env: Any) -> tuple[Any, Any]:
    """Of observations and of actions: of one of them, where env is several side by side."""
    if hasattr(env, "single_observation_space"):
        return env.single_observation_space, env.single_action_space
    return env.observation_space, env.action_space


def space_of(name: str, what: str, space: Any) -> tuple[Any, ...]:
    """As C++ has it: (n, start) of a Discrete space, (low, high, shape) of a Box."""
    spaces = gymnasium_module().spaces
    if isinstance(space, spaces.Discrete):
        return int(space.n), int(space.start)
    if isinstance(space, spaces.Box) and space.shape and 0 not in space.shape:
        return space.low.astype(float).ravel().tolist(), space.high.astype(float).ravel().tolist(), list(space.shape)
    hint = "; gymnasium.wrappers.FlattenObservation makes a Box of it" if what == "observation" else ""
    raise ConfigError(f"{name}: the {what} space is {space}, expected a Box of some numbers, or Discrete{hint}")


def is_discrete(space: Any) -> bool:
    return hasattr(space, "start")


def action_maker(dtype: Any) -> Callable[[numpy.ndarray], numpy.ndarray]:
    """From numbers to actions of a Box of this dtype: those of whole numbers are rounded."""
    if numpy.issubdtype(dtype, numpy.integer):
        return lambda numbers: numpy.rint(numbers).astype(dtype)
    return lambda numbers: numbers.astype(dtype)


class _Several:
    """A VectorEnv, in whichever mode it begins episodes anew, as the training loop has one: see rl::VectorEnv."""

    def __init__(self, name: str, envs: Any) -> None:
        modes = gymnasium_module().vector.AutoresetMode
        given = envs.metadata.get("autoreset_mode")
        try:
            mode = modes(given)
        except ValueError:
            raise ConfigError(
                f'{name}: metadata["autoreset_mode"] is {given!r}, expected one of {", ".join(str(mode) for mode in modes)}'
            ) from None
        observed, acted = single_spaces(envs)
        self.size = envs.num_envs
        self.resets_alone = mode is modes.DISABLED
        self.begins_in_steps = mode is modes.NEXT_STEP
        self._same_step = mode is modes.SAME_STEP
        self._name = name
        self._envs = envs
        self._flat = (self.size,)
        # Of the last step: whose episode ended, and whether there is any. numpy.any() would take longer than all else.
        self._over, self._any_over = numpy.zeros(self.size, bool), False
        self._observations = (self.size, *observed.shape)
        self._observation_start = int(getattr(observed, "start", 0))
        self._actions = (self.size, *acted.shape)
        self._action_start = int(getattr(acted, "start", 0))
        self._finish = None if is_discrete(acted) else action_maker(acted.dtype)

    def reset(self, seed: int) -> numpy.ndarray:
        self._any_over = False
        return self._rows(self._envs.reset(seed=seed)[0])

    def reset_one(self, i: int) -> numpy.ndarray:
        mask = numpy.zeros(self.size, bool)
        mask[i] = True
        rows = self._rows(self._envs.reset(options={"reset_mask": mask})[0])
        return numpy.ascontiguousarray(rows[i])

    def step(self, actions: numpy.ndarray) -> tuple[Any, ...]:
        """The last observations of what was, rewards, terminated, truncated, which copies only began, and first
        observations of what comes; None for the last two where there are none."""
        if self._finish is None:
            given = actions[:, 0].astype(numpy.int64) + self._action_start
        else:
            given = self._finish(actions.reshape(self._actions))
        obs, rewards, terminated, truncated, infos = self._envs.step(given)
        rows = self._rows(obs)
        terminated, truncated = self._flags("terminated", terminated), self._flags("truncated", truncated)
        rewards = numpy.ascontiguousarray(rewards, numpy.float64)
        if rewards.shape != self._flat:
            raise Error(f"{self._name}: the rewards have the shape {rewards.shape}, expected {self._flat}")
        began = first = None
        over = terminated | truncated
        if self._any_over and self.begins_in_steps:
            began = self._over
            over &= ~began
        self._over, self._any_over = over, b"\1" in over.tobytes()
        if self._any_over and self._same_step:
            first, rows = rows, rows.copy()
            for i in numpy.flatnonzero(over):
                rows[i] = self._final(infos, int(i))
        return rows, rewards, terminated, truncated, began, first

    def _rows(self, obs: Any) -> numpy.ndarray:
        rows = numpy.ascontiguousarray(obs, numpy.float64)
        if rows.shape != self._observations:
            raise Error(f"{self._name}: the observations have the shape {rows.shape}, expected {self._observations}")
        rows = rows.reshape(self.size, -1)
        return rows - self._observation_start if self._observation_start else rows

    def _final(self, infos: Any, i: int) -> numpy.ndarray:
        try:
            final = numpy.asarray(infos["final_obs"][i], numpy.float64)
        except (KeyError, TypeError, IndexError):
            raise Error(
                f'{self._name}: its infos have no "final_obs" of copy {i}, expected the last observation of an episode '
                "that ended, as AutoresetMode.SAME_STEP has it"
            ) from None
        if final.shape != self._observations[1:]:
            raise Error(f"{self._name}: a final observation has the shape {final.shape}, expected {self._observations[1:]}")
        return final.reshape(-1) - self._observation_start

    def _flags(self, what: str, given: Any) -> numpy.ndarray:
        if type(given) is numpy.ndarray and given.dtype == bool and given.shape == self._flat:  # as nearly always
            return given
        flags = numpy.ascontiguousarray(given, bool)
        if flags.shape != self._flat:
            raise Error(f"{self._name}: {what} has the shape {flags.shape}, expected {self._flat}")
        return flags


def gymnasium_module() -> Any:
    try:
        import gymnasium
        import gymnasium.vector
    except ImportError as error:
        raise ImportError("an environment of Python's needs Gymnasium: pip install gymnasium") from error
    return gymnasium


def _name(env: Any) -> str:
    if env.spec is None and getattr(env, "envs", None):  # one that is made of others
        return _name(env.envs[0])
    name = env.spec.id if env.spec is not None else getattr(env.unwrapped, "id", None) or type(env.unwrapped).__name__
    return "python:" + re.sub(r"[^A-Za-z0-9._/-]", "-", name)[:100]


def _floats(dtype: Any) -> Any:
    return numpy.float32 if dtype == numpy.float32 else numpy.float64


def _check_eval_env(env: Any, eval_env: Any) -> None:
    if not isinstance(eval_env, gymnasium_module().Env):
        raise TypeError(f"eval_env: expected a gymnasium.Env, got {type(eval_env).__name__}")
    if eval_env.unwrapped is env.unwrapped:
        raise ConfigError("eval_env is env itself, whose episodes evaluations would disturb; expected another")
    wanted = single_spaces(env)
    for what, space, expected in zip(("observation", "action"), single_spaces(eval_env), wanted, strict=True):
        if space != expected:
            raise ConfigError(f"eval_env: its {what} space is {space}, expected that of env, {expected}")


def _another(name: str, env: Any) -> Any:
    """Another environment like it, or like one of several; None, with a warning, if there is no knowing how to make it."""
    gymnasium = gymnasium_module()
    try:
        if getattr(env, "env_fns", None):
            another = env.env_fns[0]()
        elif env.spec is None:
            raise ValueError("it has no spec")
        else:
            wrapper = env
            while isinstance(wrapper, (gymnasium.Wrapper, gymnasium.vector.VectorWrapper)):
                if hasattr(wrapper, "obs_rms"):
                    raise ValueError(f"{type(wrapper).__name__} has statistics of its own")
                wrapper = wrapper.env
            if isinstance(env, gymnasium.vector.VectorEnv):
                own = {key: value for key, value in env.spec.kwargs.items() if key not in ("num_envs", "vectorization_mode")}
                another = gymnasium.make(env.spec.id, **own)
            else:
                another = gymnasium.make(env.spec)
        if single_spaces(another) != single_spaces(env):
            raise ValueError("what is made of its spec has other spaces")
        return another
    except Exception as error:
        warnings.warn(
            f"{name}: nothing is evaluated, since another of it cannot be made ({error}); give eval_env", UserWarning, stacklevel=5
        )
        return None
