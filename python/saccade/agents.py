"""Agents that learn, in the form that Stable-Baselines3 has made usual.

    agent = saccade.SAC("HalfCheetah-v5", seed=1)        # one of our environments, in C++ from end to end
    agent = saccade.TD3(gymnasium.make("BipedalWalker-v3"))
    agent.learn(100_000)
    action, _ = agent.predict(observation, deterministic=True)

What an agent learns is in its run, a folder like those of the command "saccade train": `saccade report RUN` and the
others read it, and saccade.load(RUN) goes on with it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from typing import Any, Callable, ClassVar, Self, cast

import numpy

from . import _core, _environments
from ._core import ConfigError, ShapeError


class Callback:
    """Hears of training; any of its functions may be left out. One that returns False ends learn() there."""

    #: The agent that learns, from the first call on.
    agent: Agent

    def on_step(self) -> bool | None:
        """After each step of the environments, all side by side counting as one."""

    def on_episode(self, episode: dict[str, Any]) -> bool | None:
        """With "step", "number", "return", "length", "terminated" and "metrics", means over its updates."""

    def on_evaluation(self, evaluation: dict[str, Any]) -> bool | None:
        """With "step", "mean", "std", "returns" and "lengths"."""


class Agent:
    """What all agents can do; SAC and the others say which algorithm they are.

    env is a gymnasium.Env, a gymnasium.vector.VectorEnv, the name of one of our environments or presets, or else of one
    of Gymnasium's. Observations are a Box or Discrete, actions what the algorithm takes.

    eval_env is a gymnasium.Env for evaluations; if it is left out, gymnasium.make makes one where env has a spec, and
    where it has none nothing is evaluated. run is the folder to be made by the first learn(), runs/NAME-SEED unless
    given. tensorboard=True writes event files there too. All other keys are hyper-parameters as `saccade config` lists
    them: seed, gamma, hidden=[256, 256], eval_every, ... ConfigError for one that is unknown or does not fit.
    """

    algorithm: ClassVar[str] = ""

    def __init__(
        self,
        env: Any,
        *,
        eval_env: Any = None,
        run: str | os.PathLike[str] | None = None,
        tensorboard: bool = False,
        **keys: Any,
    ) -> None:
        if not self.algorithm:
            raise TypeError("Agent is none itself: SAC and the others are")
        kind = type(self).__name__
        for key, instead in (("steps", "learn() is given them"), ("env", "it is the first argument")):
            if key in keys:
                raise ConfigError(f"{kind}: {key} is no key here: {instead}")
        self.env = env
        here = None
        if isinstance(env, str) and not _core._is_env(env):
            self.env = env = _environments.make(env)
        if isinstance(env, str):
            if eval_env is not None:
                raise ConfigError(f"{kind}: eval_env is for environments of Python's; '{env}' is made anew to evaluate in")
        else:
            here = _environments.bring(env, eval_env)
            keys = _keys_of(kind, here, keys)
        self._learner = _core._Learner(
            self.algorithm,
            here.id if here else env,
            _as_json(kind, keys),
            here.guest if here else None,
            os.fspath(run) if run is not None else "",
            tensorboard,
        )
        self._find_spaces()

    @classmethod
    def load(cls, run: str | os.PathLike[str], env: Any = None, *, eval_env: Any = None) -> Self:
        """The agent of a run, to act or to learn on in that very folder, wherever the run began.

        One that learned in an environment of Python's needs env to learn on, with the spaces that it had, and begins
        fresh episodes there: it goes on with all that it has learned, but not with the same bits as if it had not been
        stopped. Others go on bit for bit.
        """
        path = os.fspath(run)
        algorithm, name, observations, actions = _core._run_info(path)
        kind = _classes().get(algorithm, Agent)
        if not issubclass(kind, cls):
            raise ConfigError(f"{path}: is a run of {kind.__name__}, expected one of {cls.__name__}")
        here = None
        if not _core._is_guest(name):
            if env is not None:
                raise ConfigError(f"{path}: its environment is {name}, which C++ makes itself; leave env out")
        elif env is not None:
            here = _environments.bring(env, eval_env, name)
            for what, given, wanted in zip(("observation", "action"), _spaces(env), (observations, actions), strict=True):
                if given != _plain(wanted):
                    raise ConfigError(f"{path}: its {what} space was {_shown(wanted)}, but env has {_shown(given)}")
            config = json.loads(_core._Learner(path, None).config)
            if config["envs"] != here.num_envs:
                raise ConfigError(f"{path}: it learned in {config['envs']} environments side by side, but env has {here.num_envs}")
        agent: Self = kind.__new__(kind)
        agent.env = env if env is not None else name
        agent._learner = _core._Learner(path, here.guest if here else None)
        agent._find_spaces()
        return agent

    def learn(
        self,
        steps: int | None = None,
        callback: Callback | Callable[[Agent], bool | None] | None = None,
        *,
        progress_bar: bool = False,
        total_timesteps: int | None = None,
    ) -> Self:
        """Takes so many steps more, evaluates and writes all of it to the run. Returns the agent.

        callback is a Callback, or a function that is called with the agent after each step. Whatever ends training
        before its end, be it a callback, Ctrl-C or an exception of the environment's, leaves the run as one that learn()
        goes on with. `total_timesteps` is Stable-Baselines3's name of `steps`.
        """
        count = total_timesteps if steps is None else steps
        if count is None or None not in (steps, total_timesteps):
            raise TypeError("learn: expected steps, which may also be called total_timesteps")
        on_step, on_episode, on_evaluation = self._hooks(callback)
        bar = _Bar(sys.stderr) if progress_bar else None
        try:
            self._summary = self._learner.learn(count, on_step, on_episode, on_evaluation, bar)
        except BaseException as error:
            if self._learner.run and self._learner.steps > 0:
                error.add_note(f"{self._learner.run} holds what was learned until step {self._learner.steps}; learn() goes on.")
            raise
        finally:
            if bar is not None:
                bar.close()
        return self

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, None]:
        """An action for an observation, or one for each of several stacked, as the environment takes them; and None.

        The best one the policy knows if deterministic, else one with its noise. state and episode_start are for programs
        written for Stable-Baselines3, and do nothing. ShapeError for observations that do not fit.
        """
        observations = numpy.asarray(observation, numpy.float64)
        shape = self._observation_shape
        rows = observations.ndim - len(shape)
        if rows not in (0, 1) or observations.shape[rows:] != shape:
            raise ShapeError(f"predict: an observation has the shape {shape}, and those given {observations.shape}")
        flat = numpy.ascontiguousarray(observations).reshape(-1) - self._observation_start
        actions = self._learner.predict(flat, bool(deterministic))
        if isinstance(self._action, int):
            choices = actions[:, 0].astype(numpy.int64) + self._action_start
            return (choices if rows else choices[0]), None
        actions = actions.reshape((-1, *self._action_shape)).astype(self._action_dtype)
        return (actions if rows else actions[0]), None

    def evaluate(self, episodes: int = 20, *, seed: int | None = None) -> dict[str, Any]:
        """Episodes with the best actions that the policy knows: "mean", "std", "returns" and "lengths"."""
        return self._learner.evaluate(episodes, seed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """A copy of the run, replay buffer and all, in a folder that must not be there yet, for load()."""
        target = os.fspath(path)
        if self._learner.is_training:
            raise _core.Error(
                f"save() was called while learn() runs; {self.run} has a checkpoint every checkpoint_every steps, "
                f"{self.config['checkpoint_every']} here"
            )
        if os.path.lexists(target):
            raise ConfigError(f"save: '{target}' is there already")
        if not self.run:
            self._learner.save_new(target)
            return
        parent = os.path.dirname(os.path.abspath(target))
        os.makedirs(parent, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saccade-", dir=parent) as folder:
            copy = os.path.join(folder, "run")
            shutil.copytree(self.run, copy, symlinks=True)
            os.rename(copy, target)

    @property
    def run(self) -> str:
        """The run's folder; "" before the first learn()."""
        return self._learner.run

    @property
    def num_timesteps(self) -> int:
        """The steps taken so far, of all environments side by side."""
        return self._learner.steps

    @property
    def config(self) -> dict[str, Any]:
        """All hyper-parameters, as the run's config.json has them."""
        return cast(dict[str, Any], json.loads(self._learner.config))

    @property
    def summary(self) -> dict[str, Any] | None:
        """What the last learn() came to, if it came to its end: "final_evaluation", "seconds", "steps_per_second", ..."""
        text = getattr(self, "_summary", "")
        return json.loads(text) if text else None

    def get_env(self) -> Any:
        """The environment that was given, or the name of one."""
        return self.env

    def __repr__(self) -> str:
        where = f", in {self.run}" if self.run else ""
        return f"<saccade.{type(self).__name__} on {self._learner.env}, {self.num_timesteps} steps{where}>"

    # How predict() reads observations and writes actions: as the environment's spaces have them.
    def _find_spaces(self) -> None:
        observed, self._action = self._learner.spaces
        self._observation_shape: tuple[int, ...] = () if isinstance(observed, int) else (len(observed[0]),)
        self._observation_start = self._action_start = 0
        self._action_shape: tuple[int, ...] = () if isinstance(self._action, int) else (len(self._action[0]),)
        self._action_dtype: Any = numpy.float32
        if not isinstance(self.env, str):
            observation, action = _single_spaces(self.env)
            self._observation_shape = observation.shape
            self._observation_start = int(getattr(observation, "start", 0))
            self._action_shape, self._action_start = action.shape, int(getattr(action, "start", 0))
            self._action_dtype = action.dtype

    def _hooks(self, callback: Any) -> tuple[Any, Any, Any]:
        if callback is None:
            return None, None, None
        if not isinstance(callback, Callback):
            if not callable(callback):
                raise TypeError(f"learn: callback is {callback!r}, expected a function or a saccade.Callback")
            return (lambda: callback(self)), None, None
        callback.agent = self
        kind = type(callback)

        def own(name: str) -> Any:  # what is not overridden is not called
            return getattr(callback, name) if getattr(kind, name) is not getattr(Callback, name) else None

        return own("on_step"), own("on_episode"), own("on_evaluation")


