"""learn(): callbacks, what goes wrong while it runs, several environments side by side, and the shell."""

import os
import shutil
import signal
import subprocess
import threading
import time

import gymnasium
import numpy as np
import pytest

import saccade
from environments import Counter
from test_agents import TINY, in_a_folder_of_its_own, replay  # noqa: F401

QUIET = {**TINY, "final_eval_episodes": 0}


# ---- callbacks ----


def test_callbacks_hear_of_everything():
    heard = []

    class All(saccade.Callback):
        def on_step(self):
            heard.append(("step", self.agent.num_timesteps))

        def on_episode(self, episode):
            heard.append(("episode", episode["step"], episode["length"], episode["return"], episode["terminated"]))

        def on_evaluation(self, evaluation):
            heard.append(("evaluation", evaluation["step"], evaluation["mean"], evaluation["lengths"]))

    saccade.SAC(Counter(), eval_env=Counter(), **{**QUIET, "eval_every": 5, "eval_episodes": 2}).learn(6, All())
    assert heard == [("step", s) for s in (1, 2, 3, 4)] + [
        ("episode", 5, 5, 15.0, True),
        ("evaluation", 5, 15.0, [5, 5]),
        ("step", 5),
        ("step", 6),
    ]


def test_episodes_have_their_metrics():
    seen = []

    class Episodes(saccade.Callback):
        def on_episode(self, episode):
            seen.append(episode["metrics"])

    saccade.SAC(Counter(), **QUIET).learn(20, Episodes())
    assert seen[0] == {} and "alpha" in seen[-1]


def test_a_callback_ends_training_where_it_goes_on():
    agent = saccade.SAC("pendulum", run="a", **TINY)
    agent.learn(100, lambda a: a.num_timesteps < 30)
    assert agent.num_timesteps == 30 and agent.summary is None
    agent.learn(20)
    once = saccade.SAC("pendulum", run="b", **TINY).learn(50)
    assert agent.predict(np.ones(3), deterministic=True)[0] == once.predict(np.ones(3), deterministic=True)[0]


def test_an_agent_can_be_asked_while_it_learns():
    acts = []

    def look(agent):
        acts.append(float(agent.predict(np.ones(3), deterministic=True)[0][0]))
        if agent.num_timesteps == 20:
            with pytest.raises(saccade.Error, match="while learn"):
                agent.save("x")
            with pytest.raises(saccade.Error, match="learn"):
                agent.learn(3)

    agent = saccade.SAC("pendulum", **TINY).learn(30, look)
    assert acts[0] == acts[5] and len(set(acts)) > 15  # as it was, and then anew with each update
    assert agent.predict(np.ones(3), deterministic=True)[0] == acts[-1]


def test_what_a_callback_raises_arrives_and_the_run_goes_on():
    agent = saccade.SAC("pendulum", **TINY)

    def fails(agent):
        if agent.num_timesteps == 17:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as raised:
        agent.learn(100, fails)
    assert "runs/pendulum-1 holds what was learned until step 17" in raised.value.__notes__[0]
    assert agent.num_timesteps == 17
    assert agent.learn(13).num_timesteps == 30


def test_a_bar_of_progress(capfd):
    saccade.SAC("pendulum", **TINY).learn(30, progress_bar=True)
    shown = capfd.readouterr().err
    assert "/30 [" in shown and shown.endswith("\n")
    assert max(len(line) for line in shown.replace("\r", "\n").split("\n")) < 80


# ---- what environments may do ----


def raises(env, answer):
    raise ZeroDivisionError("in the environment")


def with_part(index, value):
    def changed(env, answer):
        answer[index] = value
        return answer

    return changed


