"""Environments by themselves, for Gymnasium, and side by side."""

import copy
import json
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import saccade

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402
from gymnasium.vector import AutoresetMode  # noqa: E402

import saccade.gym  # noqa: E402

REFERENCE = Path(__file__).parents[2] / "tests" / "reference"
IDS = saccade.env_ids()
HAS_MUJOCO = "HalfCheetah-v5" in IDS
NEXT_STEP, SAME_STEP, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED


def recordings():
    file = REFERENCE / "env_seeds.json"
    return [r for r in json.loads(file.read_text())["recordings"] if r["id"] in IDS] if file.exists() else []


def numbers(obs):
    return np.atleast_1d(np.asarray(obs, float))


@pytest.mark.parametrize("recording", recordings(), ids=lambda r: r["id"])
def test_a_seed_gives_what_it_gives_in_cpp(recording):
    """The tests of C++ hold its environments to the same file."""
    env = saccade.gym.Env(recording["id"])
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)

    def same(x, expected):
        np.testing.assert_allclose(numbers(x), expected, rtol=1e-9, atol=1e-9)

    obs, info = env.reset(seed=recording["seed"])
    assert info == {}
    same(obs, recording["first_obs"])
    for action, expected, reward, end in zip(*(recording[k] for k in ("actions", "obs", "rewards", "ends"))):
        obs, r, terminated, truncated, info = env.step(int(action[0]) if discrete else np.array(action))
        same(obs, expected)
        same(r, reward)
        assert (terminated or truncated) == end
    if "next_first_obs" in recording:
        same(env.reset()[0], recording["next_first_obs"])


@pytest.mark.skipif(not (REFERENCE / "gym_classic.json").exists(), reason="the reference data are not here")
def test_trajectories_of_gymnasium_itself():
    trajectories = json.loads((REFERENCE / "gym_classic.json").read_text())["trajectories"]
    compared = 0
    for t in trajectories:
        env = saccade.gym.Env(t["env_id"], max_episode_steps=0)
        for i, (before, action) in enumerate(zip([t["init_state"], *t["states"]], t["actions"])):
            env.set_state((before, 0, 0))
            obs, reward, terminated, _, _ = env.step(action)
            np.testing.assert_allclose(obs, t["obs"][i], rtol=1e-6, atol=1e-6)
            assert reward == pytest.approx(t["rewards"][i], rel=1e-12, abs=1e-12)
            assert terminated == t["terminated"][i]
            compared += 1
            if terminated:
                break
    assert compared > 1000


@pytest.mark.parametrize("id", IDS)
def test_gymnasiums_checker_is_content(id):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about observations without bounds
        check_env(gymnasium.make(f"saccade/{id}").unwrapped, skip_render_check=True)


@pytest.mark.parametrize("id", IDS)
def test_gymnasium_makes_it(id):
    env = gymnasium.make(f"saccade/{id}")
    assert isinstance(env.unwrapped, saccade.gym.Env)
    obs, _ = env.reset(seed=3)
    ours = saccade.gym.Env(id)
    first, _ = ours.reset(seed=3)
    env.action_space.seed(0)
    for _ in range(30):
        assert (numbers(obs) == numbers(first)).all() and env.observation_space.contains(obs)
        action = env.action_space.sample()
        obs, reward, terminated, truncated, _ = env.step(action)
        first, r, te, tr, _ = ours.step(action)
        assert (reward, terminated, truncated) == (r, te, tr)
        if terminated or truncated:
            obs, _ = env.reset()
            first, _ = ours.reset()


def test_the_time_limit_is_the_tasks_or_the_callers():
    def length(env):
        env.reset(seed=0)
        for n in range(1, 1000):
            if env.step([0.0])[3]:
                return n
        return None

    assert length(saccade.gym.Env("pendulum")) == 200
    assert length(saccade.gym.Env("pendulum", max_episode_steps=7)) == 7
    assert length(saccade.gym.Env("pendulum", max_episode_steps=0)) is None
    assert length(gymnasium.make("saccade/Pendulum-v1")) == 200
    assert length(gymnasium.make("saccade/Pendulum-v1", max_episode_steps=300)) == 300
    assert gymnasium.spec("saccade/CartPole-v1").reward_threshold == 475