class SAC(Agent):
    """Soft Actor-Critic (Haarnoja et al. 2018), with a learned temperature."""

    algorithm = "sac"


class SACv1(Agent):
    """The first Soft Actor-Critic (ICML 2018), with a value network and a temperature that is given."""

    algorithm = "sac_v1"


class REDQ(Agent):
    """Randomized Ensembled Double Q-Learning (Chen et al. 2021)."""

    algorithm = "redq"


class DroQ(Agent):
    """Dropout Q-Functions (Hiraoka et al. 2022)."""

    algorithm = "droq"


class TQC(Agent):
    """Truncated Quantile Critics (Kuznetsov et al. 2020)."""

    algorithm = "tqc"


class CrossQ(Agent):
    """CrossQ (Bhatt et al. 2024): batch-normalised critics without targets."""

    algorithm = "crossq"


class TD3(Agent):
    """Twin Delayed DDPG (Fujimoto et al. 2018)."""

    algorithm = "td3"


class DDPG(Agent):
    """Deep Deterministic Policy Gradient (Lillicrap et al. 2016)."""

    algorithm = "ddpg"


class DiscreteSAC(Agent):
    """Soft Actor-Critic for discrete actions (Christodoulou 2019)."""

    algorithm = "discrete_sac"


class DQN(Agent):
    """Deep Q-Network (Mnih et al. 2015), with double Q-learning."""

    algorithm = "dqn"


