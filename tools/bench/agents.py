#!/usr/bin/env python3
"""Whole trainings side by side: SAC of saccade, Stable-Baselines3 and SBX on the same environments of Gymnasium's.

    agents.py [--task Pendulum-v1] [--steps 5000] [--threads 1] [--repeats 3] [LIBRARY...]
    agents.py --overhead    # what a step of an environment of Python's costs beyond its own time

Each training is a process of its own, in turns, with the same settings: 256x256 ReLU networks, batches of 256, an update a step
after 1,000 random ones, a buffer of 100,000, no evaluation meanwhile. Time is that from the agent's making to the end of learning,
compilation included, imports not; the median of the repeats counts. `saccade, C++` has our own environment of that name.
The mean return of 10 episodes afterwards shows that each did the same work.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

LIBRARIES = ("saccade", "saccade, C++", "sb3", "sbx")


def saccade_agent(env, seed):
    import saccade

    return saccade.SAC(
        env, seed=seed, hidden=[256, 256], batch_size=256, learning_starts=1000, buffer_size=100_000, eval_every=0,
        final_eval_episodes=0, diagnose_every=0, checkpoint_every=0,
    )  # fmt: skip


def train(library: str, task: str, steps: int, threads: int, seed: int) -> dict[str, float]:
    import time

    import gymnasium
    import numpy

    usual = dict(learning_starts=1000, batch_size=256, buffer_size=100_000, seed=seed)
    env = gymnasium.make(task)
    if library == "sb3":
        import torch
        from stable_baselines3 import SAC

        torch.set_num_threads(threads)
        make = lambda: SAC("MlpPolicy", env, policy_kwargs=dict(net_arch=[256, 256]), device="cpu", **usual)  # noqa: E731
    elif library == "sbx":
        from sbx import SAC

        make = lambda: SAC("MlpPolicy", env, policy_kwargs=dict(net_arch=[256, 256]), **usual)  # noqa: E731
    else:
        import saccade

        saccade.set_num_threads(threads)
        make = lambda: saccade_agent(task if library == "saccade, C++" else env, seed)  # noqa: E731
    start = time.perf_counter()
    agent = make()
    agent.learn(steps)
    seconds = time.perf_counter() - start
    returns = []
    for episode in range(10):
        obs, _ = env.reset(seed=1000 + episode)
        total, over = 0.0, False
        while not over:
            action, _ = agent.predict(obs, deterministic=True)
            obs, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            over = terminated or truncated
        returns.append(total)
    return {"steps_per_second": steps / seconds, "return": float(numpy.mean(returns))}


def overhead(steps: int = 40_000, repeats: int = 7) -> None:
    """Steps of an environment that does next to nothing, with learn() around them, and without. Nothing is learned, but all
    is stored, and the run's files are written."""
    import time

    import gymnasium
    import numpy

    import saccade

    class Idle(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (17,), numpy.float64)
        action_space = gymnasium.spaces.Box(-1, 1, (6,), numpy.float32)

        def reset(self, *, seed=None, options=None):
            self.steps = 0
            self.observation = numpy.zeros(17)
            return self.observation, {}

        def step(self, action):
            self.steps += 1
            return self.observation, 1.0, False, self.steps == 1000, {}

    action = numpy.zeros(6, numpy.float32)

    def cost(copies: int) -> tuple[float, float]:
        """Of a step of each copy: alone, and beyond that within learn(), in us."""
        make = Idle if copies == 0 else lambda: gymnasium.vector.SyncVectorEnv([Idle] * copies)
        rounds, actions = steps // max(1, copies), action if copies == 0 else numpy.tile(action, (copies, 1))
        env = make()
        start = time.perf_counter()
        env.reset()
        for _ in range(rounds):
            _, _, terminated, truncated, _ = env.step(actions)
            if copies == 0 and (terminated or truncated):
                env.reset()
        alone = (time.perf_counter() - start) / steps * 1e6
        with tempfile.TemporaryDirectory() as folder:
            agent = saccade.SAC(make(), run=os.path.join(folder, "run"), learning_starts=10**9, buffer_size=10_000,
                                eval_every=0, final_eval_episodes=0, diagnose_every=0)  # fmt: skip
            start = time.perf_counter()
            agent.learn(steps)
            return alone, (time.perf_counter() - start) / steps * 1e6 - alone

    for copies in (0, 1, 2, 4, 8):
        measured = [cost(copies) for _ in range(repeats)]
        beyond = sorted(b for _, b in measured)
        what = "an environment" if copies == 0 else f"SyncVectorEnv of {copies}"
        print(f"{what:18} {statistics.median(a for a, _ in measured):5.2f} us a step alone, within learn() "
              f"{statistics.median(beyond):5.2f} us more ({beyond[0]:.2f} to {beyond[-1]:.2f})")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", default=list(LIBRARIES), metavar="LIBRARY", help=", ".join(LIBRARIES))
    parser.add_argument("--task", default="Pendulum-v1")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)  # of the one training that this process is
    parser.add_argument("--overhead", action="store_true", help="of a step")
    options = parser.parse_args()
    if options.overhead:
        overhead()
        return
    if unknown := set(options.libraries) - set(LIBRARIES):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(LIBRARIES)}")
    if options.seed is not None:
        print(json.dumps(train(options.libraries[0], options.task, options.steps, options.threads, options.seed)))
        return
    results: dict[str, list[dict[str, float]]] = {library: [] for library in options.libraries}
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "MKL_NUM_THREADS": str(options.threads)}
    cores = sorted(os.sched_getaffinity(0))[: options.threads]
    for seed in range(1, options.repeats + 1):
        for library in options.libraries:
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, os.path.abspath(__file__), library, "--task", options.task, "--steps",
                           str(options.steps), "--threads", str(options.threads), "--seed", str(seed)]  # fmt: skip
                answer = subprocess.run(
                    command, cwd=folder, env=environment, capture_output=True, text=True,
                    preexec_fn=lambda: os.sched_setaffinity(0, cores),
                )  # fmt: skip
            if answer.returncode != 0:
                sys.exit(f"agents.py: {library}: {answer.stderr.strip().splitlines()[-1]}")
            results[library].append(json.loads(answer.stdout.splitlines()[-1]))
    ours = statistics.median(r["steps_per_second"] for r in results[options.libraries[0]])
    print(f"{options.task}, {options.steps:,} steps, {options.threads} thread{'s' if options.threads > 1 else ''}, "
          f"median of {options.repeats}")  # fmt: skip
    print(f"{'':14}{'steps/s':>9}{'(range)':>16}{'times':>8}   mean return")
    for library, all in results.items():
        rates = sorted(r["steps_per_second"] for r in all)
        median = statistics.median(rates)
        returns = ", ".join(f"{r['return']:,.0f}" for r in all)
        print(f"{library:14}{median:9,.0f}{f'({rates[0]:,.0f} to {rates[-1]:,.0f})':>16}{ours / median:8.2f}   {returns}")


if __name__ == "__main__":
    main()
