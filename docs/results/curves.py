#!/usr/bin/env python3
"""Draws the learning curves of runs, and prints what came of them as a table in Markdown.

    docs/results/curves.py                                the runs that lie here, to curves.svg
    docs/results/curves.py --out FILE RUN...              any runs of `saccade train`, to .svg, .png or .pdf

One panel an environment, one line a seed: the mean return of each evaluation (deterministic policy), and the range of
its episodes as a band. Dashed: the figures of published.csv. Needs Debian's python3-matplotlib.
"""

import argparse
import csv
import json
import pathlib
import sys

try:
    import matplotlib
except ImportError:
    sys.exit("curves.py: matplotlib is missing; Debian's package is python3-matplotlib, for /usr/bin/python3")

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "saccade"  # the same file from the same data
import matplotlib.pyplot as plt  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]  # told apart by the colour-blind too
STYLES = {"SimbaV2": "solid", "Spinning Up": (0, (6, 2)), "rl-zoo": (0, (2, 2)), "Tianshou": (0, (6, 2, 1, 2))}
ORDER = ["HalfCheetah", "Hopper", "Walker2d", "Ant", "Humanoid", "Swimmer", "Reacher", "InvertedPendulum",
         "InvertedDoublePendulum", "Pendulum", "MountainCarContinuous"]


class Run:
    """A run's config.json, eval.csv and, once it is done, summary.json."""

    def __init__(self, folder):
        try:
            folder = pathlib.Path(folder)
            config = json.loads((folder / "config.json").read_text())["config"]
            self.env, self.seed = config["env"], config["seed"]
            with open(folder / "eval.csv", newline="") as file:
                rows = list(csv.DictReader(file))
            self.steps, self.mean, self.low, self.high = (
                [float(row[key]) for row in rows] for key in ("step", "mean", "min", "max"))
            summary = folder / "summary.json"
            self.final = json.loads(summary.read_text())["final_evaluation"] if summary.exists() else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            sys.exit(f"curves.py: {folder}: is no run of saccade train: {type(error).__name__}: {error}")
        if not rows:
            sys.exit(f"curves.py: {folder}: has no evaluation yet")

    @property
    def task(self):
        return self.env.rsplit("-v", 1)[0]


def published():
    path = HERE / "published.csv"
    try:
        with open(path, newline="") as file:
            return [{**row, "return": float(row["return"])} for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"curves.py: {path}: cannot be read: {error}")


def count(steps):
    return f"{steps / 1e6:g}M" if steps >= 1e6 else f"{steps / 1e3:g}k"


def draw(panels, figures, out):
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.7 * columns, 2.7 * rows), squeeze=False)
    for ax in axes.flat[len(panels):]:
        ax.axis("off")
    seen = {}
    for ax, (env, runs) in zip(axes.flat, panels.items()):
        for run, colour in zip(runs, COLOURS * len(runs)):
            ax.fill_between(run.steps, run.low, run.high, color=colour, alpha=0.15, linewidth=0)
            ax.plot(run.steps, run.mean, color=colour, linewidth=1.2)
        for row in figures:
            if row["environment"] == runs[0].task:
                seen[row["source"]] = ax.axhline(row["return"], color="0.35", linewidth=0.9,
                                                 linestyle=STYLES.get(row["source"], "dotted"))
        ax.set_title(env, fontsize=10, loc="left")
        ax.set_xlim(0, max(run.steps[-1] for run in runs))
        ax.xaxis.set_major_locator(plt.MaxNLocator(4))
        ax.xaxis.set_major_formatter(lambda x, _: "0" if x == 0 else count(x))
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25, linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    handles = [plt.Line2D([], [], color=COLOURS[0], linewidth=1.2)] + list(seen.values())
    figure.legend(handles, ["a seed's evaluations, and the range of their episodes"] + list(seen), fontsize=8.5,
                  loc="lower center", ncol=len(handles), frameon=False)
    figure.supxlabel("environment steps", fontsize=9, y=0.15 / rows)
    figure.supylabel("return", fontsize=9, x=0.005)
    figure.tight_layout(rect=(0.01, 0.18 / rows, 1, 1))
    figure.savefig(out, metadata={"Date": None} if str(out).endswith(".svg") else None, dpi=130)


def best(runs):
    """The highest mean of an evaluation over the seeds, of those steps that all of them have."""
    at = [dict(zip(run.steps, run.mean)) for run in runs]
    return max(sum(means[step] for means in at) / len(at) for step in set.intersection(*map(set, at)))


def table(panels, figures):
    print("| environment | steps | return after them, seed by seed | mean | best | published |")
    print("|---|---:|---|---:|---:|---|")
    for env, runs in panels.items():
        steps = ", ".join(sorted({count(run.steps[-1]) for run in runs}))
        returns = ", ".join(f"{run.final['mean']:,.1f} ± {run.final['std']:,.1f}" if run.final else
                            f"({run.mean[-1]:,.1f}, stopped)" for run in runs)
        mean = sum(run.final["mean"] if run.final else run.mean[-1] for run in runs) / len(runs)
        others = "; ".join(f"{row['source']} {row['return']:,g}" for row in figures
                           if row["environment"] == runs[0].task)
        print(f"| {env} | {steps} | {returns} | {mean:,.1f} | {best(runs):,.1f} | {others} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run's folder (default: those beside this script)")
    parser.add_argument("--out", default=HERE / "curves.svg", help="the picture (default: curves.svg beside this script)")
    options = parser.parse_args()
    folders = options.runs or sorted(path.parent for path in HERE.glob("*/*/config.json"))
    runs = [Run(folder) for folder in folders]
    if not runs:
        sys.exit(f"curves.py: there are no runs in {HERE}")
    place = {task: i for i, task in enumerate(ORDER)}
    runs.sort(key=lambda run: (place.get(run.task, len(ORDER)), run.env, run.seed))
    panels = {}
    for run in runs:
        panels.setdefault(run.env, []).append(run)
    figures = published()
    draw(panels, figures, options.out)
    table(panels, figures)


if __name__ == "__main__":
    main()
