"""What all agents can do."""

from __future__ import annotations

import atexit
import json
import operator
import os
import shutil
import sys
import tempfile
import weakref
from typing import Any, Callable, ClassVar, Self, cast

import numpy

from . import _core, _environments
from ._callbacks import Bar, Callback, hooks
from ._core import ConfigError, ShapeError

# Trainings in other threads stop and are saved before Python ends.
atexit.register(_core._end_trainings)

#: What is none of our keys, and what to do instead.
_INSTEAD = {
    "steps": "learn() is given them",
    "env": "it is the first argument",
    "policy": "networks are of one kind, of hidden=[256, 256]",
    "device": "everything runs on the CPU",
    "verbose": "learn(progress_bar=True) shows how it goes",
    "tensorboard_log": "tensorboard=True writes to the run's folder",
}


class Agent:
    """What all agents can do; SAC and the others say which algorithm they are.

    env is a gymnasium.Env, a gymnasium.vector.VectorEnv, the name of one of our environments or presets, or else of one
    of Gymnasium's. Observations are a Box or Discrete, actions what the algorithm takes.

    eval_env is a gymnasium.Env for evaluations; if it is left out, gymnasium.make makes one where env has a spec, and
    where it has none nothing is evaluated. run is the folder to be made by the first learn(), runs/NAME-SEED unless
    given. tensorboard=True writes event files there too. All other keys are hyper-parameters as `saccade config` lists
    them: seed, gamma, hidden=[256, 256], eval_every, ... A seed of None is a fresh one. ConfigError for a key that is
    unknown or does not fit.
    """

    algorithm: ClassVar[str] = ""
    #: The class of each algorithm.
    kinds: ClassVar[dict[str, type[Agent]]] = {}

    def __init__(
        self,
        env: Any,
        *others: Any,
        eval_env: Any = None,
        run: str | os.PathLike[str] | None = None,
        tensorboard: bool = False,
        **keys: Any,
    ) -> None:
        if not self.algorithm:
            raise TypeError("Agent is none itself: SAC and the others are")
        kind = type(self).__name__
        if others:
            raise TypeError(f"{kind}: expected the environment alone without a key; {_INSTEAD['policy']}")
        for key in keys:
            if key in _INSTEAD:
                raise ConfigError(f"{kind}: {key} is no key here: {_INSTEAD[key]}")
        if "seed" in keys and keys["seed"] is None:
            keys["seed"] = int(numpy.random.SeedSequence().generate_state(1)[0])
        self.env = env
        here = None
        if isinstance(env, str) and not _core._is_env(env):
            self.env = env = _environments.make(env)
        if isinstance(env, str):
            if eval_env is not None:
                raise ConfigError(f"{kind}: eval_env is for environments of Python's; '{env}' is made anew to evaluate in")
        else:
            evaluates = any(keys.get(key, 1) != 0 for key in _EVALUATION)
            here = _environments.bring(env, eval_env, evaluates=evaluates)
            keys = _keys_of(kind, here, keys)
            self._close_with(here)
        self._learner = _core._Learner(
            self.algorithm,
            here.id if here else env,
            _as_json(kind, keys),
            here.guest if here else None,
            os.path.abspath(_path(run)) if run is not None else "",
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
        path = _path(run)
        if os.path.isfile(path):
            raise ConfigError(f"{path}: is a file, expected the folder of a run; of a model of Stable-Baselines3's "
                              f"`saccade import sb3 {path}` makes one")  # fmt: skip
        algorithm, name, *spaces, text = _core._run_info(path)
        config = json.loads(text)
        kind = cls.kinds[algorithm]
        if issubclass(cls, kind):
            kind = cls
        elif not issubclass(kind, cls):
            raise ConfigError(f"{path}: is a run of {kind.__name__}, expected one of {cls.__name__}")
        if not _core._is_guest(name) and (env is not None or eval_env is not None):
            raise ConfigError(f"{path}: its environment is {name}, which C++ makes itself; leave env out")
        if env is None and eval_env is not None:
            raise ConfigError(f"{path}: eval_env is given without env")
        agent: Self = kind.__new__(kind)
        agent.env = env if env is not None else name
        here = None
        if env is not None:
            evaluates = any(config[key] != 0 for key in _EVALUATION)
            here = _environments.bring(env, eval_env, id=name, evaluates=evaluates)
            agent._close_with(here)
            for what, given, wanted in zip(("observation", "action"), _environments.single_spaces(env), spaces, strict=True):
                if _as_lists(_environments.space_of(name, what, given)) != _as_lists(wanted):
                    raise ConfigError(f"{path}: its {what} space was {_shown(wanted)}, but that of env is {given}")
            if config["envs"] != here.num_envs:
                raise ConfigError(f"{path}: it learned in {config['envs']} environments side by side, but env has {here.num_envs}")
            if evaluates and here.evaluated is None:
                raise ConfigError(f"{path}: its configuration evaluates (eval_every is {config['eval_every']}); give eval_env")
        agent._learner = _core._Learner(os.path.abspath(path), here.guest if here else None)
        agent._find_spaces()
        return agent

    def learn(
        self,
        steps: int | None = None,
        callback: Callback | Callable[[Agent], bool | None] | None = None,
        log_interval: int | None = None,
        tb_log_name: str | None = None,
        reset_num_timesteps: bool = False,
        progress_bar: bool = False,
        *,
        total_timesteps: int | None = None,
    ) -> Self:
        """Takes so many steps more, evaluates and writes all of it to the run. Returns the agent.

        callback is a Callback, or a function that is called with the agent after each step. Whatever ends training
        before its end, be it a callback, Ctrl-C or an exception of the environment's, leaves the run as one that learn()
        goes on with. `total_timesteps` is Stable-Baselines3's name of `steps`; its log_interval, tb_log_name and
        reset_num_timesteps do nothing.
        """
        count = total_timesteps if steps is None else steps
        if count is None or None not in (steps, total_timesteps):
            raise TypeError("learn: expected steps, which may also be called total_timesteps")
        on_step, on_episode, on_evaluation = hooks(self, callback)
        bar = Bar(sys.stderr) if progress_bar and sys.stderr is not None else None
        self._summary = ""
        try:
            self._summary = self._learner.learn(_whole("learn: steps", count), on_step, on_episode, on_evaluation, bar)
        except BaseException as error:
            if self._learner.has_trained and os.path.isdir(self.run):
                error.add_note(f"{self.run} holds what was learned until step {self.num_timesteps}; learn() goes on.")
            if isinstance(error, ConfigError) and str(error).startswith("--run: "):
                raise ConfigError(str(error).removeprefix("--")) from None
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
        try:
            observations = numpy.asarray(observation, numpy.float64)
        except (TypeError, ValueError):
            raise ShapeError(
                f"predict: expected an observation of the shape {self._observation_shape}, got {type(observation).__name__}"
            ) from None
        shape = self._observation_shape
        rows = observations.ndim - len(shape)
        if rows not in (0, 1) or observations.shape[rows:] != shape:
            raise ShapeError(f"predict: an observation has the shape {shape}, and those given {observations.shape}")
        flat = numpy.ascontiguousarray(observations).reshape(-1) - self._observation_start
        numbers = self._learner.predict(flat, bool(deterministic))
        if self._finish is None:
            actions = numbers[:, 0].astype(numpy.int64) + self._action_start
        else:
            actions = self._finish(numbers.reshape((-1, *self._action_shape)))
        return (actions if rows else actions[0]), None

    def evaluate(self, episodes: int = 20, *, seed: int | None = None) -> dict[str, Any]:
        """Episodes with the best actions that the policy knows: "mean", "std", "returns" and "lengths"."""
        if seed is not None:
            seed = _whole("evaluate: seed", seed)
        return self._learner.evaluate(_whole("evaluate: episodes", episodes), seed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """A copy of the run, replay buffer and all, for load(). It takes the place of a run that is there already;
        ConfigError for anything else that is."""
        target = _path(path)
        if self._learner.is_training:
            raise _core.Error(
                f"save() was called while learn() runs; {self.run} has a checkpoint every checkpoint_every steps, "
                f"{self.config['checkpoint_every']} here"
            )
        is_run = os.path.isfile(os.path.join(target, "config.json")) and os.path.isdir(os.path.join(target, "checkpoint"))
        if os.path.lexists(target) and not is_run:
            raise ConfigError(f"save: '{target}' is there already, and is no run")
        if is_run and self.run and os.path.samefile(target, self.run):
            return
        parent = os.path.dirname(os.path.abspath(target))
        os.makedirs(parent, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saccade-", dir=parent) as folder:
            copy = os.path.join(folder, "run")
            if self.run:
                shutil.copytree(self.run, copy, symlinks=True)
            else:
                self._learner.save_new(copy)
            old = os.path.join(folder, "old")
            if is_run:
                os.rename(target, old)
            try:
                os.rename(copy, target)
            except OSError:
                if is_run:
                    os.rename(old, target)
                raise

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
        """The environment that was given; of a name of ours, one like those that it learns in."""
        if isinstance(self.env, str) and not _core._is_guest(self.env):
            from .gym import Env

            return Env(self._learner.env)
        return self.env

    @property
    def observation_space(self) -> Any:
        return _environments.single_spaces(self.get_env())[0]

    @property
    def action_space(self) -> Any:
        return _environments.single_spaces(self.get_env())[1]

    def __repr__(self) -> str:
        where = f", in {self.run}" if self.run else ""
        return f"<saccade.{type(self).__name__} on {self._learner.env}, {self.num_timesteps} steps{where}>"

    # How predict() reads observations and writes actions: as the environment's spaces have them.
    def _find_spaces(self) -> None:
        observed, acted = self._learner.spaces
        self._observation_shape = () if len(observed) == 2 else tuple(observed[2])
        self._observation_start = observed[1] if len(observed) == 2 else 0
        self._action_start = acted[1] if len(acted) == 2 else 0
        self._action_shape = () if len(acted) == 2 else tuple(acted[2])
        self._finish: Callable[[numpy.ndarray], numpy.ndarray] | None = None
        if len(acted) == 3:
            known = not isinstance(self.env, str)
            dtype = _environments.single_spaces(self.env)[1].dtype if known else numpy.float32
            self._finish = _environments.action_maker(dtype)

    # What was made to evaluate in goes with the agent.
    def _close_with(self, here: _environments.Here) -> None:
        if here.is_own and here.evaluated is not None:
            weakref.finalize(self, here.evaluated.close)


#: The keys that say how often a policy is tried out.
_EVALUATION = ("eval_every", "final_eval_episodes", "diagnose_every")


def _path(given: str | os.PathLike[str]) -> str:
    path = os.fspath(given)
    if not isinstance(path, str):
        raise TypeError(f"expected a path of text, got {given!r}")
    return path


def _whole(what: str, given: Any) -> int:
    try:
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"{what}: expected a whole number, got {given!r}") from None
    if not -(2**63) <= number < 2**63:
        raise ConfigError(f"{what}: {number} does not fit in 64 bits")
    return number


def _keys_of(kind: str, here: _environments.Here, keys: dict[str, Any]) -> dict[str, Any]:
    """The keys, with those that an environment of Python's settles."""
    if keys.get("envs", here.num_envs) != here.num_envs:
        raise ConfigError(f"{kind}: envs is {keys['envs']}, but env is {here.num_envs} side by side; leave it out")
    keys = {**keys, "envs": here.num_envs}
    if here.evaluated is not None:
        return keys
    for key in _EVALUATION:
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


def _as_lists(space: tuple[Any, ...]) -> list[Any]:
    return [list(part) if isinstance(part, (list, tuple)) else part for part in space]


def _shown(space: tuple[Any, ...]) -> str:
    return f"Discrete({space[0]}, start={space[1]})" if len(space) == 2 else f"a Box of the shape {tuple(space[2])}"
