"""Agents: what they are made of, learn, do, save and load."""

import os

import gymnasium
import numpy as np
import pytest

import saccade
from environments import Chain, Counter
from support import TINY, replay


# ---- our own environments ----


def test_an_environment_of_ours_trains_in_cpp_as_the_command_does():
    agent = saccade.SAC("pendulum", seed=3, **TINY).learn(60)
    assert agent.run == os.path.abspath("runs/pendulum-3")
    assert agent.num_timesteps == 60
    assert agent.summary["steps"] == 60
    assert agent.summary["final_evaluation"]["episodes"] == 1
    assert agent.evaluate(1)["mean"] == agent.summary["final_evaluation"]["mean"]


@pytest.mark.parametrize(
    "kind, env",
    [(kind, "pendulum") for kind in ("SAC", "SACv1", "REDQ", "DroQ", "TQC", "CrossQ", "TD3", "DDPG")]
    + [(kind, "cartpole") for kind in ("DiscreteSAC", "DQN", "SoftQ")],
)
def test_every_algorithm_has_its_class(kind, env):
    agent = getattr(saccade, kind)(env, **TINY).learn(20)
    assert agent.config["algorithm"] == agent.algorithm
    assert type(saccade.load(agent.run)) is getattr(saccade, kind)


def test_no_algorithm_is_without_a_class():
    assert sorted(kind.algorithm for kind in saccade.Agent.__subclasses__()) == sorted(saccade._core._algorithms())


def test_learning_in_two_calls_is_learning_in_one():
    once = saccade.SAC("pendulum", run="once", **TINY).learn(50)
    twice = saccade.SAC("pendulum", run="twice", **TINY).learn(20).learn(30)
    other = saccade.SAC("pendulum", run="other", seed=2, **TINY).learn(50)
    obs = np.ones(3)
    assert once.predict(obs, deterministic=True)[0] == twice.predict(obs, deterministic=True)[0]
    assert once.predict(obs, deterministic=True)[0] != other.predict(obs, deterministic=True)[0]
    for name, array in replay("once").items():
        assert np.array_equal(array, replay("twice")[name]), name


# ---- Gymnasium's ----


def test_an_environment_of_gymnasiums_is_stepped_as_it_wants():
    env = Counter(length=5)
    agent = saccade.SAC(env, seed=1, **{**TINY, "final_eval_episodes": 0}).learn(23)
    assert env.total == 23
    assert env.seeds[0] is not None and env.seeds[1:] == [None] * 4
    assert all(a.shape == (1,) and a.dtype == np.float32 and -2 <= a[0] <= 4 for a in env.actions)
    assert min(a[0] for a in env.actions) < 0 and max(a[0] for a in env.actions) > 2  # of the whole box
    memory = replay(agent.run)
    assert memory["obs"][:7].tolist() == [[1, 0], [1, 1], [1, 2], [1, 3], [1, 4], [2, 0], [2, 1]]
    assert memory["next_obs"][:6].tolist() == [[1, 1], [1, 2], [1, 3], [1, 4], [1, 5], [2, 1]]
    assert memory["reward"][:6].ravel().tolist() == [1, 2, 3, 4, 5, 1]
    assert memory["terminated"][:6].ravel().tolist() == [0, 0, 0, 0, 1, 0]
    np.testing.assert_allclose(memory["action"][:23, 0] * 3 + 1, [a[0] for a in env.actions], atol=1e-6)


def test_truncation_is_no_termination():
    agent = saccade.SAC(Counter(terminates=False), **{**TINY, "final_eval_episodes": 0}).learn(12)
    assert not replay(agent.run)["terminated"].any()


def test_the_same_seed_learns_the_same():
    obs = np.ones(3)

    def learned(seed, run):
        agent = saccade.SAC(gymnasium.make("Pendulum-v1"), seed=seed, run=run, **TINY).learn(40)
        return agent.predict(obs, deterministic=True)[0]

    first = learned(1, "a")
    assert first == learned(1, "b")
    assert first != learned(2, "c")


def test_discrete_spaces_may_begin_anywhere():
    env = Chain()
    settings = {**TINY, "hidden": [32], "batch_size": 32, "learning_starts": 100, "critic_lr": 3e-3, "target_every": 10}
    settings |= {"epsilon_updates": 300, "gamma": 0.9, "final_eval_episodes": 2}
    agent = saccade.DQN(env, eval_env=Chain(), seed=1, **settings).learn(800)
    assert agent.summary["final_evaluation"]["mean"] == 10  # of 12 steps, 2 are on the way
    assert [int(agent.predict(s, deterministic=True)[0]) for s in (2, 3, 4, 5)] == [0, 0, 0, 0]
    choices, _ = agent.predict(np.array([2, 3]), deterministic=True)
    assert choices.dtype == np.int64 and choices.tolist() == [0, 0]


