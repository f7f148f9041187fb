"""learn(): callbacks, what goes wrong while it runs, threads, folders, and the shell."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import gymnasium
import numpy as np
import pytest

import saccade
from environments import Counter, raises
from support import QUIET, TINY, replay


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
    assert "pendulum-1 holds what was learned until step 17" in raised.value.__notes__[0]
    assert agent.num_timesteps == 17
    assert agent.learn(13).num_timesteps == 30


def test_a_bar_of_progress(capfd):
    saccade.SAC("pendulum", **TINY).learn(30, progress_bar=True)
    shown = capfd.readouterr().err
    assert "/30 [" in shown and "30/30 [====================]" in shown and shown.endswith("\n")
    assert max(len(line) for line in shown.replace("\r", "\n").split("\n")) < 80


# ---- what environments may do ----


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
        (with_part(0, np.array([1e300, 1.0])), saccade.Error, r"observation\[0\] is 1e\+300"),
        (with_part(1, 1e39), saccade.Error, "reward is 1e\\+39"),
        (with_part(1, None), TypeError, "None"),
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

    settings = {**QUIET, "eval_every": 10, "eval_episodes": 5}
    env, evaluated = (Bad(), Counter()) if when == "reset" else (Counter(), Bad())
    agent = saccade.SAC(env, eval_env=evaluated, **settings)
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


# ---- threads, processes, folders ----


def test_an_agent_is_one_threads_at_a_time():
    agent = saccade.SAC("pendulum", **TINY)
    met = []

    def others():
        while not agent.num_timesteps:
            time.sleep(0.001)
        for use in (lambda: agent.predict(np.zeros(3)), lambda: agent.learn(5), lambda: agent.evaluate(1)):
            with pytest.raises(saccade.Error, match="another thread"):
                use()
            met.append(use)

    thread = threading.Thread(target=others)
    thread.start()
    agent.learn(10**6, lambda a: len(met) < 3)
    thread.join()
    assert len(met) == 3
    agent.predict(np.zeros(3))


def test_ctrl_c_ends_an_evaluation():
    agent = saccade.SAC("pendulum", **TINY)
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        agent.evaluate(10**6)
    assert time.monotonic() - start < 5
    timer.join()


@pytest.mark.parametrize("env", ['"pendulum"', 'gymnasium.make("Pendulum-v1")', 'saccade.make_vec("Pendulum-v1", 2)'])
def test_python_ends_while_a_thread_learns(env):
    code = f"""
import threading, time, gymnasium, saccade
agent = saccade.SAC({env}, run="left", checkpoint_every=0, **{QUIET})
threading.Thread(target=lambda: agent.learn(10**8), daemon=True).start()
while not agent.num_timesteps:
    time.sleep(0.01)
"""
    here = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(saccade.__file__))}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=here)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert saccade.load("left").num_timesteps > 0


def test_a_program_may_go_elsewhere_meanwhile():
    os.mkdir("elsewhere")

    class Walks(Counter):
        def step(self, action):
            os.chdir("/")
            return super().step(action)

    home = os.getcwd()
    agent = saccade.SAC(Walks(), **QUIET).learn(10)
    agent.learn(10)
    os.chdir(home)
    assert saccade.load("runs/Walks-1").num_timesteps == 20
    assert os.path.exists("runs/Walks-1/summary.json")


def test_a_summary_is_of_the_last_learn():
    agent = saccade.SAC(Counter(at=25, does=raises), **QUIET).learn(20)
    assert agent.summary["steps"] == 20
    with pytest.raises(ZeroDivisionError):
        agent.learn(20)
    assert agent.summary is None


@pytest.mark.parametrize(
    "answer, ends", [(False, True), (np.bool_(False), True), (0, True), (None, False), (np.bool_(True), False)]
)
def test_what_is_false_ends_training_and_none_does_not(answer, ends):
    callback = saccade.Callback()
    callback.on_step = lambda: answer  # an attribute will do
    agent = saccade.SAC("pendulum", **TINY).learn(12, callback)
    assert agent.num_timesteps == (1 if ends else 12)


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
        assert "fresh episodes" in answer.stderr
    assert before == {name: os.path.getmtime(os.path.join(agent.run, name)) for name in os.listdir(agent.run)}
    assert shell("report", agent.run).returncode == 0
    assert shell("export", agent.run, "policy.onnx").returncode == 0
    assert saccade.load(agent.run, Counter()).learn(10).num_timesteps == 30
