"""Saccade's environments for Gymnasium, one at a time and side by side.

    env = gymnasium.make("saccade/HalfCheetah-v5")
    env = saccade.gym.Env("HalfCheetah-v5")
    envs = saccade.make_vec("HalfCheetah-v5", 8)
"""

from __future__ import annotations

import copy
from typing import Any, Sequence

import numpy

try:
    import gymnasium
except ImportError as error:
    raise ImportError("saccade.gym needs Gymnasium: pip install gymnasium") from error

from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from . import _core


def _space(given: Any, dtype: Any) -> gymnasium.Space[Any]:
    if isinstance(given, int):
        return gymnasium.spaces.Discrete(given)
    low, high = given
    return gymnasium.spaces.Box(numpy.asarray(low, dtype), numpy.asarray(high, dtype), dtype=dtype)


def _spaces(id: str) -> tuple[gymnasium.Space[Any], gymnasium.Space[Any]]:
    """Of observations, in float64 as they are computed, and of actions, in float32 as Gymnasium's are."""
    spec = _core._env_spec(id)
    return _space(spec["observation_space"], numpy.float64), _space(spec["action_space"], numpy.float32)


def _fresh_seed() -> int:
    return int(numpy.random.SeedSequence().generate_state(1, numpy.uint64)[0])


class Env(gymnasium.Env):
    """An environment by its id ("HalfCheetah-v5") or a shorter name ("halfcheetah": the latest version).

    reset(seed=s) makes the episodes that the saccade command makes from that seed, bit for bit. The time limit is the
    task's own; max_episode_steps sets another, and 0 none. The info of a step has the parts of the reward
    ("reward_forward", ...), and "diverged" where the simulation broke down: such a step never happened, and the
    episode ends as truncated.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, id: str, *, max_episode_steps: int | None = None, render_mode: str | None = None) -> None:
        if render_mode is not None:
            raise _core.ConfigError(f"render_mode is {render_mode!r}, and saccade's environments have none; expected None")
        self.id = _core.canonical_env_id(id)
        self._limit = max_episode_steps
        self._env = _core._Env(self.id, max_episode_steps)
        self.observation_space, self.action_space = _spaces(self.id)
        self.render_mode = None
        self._seeded = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None or not self._seeded:
            self._env.seed(_fresh_seed() if seed is None else seed)
            self._seeded = True
        return self._observation(self._env.reset()), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        numbers = numpy.asarray(action, numpy.float64).reshape(-1)
        obs, reward, terminated, truncated, diverged, info = self._env.step(numbers)
        if diverged:
            info["diverged"] = True
        return self._observation(obs), reward, terminated, truncated or diverged, info

    def state(self) -> tuple[list[float], int, int]:
        """All that it takes to go on from here bit for bit, for set_state()."""
        return self._env.state()

    def set_state(self, state: tuple[Sequence[float], int, int]) -> Any:
        """Goes back to a state(), and returns its observation."""
        self._env.set_state(*state)
        self._seeded = True
        return self._observation(self._env.observe())

    def _observation(self, obs: numpy.ndarray) -> Any:
        return obs if isinstance(self.observation_space, gymnasium.spaces.Box) else numpy.int64(obs[0])

    def __getstate__(self) -> dict[str, Any]:
        mine = self.__dict__.copy()
        mine["_env"] = self.state() if self._seeded else None
        return mine

    def __setstate__(self, mine: dict[str, Any]) -> None:
        self.__dict__.update(mine)
        self._env = _core._Env(self.id, self._limit)
        if mine["_env"] is not None:
            self._env.set_state(*mine["_env"])


class VectorEnv(gymnasium.vector.VectorEnv):
    """num_envs copies of an environment, stepped in C++'s threads, without the GIL.

    reset(seed=s) seeds copy i with s + i, so that it does what an Env of that seed does. metadata["autoreset_mode"]
    says when a copy whose episode is over begins the next:

    - NEXT_STEP, the default: in the next step, which ignores its action and gives the first observation, a reward
      of 0 and no end;
    - SAME_STEP: at once; infos["final_obs"] and infos["final_info"] have the last observation and info;
    - DISABLED: when reset(options={"reset_mask": mask}) says so; a step before that is an Error.
    """

    def __init__(
        self,
        id: str,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None:
            raise _core.ConfigError(f"render_mode is {render_mode!r}, and saccade's environments have none; expected None")
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.num_envs = num_envs
        self.id = name = _core.canonical_env_id(id)
        self.env_fns = [lambda: Env(name, max_episode_steps=max_episode_steps)] * num_envs
        self._envs = _core._VectorEnv(name, num_envs, self.autoreset_mode.value, max_episode_steps)
        self.single_observation_space, self.single_action_space = _spaces(name)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.render_mode = None
        self._seeded = False

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        if seed is None:
            seeds: list[int | None] = [None] * self.num_envs
        elif isinstance(seed, (int, numpy.integer)):
            seeds = [int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise _core.ShapeError(f"reset: {len(seeds)} seeds were given for {self.num_envs} copies")
        mask = numpy.ones(self.num_envs, bool)
        if options is not None and "reset_mask" in options:
            mask = numpy.asarray(options["reset_mask"], bool)
        if not self._seeded:
            seeds = [_fresh_seed() if s is None else s for s in seeds]
            self._seeded = True
        for i, s in enumerate(seeds):
            if s is not None and (i >= len(mask) or mask[i]):
                self._envs.seed(i, s)
        return self._observations(self._envs.reset(mask.tolist())), {}

    def step(self, actions: Any) -> tuple[Any, numpy.ndarray, numpy.ndarray, numpy.ndarray, dict[str, Any]]:
        if not self._seeded:
            raise _core.Error("step() before the first reset(): call reset() first")
        numbers = numpy.ascontiguousarray(actions, numpy.float64)
        obs, rewards, terminations, truncations, diverged, last = self._envs.step(numbers)
        infos: dict[str, Any] = {}
        everyone = numpy.ones(self.num_envs, bool)
        for name, values in self._envs.terms().items():
            infos[name], infos[f"_{name}"] = values, everyone
        if diverged.any():
            infos["diverged"], infos["_diverged"] = diverged, diverged
        over = terminations | truncations
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            last = self._observations(last)
            infos["final_obs"] = numpy.array([last[i] if over[i] else None for i in range(self.num_envs)], dtype=object)
            infos["final_info"] = {name: copy.copy(values) for name, values in infos.items() if name != "final_obs"}
            infos["_final_obs"] = infos["_final_info"] = over
        return self._observations(obs), rewards, terminations, truncations, infos

    def _observations(self, obs: numpy.ndarray) -> Any:
        if isinstance(self.single_observation_space, gymnasium.spaces.Box):
            return obs
        return obs[:, 0].astype(numpy.int64)


def _registered(id: str, render_mode: str | None = None) -> Env:
    return Env(id, max_episode_steps=0, render_mode=render_mode)


def _registered_vector(id: str, num_envs: int = 1, **options: Any) -> VectorEnv:
    return VectorEnv(id, num_envs, **options)
