"""sb3_imports.py SACCADE: trains agents of Stable-Baselines3 for a moment, imports them, and holds the actions of the imported runs, as
the NumPy program in docs/formats.md computes them, to those of Stable-Baselines3. Each run trains on. What has no counterpart is
refused, and a file that would run a command is, too, without running it."""

import json
import os
import subprocess
import sys
import tempfile
import zipfile

import gymnasium
import numpy as np
import stable_baselines3 as sb3
import torch

saccade = os.path.abspath(sys.argv[1])
docs = os.path.join(os.path.dirname(__file__), "../../docs/formats.md")
formats = {"__name__": "formats"}
exec(open(docs).read().split("```python\n")[1].split("```")[0], formats)

SMALL = {"learning_starts": 40, "buffer_size": 1000, "batch_size": 16, "device": "cpu"}
DEEP = {"net_arch": [24, 12, 6]}
CASES = [("SAC", "Pendulum-v1", {}), ("SAC", "MountainCarContinuous-v0", {"ent_coef": 0.1, "policy_kwargs": {"n_critics": 3, **DEEP}}),
         ("TD3", "Pendulum-v1", {"policy_kwargs": DEEP}), ("DDPG", "Pendulum-v1", {}), ("DQN", "CartPole-v1", {}),
         ("DQN", "Acrobot-v1", {"policy_kwargs": {"activation_fn": torch.nn.ReLU, **DEEP}, "learning_rate": lambda left: 1e-3 * left}),
         ("DQN", "FrozenLake-v1", {})]
REFUSED = [("SAC", "Pendulum-v1", {"use_sde": True}, "use_sde"), ("SAC", "Pendulum-v1", {"policy_kwargs": {"activation_fn": torch.nn.Tanh}}, "Tanh"),
           ("TD3", "Pendulum-v1", {"policy_kwargs": {"net_arch": {"pi": [8], "qf": [16]}}}, "hidden layers of [8]"),
           ("A2C", "CartPole-v1", {}, "common.policies"), ("PPO", "CartPole-v1", {}, "common.policies")]


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def run(*arguments, **options):
    return subprocess.run([saccade, *arguments], capture_output=True, text=True, **options)


def trained(algorithm, env, options, folder):
    env = gymnasium.make(env)
    learns_by_buffer = algorithm in ("SAC", "TD3", "DDPG", "DQN")
    model = getattr(sb3, algorithm)("MlpPolicy", env, seed=3, **({**SMALL, **options} if learns_by_buffer else options))
    model.learn(120)
    model.save(folder + "/model.zip")
    return model, env


def check(algorithm, env_id, options, folder):
    model, env = trained(algorithm, env_id, options, folder)
    made = run("import", "sb3", "model.zip", "--env", env_id, "--run", "run", cwd=folder)
    assert made.returncode == 0, made.stderr
    discrete = isinstance(env.observation_space, gymnasium.spaces.Discrete)
    rng = np.random.default_rng(0)
    x = np.arange(16) if discrete else rng.normal(size=(50, *env.observation_space.shape)).astype(np.float32)
    expected = model.predict(x, deterministic=True)[0].reshape(len(x), -1)
    metadata, tensors = formats["read"](folder + "/run/checkpoint/weights.safetensors")
    got = np.array([formats["act"](metadata, tensors, np.atleast_1d(row)) for row in x])
    space = env.action_space
    margin = 0 if isinstance(space, gymnasium.spaces.Discrete) else 1e-5 * (space.high - space.low).max()
    assert np.abs(got - expected).max() <= margin, f"actions differ by {np.abs(got - expected).max()}"
    on = run("train", "--resume", "run", "--steps", "300", "--json", cwd=folder)
    assert on.returncode == 0, on.stderr
    assert json.loads(on.stdout)["updates"] > 0


def check_refused(algorithm, env_id, options, word, folder):
    trained(algorithm, env_id, options, folder)
    made = run("import", "sb3", "model.zip", "--env", env_id, "--run", "run", cwd=folder)
    assert made.returncode in (1, 2) and word in made.stderr, made.stderr
    assert not os.path.exists(folder + "/run")


def check_harmless(folder):
    trained("SAC", "Pendulum-v1", {}, folder)
    with zipfile.ZipFile(folder + "/model.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    torch.save({"actor.mu.weight": Harm(folder + "/harm")}, folder + "/policy.pth")
    members["policy.pth"] = open(folder + "/policy.pth", "rb").read()
    with zipfile.ZipFile(folder + "/model.zip", "w") as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    made = run("import", "sb3", "model.zip", "--run", "run", cwd=folder)
    assert made.returncode == 1 and ".system" in made.stderr, made.stderr
    assert not os.path.exists(folder + "/harm")


torch.set_num_threads(1)
for function, cases in [(check, CASES), (check_refused, REFUSED), (check_harmless, [()])]:
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(*case, folder)
            except AssertionError as error:
                sys.exit(f"{function.__name__} {case}: {error}")