class SoftQ(Agent):
    """Soft Q-learning for discrete actions (Haarnoja et al. 2017)."""

    algorithm = "soft_q"


def load(run: str | os.PathLike[str], env: Any = None, *, eval_env: Any = None) -> Agent:
    """The agent of a run, of whichever algorithm: Agent.load()."""
    return Agent.load(run, env, eval_env=eval_env)


def _classes() -> dict[str, type[Agent]]:
    return {kind.algorithm: kind for kind in Agent.__subclasses__()}


def _keys_of(kind: str, here: _environments.Here, keys: dict[str, Any]) -> dict[str, Any]:
    """The keys, with those that an environment of Python's settles."""
    if keys.get("envs", here.num_envs) != here.num_envs:
        raise ConfigError(f"{kind}: envs is {keys['envs']}, but env is {here.num_envs} side by side; leave it out")
    keys = {**keys, "envs": here.num_envs}
    if here.can_be_evaluated:
        return keys
    for key in ("eval_every", "final_eval_episodes", "diagnose_every"):
        if keys.get(key, 0) != 0:
            raise ConfigError(f"{kind}: {key} is {keys[key]}, but there is no environment to evaluate in; give eval_env")
        keys[key] = 0
    return keys


def _as_json(kind: str, keys: dict[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, numpy.generic):
            return value.item()
        if isinstance(value, (numpy.ndarray, tuple)):
            return list(value)
        raise ConfigError(f"{kind}: {value!r} is no value of a hyper-parameter")

    try:
        return json.dumps(keys, default=plain, allow_nan=False)
    except ValueError as error:
        raise ConfigError(f"{kind}: {error}: {keys}") from None


def _single_spaces(env: Any) -> tuple[Any, Any]:
    if hasattr(env, "single_observation_space"):
        return env.single_observation_space, env.single_action_space
    return env.observation_space, env.action_space


def _spaces(env: Any) -> tuple[Any, Any]:
    observation, action = _single_spaces(env)
    return _environments._space("env", "observation", observation)[0], _environments._space("env", "action", action)[0]


def _plain(space: Any) -> Any:
    return space if isinstance(space, int) else (list(space[0]), list(space[1]))


def _shown(space: Any) -> str:
    return f"Discrete({space})" if isinstance(space, int) else f"a Box of {len(space[0])} numbers"


class _Bar:
    """One line that is written over while training goes on."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._width = 0

    def __call__(self, step: int, steps: int, episode_return: float | None, rate: float | None) -> None:
        filled = 20 * step // max(1, steps)
        line = f"{step:,}/{steps:,} [{'=' * filled}{' ' * (20 - filled)}]"
        if episode_return is not None:
            line += f"  return {episode_return:.1f}"
        if rate:
            line += f"  {rate:,.0f} steps/s"
        self._out.write("\r" + line.ljust(self._width))
        self._out.flush()
        self._width = len(line)

    def close(self) -> None:
        if self._width:
            self._out.write("\n")
            self._out.flush()
