"""Seeds on a Ray cluster, for those whose cluster is Ray's: each is a whole run on one core, of the same bits as anywhere else.

    pip install ray; pip install .
    python examples/seeds_on_ray.py ENV STEPS SEED...        such as Pendulum-v1 20000 1 2 3 4

On this machine's cores, or on the cluster that RAY_ADDRESS names. Runs go to the folder `ray-runs`, which all nodes must see;
`saccade report ray-runs/*` makes a page of them.
"""

import pathlib
import sys

import ray


@ray.remote(num_cpus=1, max_retries=3)  # one whose node dies goes on elsewhere, from its last checkpoint
def train(env: str, steps: int, seed: int, run: str) -> float:
    import saccade

    if pathlib.Path(run, "checkpoint", "state.json").exists():
        agent = saccade.load(run)
        steps -= agent.num_timesteps
    else:
        agent = saccade.SAC(env, seed=seed, run=run)
    if steps > 0:
        agent.learn(steps)
    return agent.evaluate(20)["mean"]


def main() -> None:
    env, steps, seeds = sys.argv[1], int(sys.argv[2]), [int(seed) for seed in sys.argv[3:]]
    folder = pathlib.Path("ray-runs").resolve()
    ray.init(include_dashboard=False)
    runs = {train.remote(env, steps, seed, str(folder / f"{env}-{seed}")): seed for seed in seeds}
    while runs:
        (done,), _ = ray.wait(list(runs), num_returns=1)
        print(f"seed {runs.pop(done)}: {ray.get(done):.1f}", flush=True)


if __name__ == "__main__":
    main()