def test_observations_may_be_float32_of_any_shape():
    class Grid(Counter):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2, 1, 3), np.float32)

        def _observation(self):
            return np.arange(6, dtype=np.float32).reshape(2, 1, 3) + self.steps

    agent = saccade.SAC(Grid(), **{**TINY, "final_eval_episodes": 0}).learn(12)
    assert replay(agent.run)["obs"][1].tolist() == [1, 2, 3, 4, 5, 6]
    action, state = agent.predict(np.zeros((2, 1, 3)))
    assert action.shape == (1,) and action.dtype == np.float32 and state is None
    actions, _ = agent.predict(np.zeros((7, 2, 1, 3)))
    assert actions.shape == (7, 1)


def test_names_that_only_gymnasium_knows_are_made_there():
    gymnasium.register("OnlyThere-v0", entry_point=Counter, max_episode_steps=9)
    agent = saccade.SAC("OnlyThere-v0", **TINY).learn(10)
    assert isinstance(agent.get_env(), gymnasium.Env)
    with pytest.raises(saccade.ConfigError, match="Nowhere-v7"):
        saccade.SAC("Nowhere-v7")


# ---- predict, save, load ----


def test_predict_explores_unless_told_otherwise():
    agent = saccade.SAC("pendulum", **TINY)  # untrained ones act too
    obs = np.zeros(3)
    assert len({float(agent.predict(obs, deterministic=True)[0][0]) for _ in range(5)}) == 1
    assert len({float(agent.predict(obs)[0][0]) for _ in range(5)}) == 5
    assert all(-2 <= agent.predict(obs)[0][0] <= 2 for _ in range(50))
    with pytest.raises(saccade.ShapeError, match=r"\(3,\).*\(4,\)"):
        agent.predict(np.zeros(4))


@pytest.mark.parametrize("steps", [0, 20])
def test_what_was_saved_loads(steps):
    agent = saccade.SAC("pendulum", **TINY)
    if steps:
        agent.learn(steps)
    agent.save("there/it")
    loaded = saccade.SAC.load("there/it")
    obs = np.ones((2, 3))
    assert np.array_equal(agent.predict(obs, deterministic=True)[0], loaded.predict(obs, deterministic=True)[0])
    assert loaded.num_timesteps == steps
    loaded.learn(20)
    assert loaded.num_timesteps == steps + 20 and agent.num_timesteps == steps
    agent.save("there/it")  # in the place of the run that is there
    assert saccade.load("there/it").num_timesteps == steps
    assert os.listdir("there") == ["it"]
    open("file", "w").close()
    with pytest.raises(saccade.ConfigError, match="'file' is there already, and is no run"):
        agent.save("file")


def test_a_save_that_fails_leaves_what_was_there(monkeypatch):
    saccade.SAC("pendulum", run="before", **TINY).learn(10).save("kept")
    agent = saccade.SAC("pendulum", run="after", **TINY).learn(20)
    rename = os.rename

    def fails_for_the_copy(source, target):
        if os.path.basename(source) == "run":
            raise OSError("no space")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails_for_the_copy)
    with pytest.raises(OSError, match="no space"):
        agent.save("kept")
    assert saccade.load("kept").num_timesteps == 10
    assert sorted(os.listdir(".")) == ["after", "before", "kept"]


def test_a_run_of_another_algorithm_is_not_loaded_as_this_one():
    agent = saccade.TD3("pendulum", **TINY).learn(10)
    with pytest.raises(saccade.ConfigError, match="a run of TD3, expected one of SAC"):
        saccade.SAC.load(agent.run)
    with pytest.raises(saccade.FormatError, match="there is no such run"):
        saccade.load("runs/none")


def test_a_run_in_pythons_environment_goes_on_there():
    agent = saccade.SAC(Counter(), **{**TINY, "final_eval_episodes": 0}).learn(13)
    obs = np.ones(2)
    asleep = saccade.load(agent.run)
    assert np.array_equal(asleep.predict(obs, deterministic=True)[0], agent.predict(obs, deterministic=True)[0])
    with pytest.raises(saccade.ConfigError, match="only Python can step"):
        asleep.learn(10)
    env = Counter()
    loaded = saccade.load(agent.run, env).learn(10)
    assert loaded.num_timesteps == 23 and env.total == 10 and env.episode == 2
    memory = replay(agent.run)
    assert memory["obs"][12:15].tolist() == [[3, 2], [1, 0], [1, 1]]  # a fresh episode