@pytest.mark.parametrize(
    "does, error, words",
    [
        (raises, ZeroDivisionError, "in the environment"),
        (with_part(0, np.array([np.nan, 1.0])), saccade.Error, r"observation\[0\] is nan"),
        (with_part(1, float("inf")), saccade.Error, "reward is inf"),
        (with_part(1, "much"), TypeError, "str"),
        (with_part(0, np.zeros(3)), saccade.Error, r"shape \(3,\), expected \(2,\)"),
        (with_part(0, np.zeros((2, 1))), saccade.Error, r"shape \(2, 1\), expected \(2,\)"),
        (with_part(0, "here"), ValueError, "here"),
        (lambda env, answer: answer[:4], saccade.Error, "terminated, truncated, info"),
        (lambda env, answer: os.kill(os.getpid(), signal.SIGINT) or time.sleep(0.1) or answer, KeyboardInterrupt, "holds what"),
    ],
)
def test_what_goes_wrong_in_an_environment_is_one_exception_and_the_run_is_saved(does, error, words):
    agent = saccade.SAC(Counter(at=13, does=does), **QUIET)
    with pytest.raises(error, match=words) as raised:
        agent.learn(100)
    assert "holds what was learned until step 12" in raised.value.__notes__[-1]
    env = Counter()
    loaded = saccade.load(agent.run, env)
    assert loaded.num_timesteps == 12
    loaded.learn(8)
    assert agent.num_timesteps == 12 and loaded.num_timesteps == 20
    memory = replay(agent.run)
    assert memory["obs"][11:14].tolist() == [[3, 1], [1, 0], [1, 1]]
    assert np.isfinite(memory["next_obs"][:20]).all()


@pytest.mark.parametrize("when", ["reset", "evaluation"])
def test_what_goes_wrong_elsewhere_arrives_too(when):
    class Bad(Counter):
        def reset(self, **options):
            if self.episode == 2:
                raise OSError("no simulator")
            return super().reset(**options)

    good = Counter()
    settings = {**QUIET, "eval_every": 10, "eval_episodes": 5}
    agent = saccade.SAC(*((Bad(),) if when == "reset" else (good,)), eval_env=Bad() if when == "evaluation" else Counter(), **settings)
    with pytest.raises(OSError, match="no simulator"):
        agent.learn(100)
    assert agent.num_timesteps == 10
    assert saccade.load(agent.run, Counter(), eval_env=Counter()).learn(10).num_timesteps == 20


def test_ctrl_c_stops_what_runs_in_cpp():
    agent = saccade.SAC("pendulum", **TINY)
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        agent.learn(10_000_000)
    timer.join()
    assert 0 < agent.num_timesteps < 10_000_000
    assert saccade.load(agent.run).num_timesteps == agent.num_timesteps


def test_two_threads_train_two_agents():
    def train(seed, out):
        out[seed] = saccade.SAC(gymnasium.make("Pendulum-v1"), seed=seed, run=f"t{seed}", **TINY).learn(60)

    out, alone = {}, {}
    threads = [threading.Thread(target=train, args=(seed, out)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shutil.rmtree("t1")
    train(1, alone)
    assert out[1].predict(np.ones(3), deterministic=True)[0] == alone[1].predict(np.ones(3), deterministic=True)[0]


# ---- side by side ----


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
    from environments import Chain

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


# ---- the shell ----

command = os.environ.get("SACCADE")
needs_command = pytest.mark.skipif(not command, reason="SACCADE names no command")


def shell(*words):
    return subprocess.run([command, *words], capture_output=True, text=True, timeout=120)


@needs_command
def test_a_run_goes_to_the_shell_and_back():
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}".replace(" ", ""))]
    assert shell("train", "pendulum", "--run", "shell", "--steps", "50", *settings).returncode == 0
    agent = saccade.SAC("pendulum", run="python", **TINY).learn(20)
    assert shell("train", "--resume", "python", "--steps", "35").returncode == 0
    agent = saccade.SAC.load("python").learn(15)
    there = saccade.load("shell")
    obs = np.ones(3)
    assert agent.predict(obs, deterministic=True)[0] == there.predict(obs, deterministic=True)[0]
    assert str(round(agent.summary["final_evaluation"]["mean"], 2)) in shell("eval", "python").stdout
    assert shell("report", "python").returncode == 0


@needs_command
def test_a_run_of_pythons_says_so_in_the_shell():
    agent = saccade.SAC(Counter(), **QUIET).learn(20)
    before = {name: os.path.getmtime(os.path.join(agent.run, name)) for name in os.listdir(agent.run)}
    for words in (("eval", agent.run), ("train", "--resume", agent.run, "--steps", "30")):
        answer = shell(*words)
        assert answer.returncode != 0 and answer.stdout == ""
        assert answer.stderr.count("\n") == 1 and "only Python can step" in answer.stderr and "python:Counter" in answer.stderr
    assert before == {name: os.path.getmtime(os.path.join(agent.run, name)) for name in os.listdir(agent.run)}
    assert shell("report", agent.run).returncode == 0
    assert shell("export", agent.run, "policy.onnx").returncode == 0
    assert saccade.load(agent.run, Counter()).learn(10).num_timesteps == 30
