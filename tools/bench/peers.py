#!/usr/bin/env python3
"""The SAC update of Python's libraries, beside Saccade's.

    python3 tools/bench/peers.py --python PATH

measures, in the interpreter PATH, what it has of torch (eager and compiled) and SBX (on JAX), then runs
`saccade bench`, and prints both. Each library runs on one core and on all; its better one counts.
"""

import argparse
import importlib.util
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

# name, observation, action, width of the two hidden layers, batch: as tools/bench/products.cpp.
SIZES = [("17-6-256", 17, 6, 256, 256), ("3-1-64", 3, 1, 64, 100)]
KINDS = {"torch-eager": ["torch"], "torch-compiled": ["torch"], "sbx": ["jax", "sbx"]}
HOLD_BACK = ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS",
             "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "XLA_FLAGS"]
REPEATS = 15


def fail(message):
    print(f"peers.py: error: {message}", file=sys.stderr)
    sys.exit(1)


def median_seconds(work, updates_per_call=1):
    """Of one update. Turns of about 0.1 s, after a warm-up that lets compilers finish."""
    for _ in range(3):
        work()
    start = time.perf_counter()
    work()
    calls = max(1, int(0.1 / (time.perf_counter() - start)))
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        times.append((time.perf_counter() - start) / (calls * updates_per_call))
    return statistics.median(times)


def torch_update(size, compiled):
    """One update: twin critics stacked as batched products, fused Adam, foreach for the targets."""
    import torch
    from torch.nn import functional as F

    _, obs_dim, action_dim, width, batch_size = size

    def mlp(sizes, stack):
        parameters = []
        for fan_in, fan_out in zip(sizes, sizes[1:]):
            for shape in [(*stack, fan_in, fan_out), (*stack, 1, fan_out)]:
                bound = 1 / math.sqrt(fan_in)
                parameters.append(torch.empty(shape).uniform_(-bound, bound).requires_grad_())
        return parameters

    def forward(parameters, x):
        for i in range(0, len(parameters), 2):
            w, b = parameters[i], parameters[i + 1]
            if w.dim() == 3:
                x = torch.baddbmm(b, x if x.dim() == 3 else x.expand(2, -1, -1), w)
            else:
                x = torch.addmm(b, x, w)
            if i + 2 < len(parameters):
                x = torch.relu(x)
        return x

    actor = mlp([obs_dim, width, width, 2 * action_dim], ())
    critics = mlp([obs_dim + action_dim, width, width, 1], (2,))
    targets = [p.detach().clone() for p in critics]
    log_alpha = torch.zeros((), requires_grad=True)
    obs, next_obs = torch.randn(batch_size, obs_dim), torch.randn(batch_size, obs_dim)
    action, reward = torch.rand(batch_size, action_dim) * 2 - 1, torch.randn(batch_size, 1)
    terminated = torch.zeros(batch_size, 1)
    # So low that nothing changes that matters.
    adams = [torch.optim.Adam(p, lr=1e-6, fused=True) for p in (actor, critics, [log_alpha])]

    def sample(x):
        mean, log_std = forward(actor, x).chunk(2, -1)
        log_std = log_std.clamp(-20, 2)
        eps = torch.randn_like(mean)
        u = mean + log_std.exp() * eps
        log_prob = -0.5 * eps.square() - log_std - 0.5 * math.log(2 * math.pi)
        return u.tanh(), (log_prob - 2 * (math.log(2) - u - F.softplus(-2 * u))).sum(-1, keepdim=True)

    def critic_loss():
        with torch.no_grad():
            next_action, log_prob = sample(next_obs)
            q = forward(targets, torch.cat([next_obs, next_action], -1)).amin(0)
            y = reward + 0.99 * (1 - terminated) * (q - log_alpha.exp() * log_prob)
        return (forward(critics, torch.cat([obs, action], -1)) - y).square().mean((1, 2)).sum()

    def actor_loss():
        now, log_prob = sample(obs)
        q = forward(critics, torch.cat([obs, now], -1)).amin(0)
        return (log_alpha.detach().exp() * log_prob - q).mean(), log_prob.detach()

    def alpha_loss(log_prob):
        return -(log_alpha.exp() * (log_prob - action_dim)).mean()

    if compiled:
        critic_loss, actor_loss, alpha_loss = map(torch.compile, (critic_loss, actor_loss, alpha_loss))

    def step(adam, parameters, loss):
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters)):
            p.grad = g
        adam.step()

    def update():
        step(adams[1], critics, critic_loss())
        for p in critics:
            p.requires_grad_(False)  # the policy's step takes no gradient of theirs
        loss, log_prob = actor_loss()
        step(adams[0], actor, loss)
        for p in critics:
            p.requires_grad_(True)
        step(adams[2], [log_alpha], alpha_loss(log_prob))
        with torch.no_grad():
            torch._foreach_lerp_(targets, critics, 0.005)

    return update, 1


