"""onnx_runs.py SACCADE: exported models pass ONNX's checker, and onnxruntime gives their actions: those of the exported header,
which a compiler outside this project builds, and of the NumPy program in docs/formats.md. Draws are held to the formula."""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

saccade = os.path.abspath(sys.argv[1])
docs = os.path.join(os.path.dirname(__file__), "../../docs/formats.md")
formats = {"__name__": "formats"}
exec(open(docs).read().split("```python\n")[1].split("```")[0], formats)

MAIN = """
#include "policy.h"
#include <cstdio>
int main() {
  float observation[policy::kObservations], action[policy::kActions];
  for (;;) {
    for (float& x : observation) if (std::scanf("%f", &x) != 1) return 0;
    policy::act(observation, action);
    for (float x : action) std::printf("%.9g ", x);
    std::printf("\\n");
  }
}
"""

CASES = [("pendulum", "sac", ["normalize_obs=true"]), ("pendulum", "sac", ["log_std=tanh", "layer_norm=true"]),
         ("pendulum", "sac", ["log_std=gsde"]), ("pendulum", "td3", []), ("pendulum", "ddpg", []), ("pendulum", "tqc", []),
         ("pendulum", "crossq", []), ("pendulum", "sac_v1", []), ("cartpole", "dqn", []), ("cartpole", "discrete_sac", []),
         ("cartpole", "soft_q", [])]


def run(*arguments, **options):
    return subprocess.run(arguments, check=True, capture_output=True, text=True, **options).stdout


def session(path):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def check(env, algorithm, settings, folder):
    sets = [part for s in [*settings, "hidden=[64,64]", "learning_starts=100", "eval_every=0"] for part in ("--set", s)]
    run(saccade, "train", env, "--algo", algorithm, "--steps", "400", "--quiet", "--run", "run", *sets, cwd=folder)
    for name, options in {"policy.onnx": [], "policy.h": [], "critics.onnx": ["--critics"]}.items():
        run(saccade, "export", "run", name, *options, cwd=folder)
    about = json.load(open(folder + "/policy.onnx.json"))
    observation, action = about["inputs"][0], about["outputs"][0]
    x = np.random.default_rng(0).normal(size=(50, observation["size"])).astype(np.float32)
    best = session(folder + "/policy.onnx")
    got = best.run(["action"], {"observation": x})[0].reshape(50, -1)
    assert np.array_equal(got[:1], best.run(["action"], {"observation": x[:1]})[0].reshape(1, -1)), "batches of one differ"
    margin = 0 if "choices" in action else 1e-5 * (action["high"][0] - action["low"][0])

    metadata, tensors = formats["read"](folder + "/run/checkpoint/weights.safetensors")
    by_numpy = np.array([formats["act"](metadata, tensors, row) for row in x])
    assert np.abs(got - by_numpy).max() <= margin, "NumPy differs"

    open(folder + "/main.cpp", "w").write(MAIN)
    run("c++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "main.cpp", "-o", "main", cwd=folder)
    lines = run("./main", input="\n".join(" ".join(map(repr, row.tolist())) for row in x), cwd=folder)
    by_header = np.array([line.split() for line in lines.splitlines()], float)
    assert np.abs(got - by_header).max() <= margin, "the header differs"

    q = session(folder + "/critics.onnx")
    inputs = {"observation": x} if "choices" in action else {"observation": x, "action": got.astype(np.float32)}
    assert np.isfinite(q.run(["q"], inputs)[0]).all()

    if algorithm in ("td3", "ddpg", "dqn"):
        return
    run(saccade, "export", "run", "draws.onnx", "--stochastic", cwd=folder)
    draws = session(folder + "/draws.onnx")
    width = json.load(open(folder + "/draws.onnx.json"))["inputs"][1]["shape"][1]
    draw = lambda noise: draws.run(["action"], {"observation": x, "noise": noise.astype(np.float32)})[0].reshape(50, -1)
    if "choices" not in action:
        assert np.abs(draw(np.zeros((50, width))) - got).max() <= margin, "a draw without noise is not the mean"
    drawn = [draw(np.random.default_rng(seed).normal(size=(50, width))) for seed in range(20)]
    assert any((one != drawn[0]).any() for one in drawn), "draws do not depend on the noise"


for env, algorithm, settings in CASES:
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(env, algorithm, settings, folder)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{env} {algorithm} {settings}: {' '.join(error.cmd)}: {error.stderr}")
        except AssertionError as error:
            sys.exit(f"{env} {algorithm} {settings}: {error}")
