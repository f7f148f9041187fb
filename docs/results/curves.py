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

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "saccade"  # the same file from the same data
import matplotlib.pyplot as plt  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]  # told apart by the colour-blind too
STYLES = {"Spinning Up": (0, (6, 2)), "rl-zoo": (0, (2, 2)), "Tianshou": (0, (6, 2, 1, 2))}
ORDER = ["HalfCheetah", "Hopper", "Walker2d", "Ant", "Humanoid", "Swimmer", "Reacher", "InvertedPendulum",
         "InvertedDoublePendulum", "Pendulum", "MountainCarContinuous"]


class Run:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        try:
            self.config = json.loads((self.folder / "config.json").read_text())["config"]
            with open(self.folder / "eval.csv", newline="") as file:
                rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError) as error:
            sys.exit(f"curves.py: {folder}: is no run of saccade train: {error}")
        if not rows:
            sys.exit(f"curves.py: {folder}: has no evaluation yet")
        self.steps, self.mean, self.low, self.high = ([row[k] for row in rows] for k in ("step", "mean", "min", "max"))
        self.env, self.seed = self.config["env"], self.config["seed"]
        summary = self.folder / "summary.json"
        self.final = json.loads(summary.read_text()) if summary.exists() else None

    @property
    def task(self):
        return self.env.rsplit("-v", 1)[0]


def published():
    with open(HERE / "published.csv", newline="") as file:
        return list(csv.DictReader(file))


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
                seen[row["source"]] = ax.axhline(float(row["return"]), color="0.35", linewidth=0.9,
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


def table(panels, figures):
    print("| environment | steps | return after them, a seed each | mean | best evaluation | published |")
    print("|---|---:|---|---:|---:|---|")
    for env, runs in panels.items():
        done = [run for run in runs if run.final]
        finals = [run.final["final_evaluation"] for run in done]
        steps = ", ".join(sorted({count(run.final["steps"] if run.final else run.steps[-1]) for run in runs}))
        returns = ", ".join(f"{f['mean']:,.1f} ± {f['std']:,.1f}" for f in finals) or "not done"
        mean = f"{sum(f['mean'] for f in finals) / len(finals):,.1f}" if finals else ""
        best = f"{sum(max(run.mean) for run in runs) / len(runs):,.1f}"
        others = "; ".join(f"{row['source']} {float(row['return']):,g}" for row in figures
                           if row["environment"] == runs[0].task)
        print(f"| {env} | {steps} | {returns} | {mean} | {best} | {others} |")


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