def sbx_update(size):
    """SBX's own train(), which samples its buffer and does many updates in one compiled loop."""
    import gymnasium
    import numpy as np
    import sbx

    _, obs_dim, action_dim, width, batch_size = size

    class Space(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (obs_dim,), np.float32)
        action_space = gymnasium.spaces.Box(-1, 1, (action_dim,), np.float32)

        def reset(self, *, seed=None, options=None):
            return self.observation_space.sample(), {}

        def step(self, action):
            return self.observation_space.sample(), 0.0, False, False, {}

    model = sbx.SAC("MlpPolicy", Space(), batch_size=batch_size, buffer_size=20_000, learning_rate=1e-6,
                    learning_starts=10_000, policy_kwargs={"net_arch": [width, width]})
    model.learn(5_000)  # fills the buffer; nothing is learned yet
    updates = 50
    return lambda: model.train(updates, batch_size), updates


def measure_here(kind, threads):
    """The rows of one library on so many cores. It has a process of its own."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if kind == "sbx":
        import jax
        import sbx
        peer = f"SBX {sbx.__version__}, JAX {jax.__version__}"
    else:
        import torch
        torch.set_num_threads(threads)
        peer = f"torch {torch.__version__}, {kind.split('-')[1]}"
    rows = []
    for size in SIZES:
        work, updates = sbx_update(size) if kind == "sbx" else torch_update(size, kind == "torch-compiled")
        rows.append({"name": f"update/{size[0]}", "peer": peer, "threads": threads,
                     "median_s": median_seconds(work, updates)})
    return rows


def measure():
    """Every library that this interpreter has, each row on its better number of threads."""
    rows, missing = [], []
    environment = {k: v for k, v in os.environ.items() if k not in HOLD_BACK}
    for kind, modules in KINDS.items():
        absent = [m for m in modules if importlib.util.find_spec(m) is None]
        if absent:
            missing.append(f"{kind}: not measured, there is no {' and no '.join(absent)} in {sys.executable}")
            continue
        best = {}
        for threads in sorted({1, len(os.sched_getaffinity(0))}):
            child = subprocess.run([sys.executable, __file__, "--one", kind, str(threads)], env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if child.returncode != 0:
                last = (child.stderr.strip().splitlines() or ["no message"])[-1]
                missing.append(f"{kind}: failed on {threads} threads: {last}")
                continue
            for row in json.loads(child.stdout.strip().splitlines()[-1]):
                if row["name"] not in best or row["median_s"] < best[row["name"]]["median_s"]:
                    best[row["name"]] = row
        rows += best.values()
    return {"rows": rows, "missing": missing}


def run_json(command):
    try:
        child = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        fail(f"{command[0]} cannot be started: {error.strerror}")
    if child.returncode != 0:
        fail(f"'{' '.join(command)}' failed, exit status {child.returncode}")
    return json.loads(child.stdout)


def compare(python, saccade):
    found = run_json([python, __file__, "--measure"])
    ours = {}
    for row in run_json([saccade, "bench", "--json", "--filter", "^update/[^/]*$"])["rows"]:
        if row["name"] not in ours or row["median_s"] < ours[row["name"]]["median_s"]:
            ours[row["name"]] = row
    rows = [{"name": r["name"], "peer": r["peer"], "threads": ours[r["name"]]["threads"],
             "peer_threads": r["threads"], "ours": ours[r["name"]]["median_s"], "theirs": r["median_s"],
             "ratio": r["median_s"] / ours[r["name"]]["median_s"]} for r in found["rows"]]
    return {"rows": rows, "missing": found["missing"]}


def show(result):
    print(f"{'':<18}{'peer':<32}{'us':>10}{'peer':>10}{'us/peer':>9}")
    for row in result["rows"]:
        print(f"{row['name']:<18}{row['peer']:<32}{row['ours'] * 1e6:>7.0f} us{row['theirs'] * 1e6:>7.0f} us"
              f"{row['ratio']:>9.2f}")
    for line in result["missing"]:
        print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--python", metavar="PATH", help="the interpreter that has the libraries")
    built = pathlib.Path(__file__).resolve().parents[2] / "build/release/saccade"
    parser.add_argument("--saccade", metavar="PATH", default=str(built), help="default: build/release/saccade")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--measure", action="store_true", help="only the libraries of this very interpreter, as JSON")
    parser.add_argument("--one", nargs=2, metavar=("KIND", "THREADS"), help=f"one of {', '.join(KINDS)}, in this process")
    options = parser.parse_args()
    if options.one:
        if options.one[0] not in KINDS:
            fail(f"--one: '{options.one[0]}' given; expected one of {', '.join(KINDS)}")
        print(json.dumps(measure_here(options.one[0], int(options.one[1]))))
    elif options.measure:
        print(json.dumps(measure(), indent=2))
    elif options.python is None:
        fail("--python PATH is needed: the interpreter that has torch or SBX")
    else:
        result = compare(options.python, options.saccade)
        print(json.dumps(result, indent=2)) if options.json else show(result)


if __name__ == "__main__":
    main()