def test_without_a_seed_episodes_differ_and_go_on():
    a, b = saccade.gym.Env("pendulum"), saccade.gym.Env("pendulum")
    assert a.reset()[0].tolist() != b.reset()[0].tolist()
    first, second = a.reset(seed=1)[0], a.reset()[0]
    assert first.tolist() != second.tolist()
    b.reset(seed=1)
    assert b.reset()[0].tolist() == second.tolist()


def test_infos_have_the_parts_of_the_reward():
    env = saccade.gym.Env("pendulum")
    env.reset(seed=0)
    _, reward, _, _, info = env.step([1.0])
    assert set(info) == {"reward_angle", "reward_velocity", "reward_torque"}
    assert sum(info.values()) == pytest.approx(reward)


@pytest.mark.skipif(not HAS_MUJOCO, reason="a build without MuJoCo")
def test_spaces_of_a_mujoco_task():
    env = gymnasium.make("saccade/HalfCheetah-v5")
    assert env.observation_space.shape == (17,) and env.observation_space.dtype == np.float64
    assert env.action_space == gymnasium.spaces.Box(-1, 1, (6,), np.float32)


def test_state_and_pickle_go_on_bit_for_bit():
    env = saccade.gym.Env("pendulum")
    env.reset(seed=4)
    env.step([1.0])
    state = env.state()
    others = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]

    def rest(e):
        seen = [e.step([0.5])[0].tolist() for _ in range(5)]
        return seen + [e.reset()[0].tolist()]

    expected = rest(env)
    for other in others:
        assert rest(other) == expected
    env.set_state(state)
    assert rest(env) == expected


def test_errors_name_the_thing():
    with pytest.raises(saccade.ConfigError, match="did you mean Pendulum-v1"):
        saccade.gym.Env("pendulun")
    with pytest.raises(saccade.ConfigError, match="render_mode is 'human'"):
        saccade.gym.Env("pendulum", render_mode="human")
    env = saccade.gym.Env("pendulum")
    with pytest.raises(saccade.Error, match="call reset"):
        env.step([0.0])
    env.reset(seed=0)
    with pytest.raises(saccade.ShapeError, match="2 numbers were given, expected 1"):
        env.step([0.0, 1.0])
    with pytest.raises(saccade.Error, match="nan"):
        env.step([np.nan])
    with pytest.raises(saccade.ConfigError, match="0 copies"):
        saccade.make_vec("pendulum", 0)
    envs = saccade.make_vec("pendulum", 2)
    with pytest.raises(saccade.Error, match="before the first reset"):
        envs.step(np.zeros((2, 1)))
    with pytest.raises(saccade.ShapeError, match="3 seeds were given for 2"):
        envs.reset(seed=[1, 2, 3])
    envs.reset(seed=0)
    with pytest.raises(saccade.ShapeError, match="3 numbers were given, expected 2"):
        envs.step(np.zeros((3, 1)))
    with pytest.raises(saccade.ShapeError, match="1 flags"):
        envs.reset(options={"reset_mask": [True]})


# ---- side by side ----


def test_make_vec_gives_a_vector_env():
    envs = saccade.make_vec("CartPole-v1", 3)
    assert isinstance(envs, gymnasium.vector.VectorEnv)
    assert envs.metadata["autoreset_mode"] is NEXT_STEP
    assert envs.observation_space.shape == (3, 4) and envs.action_space.shape == (3,)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        through = gymnasium.make_vec("saccade/CartPole-v1", num_envs=3, autoreset_mode="SameStep")
    assert isinstance(through, saccade.gym.VectorEnv) and through.metadata["autoreset_mode"] is SAME_STEP
    a, b = envs.reset(seed=5)[0], through.reset(seed=5)[0]
    assert (a == b).all() and envs.observation_space.contains(a)
    assert envs.action_space.contains(envs.action_space.sample())