def test_a_run_goes_on_only_where_it_fits():
    agent = saccade.SAC(Counter(), **{**TINY, "final_eval_episodes": 0}).learn(10)
    with pytest.raises(saccade.ConfigError, match=r"observation space was a Box of the shape \(2,\), but that of env is Box"):
        saccade.load(agent.run, gymnasium.make("Pendulum-v1"))
    with pytest.raises(saccade.ConfigError, match="side by side"):
        saccade.load(agent.run, gymnasium.vector.SyncVectorEnv([Counter, Counter]))
    ours = saccade.SAC("pendulum", **TINY).learn(10)
    with pytest.raises(saccade.ConfigError, match="leave env out"):
        saccade.load(ours.run, gymnasium.make("Pendulum-v1"))


def test_a_loaded_agent_sees_and_acts_as_the_one_that_was_saved():
    """Without its environment too: shapes, and where choices begin, are in the run."""
    chain = saccade.DQN(Chain(), **{**TINY, "final_eval_episodes": 0}).learn(20)
    loaded = saccade.load(chain.run)
    for state in (2, 3, 4, 5):
        assert loaded.predict(state, deterministic=True)[0] == chain.predict(state, deterministic=True)[0] in (-1, 0)

    class Grid(Counter):
        observation_space = gymnasium.spaces.Box(-1, 1, (2, 1, 3))
        action_space = gymnasium.spaces.Box(-1, 1, (2, 2))

        def _observation(self):
            return np.zeros((2, 1, 3), np.float32)

    grid = saccade.SAC(Grid(), run="grid", **{**TINY, "final_eval_episodes": 0}).learn(10)
    obs = np.random.default_rng(1).normal(size=(4, 2, 1, 3))
    assert np.array_equal(saccade.load("grid").predict(obs, deterministic=True)[0], grid.predict(obs, deterministic=True)[0])
    assert grid.predict(obs[0])[0].shape == (2, 2)

    class Flat(Grid):
        observation_space = gymnasium.spaces.Box(-1, 1, (6,))

    with pytest.raises(saccade.ConfigError, match=r"shape \(2, 1, 3\)"):
        saccade.load("grid", Flat())


def test_two_agents_of_one_run_go_on_from_where_it_is():
    one = saccade.SAC("pendulum", run="b", **TINY).learn(30)
    other = saccade.load("b")
    one.learn(20)
    assert other.learn(20).num_timesteps == 70


def test_subclasses_load_as_themselves_and_are_in_nobodys_way():
    class Mine(saccade.SAC):
        pass

    agent = Mine("pendulum", **TINY).learn(10)
    assert type(Mine.load(agent.run)) is Mine
    assert type(saccade.load(agent.run)) is saccade.SAC


# ---- actions ----


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.float16, np.float64])
def test_actions_are_of_the_spaces_dtype_while_learning_and_after(dtype):
    class Typed(Counter):
        action_space = gymnasium.spaces.Box(0, 200, (2,), dtype)

        def step(self, action):
            assert self.action_space.contains(action), action
            return super().step(action)

    agent = saccade.SAC(Typed(), **{**TINY, "final_eval_episodes": 0}).learn(20)
    assert agent.action_space.contains(agent.predict(np.zeros(2))[0])
    several = gymnasium.vector.SyncVectorEnv([Typed] * 2)
    saccade.SAC(several, **{**TINY, "final_eval_episodes": 0}).learn(20)


# ---- n steps, priorities ----


def test_n_step_returns_do_not_cross_a_stop():
    settings = {**TINY, "n_step": 3, "final_eval_episodes": 0}
    agent = saccade.SAC(Counter(length=50), **settings).learn(9)
    saccade.load(agent.run, Counter(length=50)).learn(9)
    memory = replay(agent.run)
    starts, ends = memory["obs"], memory["next_obs"]
    filled = ends.any(axis=1)
    assert filled.sum() == 7 + 7
    assert np.array_equal(ends[filled] - starts[filled], np.tile([0, 3], (14, 1)))


