"""Learning in several environments side by side, in each of their ways to begin episodes anew."""

import gymnasium
import numpy as np
import pytest

import saccade
from environments import Chain, Counter, raises
from support import QUIET, replay


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize("n_step", [1, 3])
def test_copies_side_by_side_store_what_happened(mode, n_step):
    made = []

    def make(length):
        def of_length():
            made.append(Counter(length))
            return made[-1]

        return of_length

    envs = gymnasium.vector.SyncVectorEnv([make(3), make(5)], autoreset_mode=gymnasium.vector.AutoresetMode(mode))
    agent = saccade.SAC(envs, **{**QUIET, "n_step": n_step}).learn(40)
    assert agent.config["envs"] == 2 and agent.num_timesteps == 40
    memory = replay(agent.run)
    stored = memory["next_obs"].any(axis=1)
    begins, ends, over = memory["obs"][stored], memory["next_obs"][stored], memory["terminated"][stored].ravel()
    episodes = {}
    for begin, end, terminated in zip(begins.tolist(), ends.tolist(), over, strict=True):
        assert begin[0] == end[0], "a transition crosses a reset"
        assert 1 <= end[1] - begin[1] <= n_step
        if n_step == 1:
            assert terminated == (end[1] in (3, 5) and (begin[0], end[1]) in episodes or terminated)
        episodes.setdefault((begin[0], begin[1]), []).append((end[1], bool(terminated)))
    # Both copies' first episodes: of 3 steps and of 5, with their true last observations.
    if n_step == 1:
        assert sorted(episodes[1.0, 2.0]) == [(3.0, False), (3.0, True)]
        assert episodes[1.0, 4.0] == [(5.0, True)]
        assert (1.0, 5.0) not in episodes and len(episodes[1.0, 0.0]) == 2
    # A reset that takes a step of its own is none of the episode's.
    steps = sum(env.total for env in made)
    assert steps == (40 if mode != "NextStep" else 40 - sum(env.episode - 1 for env in made))
    if n_step == 1:
        assert stored.sum() == steps


def test_our_own_vector_environment_is_one_too():
    agent = saccade.SAC(saccade.make_vec("Pendulum-v1", 3), **QUIET).learn(30)
    assert agent.config["envs"] == 3
    actions, _ = agent.predict(np.zeros((3, 3)), deterministic=True)
    assert actions.shape == (3, 1)


def test_choices_and_states_side_by_side():
    envs = gymnasium.vector.SyncVectorEnv([Chain] * 3)
    agent = saccade.DQN(envs, **QUIET).learn(60)
    memory = replay(agent.run)
    assert set(memory["obs"][:40].ravel()) <= {0, 1, 2, 3} and set(memory["action"][:40].ravel()) == {0, 1}


def test_a_vector_environment_that_fails_leaves_a_run():
    envs = gymnasium.vector.SyncVectorEnv([lambda: Counter(at=9, does=raises), Counter])
    agent = saccade.SAC(envs, **QUIET)
    with pytest.raises(ZeroDivisionError):
        agent.learn(100)
    assert agent.num_timesteps == 18  # 8 of the one that fails, and the step that began its second episode
    assert saccade.load(agent.run, gymnasium.vector.SyncVectorEnv([Counter, Counter])).learn(4).num_timesteps == 22


@pytest.mark.parametrize(
    "index, value, words",
    [
        (0, np.zeros((2, 3)), "observations have the shape"),
        (0, np.zeros((4, 1)), "observations have the shape"),
        (1, np.zeros((2, 1)), "rewards have the shape"),
        (1, np.array([0.0, np.nan]), r"reward\[1\] is nan"),
        (2, np.zeros(1, bool), "terminated has the shape"),
        (4, {}, "final_obs"),
    ],
)
def test_what_several_environments_give_is_looked_at(index, value, words):
    class Bad(gymnasium.vector.SyncVectorEnv):
        def step(self, actions):
            answer = list(super().step(actions))
            if self.envs[0].total == 5:  # the end of an episode
                answer[index] = value
            return tuple(answer)

    envs = Bad([Counter, Counter], autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)
    agent = saccade.SAC(envs, **QUIET)
    with pytest.raises(saccade.Error, match=words):
        agent.learn(100)
    assert saccade.load(agent.run).num_timesteps == agent.num_timesteps == 8


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, object])
def test_flags_may_be_numbers(dtype):
    class Numbers(gymnasium.vector.SyncVectorEnv):
        def step(self, actions):
            obs, rewards, terminated, truncated, infos = super().step(actions)
            return obs, rewards, terminated.astype(dtype), truncated.astype(dtype), infos

    assert saccade.SAC(Numbers([Counter, Counter]), **QUIET).learn(30).num_timesteps == 30