@pytest.mark.parametrize("mode", [NEXT_STEP, SAME_STEP, DISABLED])
@pytest.mark.parametrize("id", ["CartPole-v1", "FrozenLake-v1", "Pendulum-v1"])
def test_copies_do_what_gymnasiums_own_vector_env_does(id, mode):
    n, limit = 3, 17
    ours = saccade.make_vec(id, n, autoreset_mode=mode, max_episode_steps=limit)
    theirs = gymnasium.vector.SyncVectorEnv(
        [lambda: saccade.gym.Env(id, max_episode_steps=limit)] * n, autoreset_mode=mode
    )
    a, b = ours.reset(seed=9)[0], theirs.reset(seed=9)[0]
    ours.action_space.seed(1)
    ends = 0
    for _ in range(100):
        assert np.array_equal(a, b)
        actions = ours.action_space.sample()
        (a, *rest, infos), (b, *expected, their_infos) = ours.step(actions), theirs.step(actions)
        for x, y in zip(rest, expected):
            assert np.array_equal(x, y) and x.dtype == y.dtype
        over = rest[1] | rest[2]
        ends += over.sum()
        assert np.array_equal(a, b)
        if mode is SAME_STEP and over.any():
            assert np.array_equal(infos["_final_obs"], over)
            for i in np.flatnonzero(over):
                assert np.array_equal(infos["final_obs"][i], their_infos["final_obs"][i])
        if mode is DISABLED and over.any():
            a = ours.reset(options={"reset_mask": over})[0]
            b = theirs.reset(options={"reset_mask": over})[0]
    assert ends > 5


def test_a_copy_that_is_over_must_be_reset_where_that_is_the_callers():
    envs = saccade.make_vec("pendulum", 2, autoreset_mode=DISABLED, max_episode_steps=2)
    envs.reset(seed=0)
    envs.step(np.zeros((2, 1)))
    assert envs.step(np.zeros((2, 1)))[3].all()
    with pytest.raises(saccade.Error, match="outside an episode"):
        envs.step(np.zeros((2, 1)))


def test_what_was_returned_stays_as_it_was():
    envs = saccade.make_vec("pendulum", 2)
    first, _ = envs.reset(seed=0)
    kept = first.copy()
    second = envs.step(np.ones((2, 1)))[0]
    envs.step(np.ones((2, 1)))
    assert (first == kept).all() and not np.shares_memory(first, second)


@pytest.mark.skipif(not HAS_MUJOCO, reason="a build without MuJoCo")
def test_any_number_of_threads_gives_the_same_bits_and_lets_others_run():
    before = saccade.num_threads()

    def run(threads):
        saccade.set_num_threads(threads)
        envs = saccade.make_vec("Ant-v5", 4)
        obs = [envs.reset(seed=1)[0]]
        for _ in range(40):
            obs.append(envs.step(np.full((4, 8), 0.3))[0])
        return np.array(obs)

    count, stop = [0], threading.Event()

    def tick():
        while not stop.wait(0.0005):
            count[0] += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        assert (run(1) == run(3)).all()
    finally:
        stop.set()
        thread.join()
        saccade.set_num_threads(before)
    assert count[0] > 5


@pytest.mark.skipif(not HAS_MUJOCO, reason="a build without MuJoCo")
def test_two_threads_cannot_step_one_environment():
    envs = saccade.make_vec("Humanoid-v5", 4)
    envs.reset(seed=0)
    actions, refused = np.zeros((4, 17)), []

    def work():
        for _ in range(50):
            try:
                envs.step(actions)
            except saccade.Error as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused and "another thread" in refused[0]
    envs.step(actions)


def test_importing_saccade_is_all_that_gymnasium_needs():
    for order in ("gymnasium, saccade", "saccade, gymnasium"):
        code = f"import {order}; print(gymnasium.make('saccade/Pendulum-v1').unwrapped.__class__.__module__)"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert result.stdout == "saccade.gym\n"
    code = "import gymnasium; print(gymnasium.make('saccade:saccade/Pendulum-v1').spec.id)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "saccade/Pendulum-v1\n"


def test_without_gymnasium_the_error_says_so():
    code = "import sys; sys.modules['gymnasium'] = None; import saccade\ntry: saccade.make_vec('pendulum', 2)\nexcept ImportError as e: print(e)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install gymnasium" in result.stdout
