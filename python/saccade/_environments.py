"""Environments of Gymnasium's as C++ trains in them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy

from . import _core
from ._core import ConfigError


class Here(NamedTuple):
    """An environment, as an agent has it."""

    guest: _core._Guest
    id: str
    num_envs: int
    can_be_evaluated: bool


def bring(env: Any, eval_env: Any = None, id: str | None = None) -> Here:
    """A gymnasium.Env or VectorEnv to learn in, with one to evaluate in, or what gymnasium.make makes of its spec.

    ConfigError for spaces other than Box and Discrete, and TypeError for what is no environment.
    """
    gymnasium = _gymnasium()
    several = isinstance(env, gymnasium.vector.VectorEnv)
    if not several and not isinstance(env, gymnasium.Env):
        raise TypeError(f"env: expected a name, a gymnasium.Env or a gymnasium.vector.VectorEnv, got {type(env).__name__}")
    if eval_env is not None and not isinstance(eval_env, gymnasium.Env):
        raise TypeError(f"eval_env: expected a gymnasium.Env, got {type(eval_env).__name__}")
    observed = env.single_observation_space if several else env.observation_space
    acted = env.single_action_space if several else env.action_space
    name = id or _name(env)
    observation, observation_start = _space(name, "observation", observed)
    action, action_start = _space(name, "action", acted)
    evaluated = eval_env if eval_env is not None else _again(env)
    if evaluated is not None:
        for what, space, wanted in (
            ("observation", evaluated.observation_space, observed),
            ("action", evaluated.action_space, acted),
        ):
            if space != wanted:
                raise ConfigError(f"eval_env: its {what} space is {space}, expected that of env, {wanted}")
    spec = env.spec if evaluated is None or evaluated.spec is None else evaluated.spec
    guest = _core._Guest(
        id=name,
        observation_space=observation,
        action_space=action,
        observation_shape=list(observed.shape or ()),
        observation_start=observation_start,
        action_start=action_start,
        action=None if isinstance(action, int) else numpy.zeros(acted.shape, _floats(acted.dtype)),
        max_episode_steps=(spec.max_episode_steps if spec else None) or 0,
        reward_threshold=spec.reward_threshold if spec else None,
        single=None if several else env,
        several=_Several(name, env) if several else None,
        evaluated=evaluated,
    )
    return Here(guest, name, env.num_envs if several else 1, evaluated is not None)


def make(name: str) -> Any:
    """What gymnasium.make makes of a name that is none of ours. ConfigError if Gymnasium does not know it either."""
    try:
        gymnasium = _gymnasium()
        return gymnasium.make(name)
    except Exception as error:
        raise ConfigError(f'no environment is called "{name}" here or in Gymnasium: {error}') from None


class _Several:
    """A VectorEnv, in whichever mode it begins episodes anew, as the training loop has one: see rl::VectorEnv."""

    def __init__(self, name: str, envs: Any) -> None:
        modes = _gymnasium().vector.AutoresetMode
        given = envs.metadata.get("autoreset_mode")
        try:
            self._mode = modes(given)
        except ValueError:
            raise ConfigError(
                f'{name}: metadata["autoreset_mode"] is {given!r}, expected one of {", ".join(str(mode) for mode in modes)}'
            ) from None
        self._envs = envs
        action = envs.single_action_space
        self._discrete = hasattr(action, "start")
        self._action_start = int(getattr(action, "start", 0))
        self._action_shape, self._action_dtype = tuple(action.shape), _floats(action.dtype)
        self._observation_start = int(getattr(envs.single_observation_space, "start", 0))
        self.size = envs.num_envs
        self.resets_alone = self._mode is modes.DISABLED
        self.begins_in_steps = self._mode is modes.NEXT_STEP
        self._same_step = self._mode is modes.SAME_STEP
        self._over = numpy.zeros(self.size, bool)

    def reset(self, seed: int) -> numpy.ndarray:
        self._over = numpy.zeros(self.size, bool)
        return self._rows(self._envs.reset(seed=seed)[0])

    def reset_one(self, i: int) -> numpy.ndarray:
        mask = numpy.zeros(self.size, bool)
        mask[i] = True
        rows = self._rows(self._envs.reset(options={"reset_mask": mask})[0])
        return numpy.ascontiguousarray(rows[i])

    def step(self, actions: numpy.ndarray) -> tuple[Any, ...]:
        """The last observations of what was, rewards, terminated, truncated, which copies only began, and first
        observations of what comes, where those are there already."""
        obs, rewards, terminated, truncated, infos = self._envs.step(self._actions(actions))
        rows = self._rows(obs)
        began = self._over if self.begins_in_steps else numpy.zeros(self.size, bool)
        over = (terminated | truncated) & ~began
        first = None
        if self._same_step and over.any():
            first = rows
            rows = rows.copy()
            for i in numpy.flatnonzero(over):
                rows[i] = self._row(infos["final_obs"][i])
        self._over = over
        return (
            rows,
            numpy.ascontiguousarray(rewards, numpy.float64),
            terminated.tolist(),
            truncated.tolist(),
            began.tolist(),
            first,
        )

    def _rows(self, obs: Any) -> numpy.ndarray:
        return numpy.ascontiguousarray(obs, numpy.float64).reshape(self.size, -1) - self._observation_start

    def _row(self, obs: Any) -> numpy.ndarray:
        return numpy.asarray(obs, numpy.float64).reshape(-1) - self._observation_start

    def _actions(self, actions: numpy.ndarray) -> numpy.ndarray:
        if self._discrete:
            return actions[:, 0].astype(numpy.int64) + self._action_start
        return actions.reshape((self.size, *self._action_shape)).astype(self._action_dtype)


def _gymnasium() -> Any:
    try:
        import gymnasium
        import gymnasium.vector
    except ImportError as error:
        raise ImportError("an environment of Python's needs Gymnasium: pip install gymnasium") from error
    return gymnasium


def _name(env: Any) -> str:
    if env.spec is None and getattr(env, "envs", None):  # one that is made of others
        return _name(env.envs[0])
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    return "python:" + re.sub(r"[^A-Za-z0-9._/-]", "-", name)


def _floats(dtype: Any) -> Any:
    return numpy.float32 if dtype == numpy.float32 else numpy.float64


def _space(name: str, what: str, space: Any) -> tuple[Any, int]:
    """As C++ has it, and where its choices begin."""
    spaces = _gymnasium().spaces
    if isinstance(space, spaces.Discrete):
        return int(space.n), int(space.start)
    if isinstance(space, spaces.Box) and space.shape and 0 not in space.shape:
        return (space.low.astype(float).ravel().tolist(), space.high.astype(float).ravel().tolist()), 0
    hint = "; gymnasium.wrappers.FlattenObservation makes a Box of it" if what == "observation" else ""
    raise ConfigError(f"{name}: the {what} space is {space}, expected a Box of some numbers, or Discrete{hint}")


def _again(env: Any) -> Any:
    """Another environment like it, if Gymnasium knows how it was made."""
    if env.spec is None:
        return None
    try:
        return _gymnasium().make(env.spec)
    except Exception:  # one that must not be made twice, or whose wrappers do not say how they were made
        return None