# ---- bad input ----


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: saccade.SAC("pendulum", learning_rate=1e-3), saccade.ConfigError, "learning_rate"),
        (lambda: saccade.SAC("pendulum", gamma=2), saccade.ConfigError, "gamma is 2"),
        (lambda: saccade.SAC("pendulum", gamma=float("nan")), saccade.ConfigError, "SAC"),
        (lambda: saccade.SAC("pendulum", steps=5), saccade.ConfigError, "learn"),
        (lambda: saccade.SAC("pendulum", gamma=object()), saccade.ConfigError, "no value"),
        (lambda: saccade.SAC("pendulm"), saccade.ConfigError, "pendulm"),
        (lambda: saccade.DQN("pendulum"), saccade.ConfigError, "pendulum"),
        (lambda: saccade.SAC(3), TypeError, "gymnasium.Env"),
        (lambda: saccade.SAC("pendulum", eval_env=Counter()), saccade.ConfigError, "eval_env"),
        (lambda: saccade.SAC(Counter(), eval_env=3), TypeError, "eval_env"),
        (lambda: (lambda env: saccade.SAC(env, eval_env=env))(Counter()), saccade.ConfigError, "env itself"),
        (lambda: saccade.SAC(Counter(), envs=3, **TINY | {"final_eval_episodes": 0}), saccade.ConfigError, "envs is 3"),
        (lambda: saccade.SAC(Counter(), eval_env=gymnasium.make("Pendulum-v1")), saccade.ConfigError, "eval_env"),
        (lambda: saccade.Agent("pendulum"), TypeError, "SAC"),
        (lambda: saccade.SAC("pendulum").learn(), TypeError, "steps"),
        (lambda: saccade.SAC("pendulum").learn(0), saccade.ConfigError, "0 steps were asked for, expected 1 to"),
        (lambda: saccade.SAC("pendulum").learn(2**62), saccade.ConfigError, "expected 1 to"),
        (lambda: saccade.SAC("pendulum").learn(2**70), saccade.ConfigError, "64 bits"),
        (lambda: saccade.SAC("pendulum").learn(10**12 + 1), saccade.ConfigError, "expected 1 to"),
        (lambda: saccade.SAC("pendulum").learn(1.0), TypeError, "whole number, got 1.0"),
        (lambda: saccade.SAC("pendulum").learn(5, callback=saccade.Callback), TypeError, "callback"),
        (lambda: saccade.SAC("pendulum").evaluate(1.5), TypeError, "whole number"),
        (lambda: saccade.SAC("pendulum").predict([np.nan] * 3), saccade.Error, r"observation\[0\] is nan"),
        (lambda: saccade.SAC("pendulum").predict("here"), saccade.ShapeError, "got str"),
        (lambda: saccade.SAC("MlpPolicy", "pendulum"), TypeError, "environment alone"),
        (lambda: saccade.SAC("pendulum", device="cpu"), saccade.ConfigError, "on the CPU"),
        (lambda: saccade.SAC("pendulum", run=b"x"), TypeError, "b'x'"),
        (lambda: saccade.SAC("pendulum").learn(5, callback=3), TypeError, "callback"),
        (lambda: saccade.SAC("pendulum").evaluate(0), saccade.ConfigError, "at least 1"),
    ],
)
def test_bad_input_is_one_clear_error(make, error, words):
    with pytest.raises(error, match=words):
        make()
    assert os.listdir(".") == []


def test_other_files_are_no_runs():
    open("model.zip", "w").close()
    with pytest.raises(saccade.ConfigError, match="saccade import sb3 model.zip"):
        saccade.load("model.zip")
    os.mkdir("mine")
    open("mine/thesis.tex", "w").close()
    with pytest.raises(saccade.ConfigError, match="^run: '.*mine' exists and is not an empty folder"):
        saccade.SAC("pendulum", run="mine", **TINY).learn(10)
    assert os.listdir("mine") == ["thesis.tex"]


def test_no_observations_are_no_actions():
    assert saccade.SAC("pendulum", **TINY).predict(np.zeros((0, 3)))[0].shape == (0, 1)


def test_spaces_that_networks_cannot_have_are_refused():
    class Pairs(Counter):
        observation_space = gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)})

    class Buttons(Counter):
        action_space = gymnasium.spaces.MultiBinary(3)

    class Endless(Counter):
        action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))

    with pytest.raises(saccade.ConfigError, match="FlattenObservation"):
        saccade.SAC(Pairs())
    with pytest.raises(saccade.ConfigError, match="action space is MultiBinary"):
        saccade.SAC(Buttons())
    with pytest.raises(saccade.ConfigError, match="finite bounds"):
        saccade.SAC(Endless(), eval_env=Endless())
