"""Environments to evaluate agents in: which, when, and how long they live."""

import gc
import os
import weakref

import gymnasium
import pytest

import saccade
from environments import Counter
from support import TINY


def test_evaluation_is_in_an_environment_of_its_own():
    env, evaluated = Counter(), Counter()
    agent = saccade.SAC(env, eval_env=evaluated, **{**TINY, "eval_every": 20, "eval_episodes": 3}).learn(40)
    assert env.total == 40
    assert evaluated.total == (3 + 3 + 1) * 5
    assert None not in evaluated.seeds
    assert agent.summary["final_evaluation"]["mean"] == 15


def test_an_environment_that_cannot_be_made_again_is_not_evaluated():
    some = {key: value for key, value in TINY.items() if key not in ("eval_every", "final_eval_episodes", "diagnose_every")}
    with pytest.warns(UserWarning, match="python:Counter: nothing is evaluated.*no spec.*give eval_env"):
        agent = saccade.SAC(Counter(), **some)
    assert agent.learn(10).summary["final_evaluation"] is None
    with pytest.raises(saccade.ConfigError, match="eval_env"):
        agent.evaluate()
    with pytest.warns(UserWarning), pytest.raises(saccade.ConfigError, match="eval_every is 10.*give eval_env"):
        saccade.SAC(Counter(), eval_every=10)


def test_what_has_a_spec_is_made_again_to_evaluate_in():
    env = gymnasium.make("Pendulum-v1")
    agent = saccade.SAC(env, **TINY).learn(12)
    assert agent.summary["final_evaluation"]["episodes"] == 1
    assert os.path.basename(agent.run) == "Pendulum-v1-1"
    assert env.unwrapped is not None and env.get_wrapper_attr("_elapsed_steps") == 12  # untouched by it


def test_a_run_that_evaluates_goes_on_only_with_something_to_evaluate_in():
    agent = saccade.SAC(Counter(), eval_env=Counter(), **{**TINY, "eval_every": 5, "eval_episodes": 1}).learn(10)
    with pytest.warns(UserWarning), pytest.raises(saccade.ConfigError, match="eval_every is 5.*give eval_env"):
        saccade.load(agent.run, Counter())
    assert saccade.load(agent.run, Counter(), eval_env=Counter()).learn(5).num_timesteps == 15
    with pytest.raises(saccade.ConfigError, match="without env"):
        saccade.load(agent.run, eval_env=Counter())


def test_of_several_environments_one_is_made_to_evaluate_in():
    for envs in (
        gymnasium.make_vec("Pendulum-v1", 2),
        gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make("Pendulum-v1")] * 2),
        saccade.make_vec("Pendulum-v1", 2),
    ):
        agent = saccade.SAC(envs, **TINY).learn(10)
        assert agent.summary["final_evaluation"]["episodes"] == 1
        assert agent.evaluate(2)["lengths"] == [200, 200]


def test_a_wrapper_with_statistics_of_its_own_is_not_made_again():
    env = gymnasium.wrappers.NormalizeObservation(gymnasium.make("Pendulum-v1"))
    with pytest.warns(UserWarning, match="statistics of its own"):
        saccade.SAC(env)


def test_what_is_made_to_evaluate_in_is_closed_and_only_made_if_needed():
    made = []

    class Counted(Counter):
        def __init__(self):
            super().__init__()
            made.append("made")

        def close(self):
            made.append("closed")

    gymnasium.register("Counted-v0", entry_point=Counted)
    env = gymnasium.make("Counted-v0")
    saccade.SAC(env, **{**TINY, "final_eval_episodes": 0})
    assert made == ["made"]
    agent = saccade.SAC(env, **TINY)
    assert made == ["made", "made"]
    del agent
    gc.collect()
    assert made == ["made", "made", "closed"]


def test_an_eval_env_keeps_its_own_time_limit():
    gymnasium.register("Short-v0", entry_point=Counter, max_episode_steps=3)
    agent = saccade.SAC(gymnasium.make("Short-v0"), eval_env=Counter(length=50), **TINY)
    assert agent.evaluate(2)["lengths"] == [50, 50]


def test_environments_and_agents_that_hold_each_other_go():
    env = Counter()
    agent = saccade.SAC(env, **{**TINY, "final_eval_episodes": 0}).learn(10)
    env.agent = agent
    watched = [weakref.ref(env), weakref.ref(agent)]
    del env, agent
    gc.collect()
    assert [ref() for ref in watched] == [None, None]
