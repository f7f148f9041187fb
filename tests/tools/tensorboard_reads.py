"""tensorboard_reads.py SACCADE: what TensorBoard itself reads in the event file of a run; see tensorboard.sh.

Its EventAccumulator, and its program with either of its loaders, must show each value of the run's tables, once, though the
run was stopped and went on.
"""

import csv
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TABLE_TAGS = {  # the tables' column, and what may be in it
    "train/critic_loss": "critic_loss",
    "train/actor_loss": "actor_loss",
    "train/ent_coef": "alpha",
    "train/ent_coef_loss": "alpha_loss",
    "train/entropy": "entropy",
    "train/q": "q",
    "train/n_updates": "updates",
}


def float32(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def column(path, name):
    with open(path) as file:
        rows = list(csv.DictReader(file))
    return [(int(row["step"]), float32(row[name])) for row in rows if row["critic_loss" if "critic_loss" in row else name]]


def expected_scalars(run):
    episodes = os.path.join(run, "progress.csv")
    expected = {tag: column(episodes, name) for tag, name in TABLE_TAGS.items()}
    with open(episodes) as file:
        rows = list(csv.DictReader(file))
    means = lambda name, i: sum(float(r[name]) for r in rows[max(0, i - 99) : i + 1]) / min(i + 1, 100)
    for tag, name in ("rollout/ep_rew_mean", "return"), ("rollout/ep_len_mean", "length"):
        expected[tag] = [(int(r["step"]), means(name, i)) for i, r in enumerate(rows)]
    with open(os.path.join(run, "config.json")) as file:
        rate = float32(json.load(file)["config"]["actor_lr"])
    expected["train/learning_rate"] = [(step, rate) for step, _ in expected["train/n_updates"]]
    expected["eval/mean_reward"] = column(os.path.join(run, "eval.csv"), "mean")
    return expected


def check(what, condition):
    if not condition:
        sys.exit(f"tensorboard_reads.py: {what}")


def check_scalars(who, run, tags, points):
    """points(tag) gives (step, value)s."""
    expected = expected_scalars(run)
    more = {"time/fps", "eval/mean_ep_length"}
    check(f"{who} shows the scalars {sorted(tags)}", set(tags) == set(expected) | more)
    for tag, values in expected.items():
        got = points(tag)
        close = lambda a, b: a[0] == b[0] and abs(a[1] - b[1]) <= 1e-6 * abs(b[1])
        check(f"{who}: {tag} is {got}, expected {values}", len(got) == len(values) and all(map(close, got, values)))
        check(f"{who}: {tag} has no values", len(values) > 0)


def check_histograms(who, tags, steps_and_counts):
    check(f"{who} shows the histograms {sorted(tags)}", set(tags) == {"rollout/action_0"})
    check(f"{who}: histograms are {steps_and_counts}", steps_and_counts == [(1000, 1000), (2000, 1000)])


def with_accumulator(run):
    log = EventAccumulator(os.path.join(run, "tensorboard"), size_guidance={"scalars": 0, "histograms": 0})
    log.Reload()
    check(f"file version {log.file_version}", log.file_version == 2)
    check_scalars("EventAccumulator", run, log.Tags()["scalars"], lambda t: [(e.step, e.value) for e in log.Scalars(t)])
    counts = [(e.step, e.histogram_value.num) for e in log.Histograms("rollout/action_0")]
    check_histograms("EventAccumulator", log.Tags()["histograms"], counts)


def get(url):
    for _ in range(120):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError):
            time.sleep(0.5)
    sys.exit(f"tensorboard_reads.py: no answer from {url}")


def with_program(run, load_fast):
    who = f"tensorboard --load_fast={load_fast}"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", os.path.dirname(run), "--port", "0", "--load_fast", load_fast]
    server = subprocess.Popen(command + ["--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        address = None
        for line in server.stderr:
            address = address or re.search(r"http://[\w.]+:\d+", line)
            if address:
                break
        check(f"{who} does not start", address)
        data = address.group() + "/data/plugin/"
        name = os.path.basename(run) + "/tensorboard"
        for _ in range(120):  # until it has read the folder
            tags = get(data + "scalars/tags").get(name, {})
            if tags and get(data + "histograms/tags").get(name):
                break
            time.sleep(0.5)

        def series(plugin, tag):
            query = urllib.parse.urlencode({"run": name, "tag": tag})
            return get(f"{data}{plugin}/{plugin}?{query}")

        # [wall time, step, value] each, and [wall time, step, [[left, right, count], ...]]
        check_scalars(who, run, tags, lambda tag: [(step, value) for _, step, value in series("scalars", tag)])
        histograms = series("histograms", "rollout/action_0")
        counts = [(step, sum(bucket[2] for bucket in buckets)) for _, step, buckets in histograms]
        check_histograms(who, get(data + "histograms/tags")[name], counts)
    finally:
        server.kill()
        server.wait()


def main():
    saccade = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        begin = [saccade, "train", "pendulum", "--tensorboard", "--quiet", "--run", run]
        settings = ["hidden=[8]", "batch_size=8", "eval_every=500", "eval_episodes=2", "final_eval_episodes=1"]
        settings += ["learning_starts=300", "checkpoint_every=700"]
        begin += [word for setting in settings for word in ("--set", setting)]
        subprocess.run(begin + ["--steps", "900"], check=True, stdout=subprocess.DEVNULL)
        # As if it had been killed later: rows that the checkpoint does not know of, the last one unfinished.
        file = os.path.join(run, "tensorboard", "events.out.tfevents.saccade")
        with open(file, "rb") as written:
            events = written.read()
        with open(file, "ab") as written:
            written.write(events[40:-3])  # without the first, which is of the version
        subprocess.run([saccade, "train", "--resume", run, "--steps", "2300", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        with_accumulator(run)
        for load_fast in "false", "true":
            with_program(run, load_fast)
    print("tensorboard_reads.py: TensorBoard reads the run's scalars and histograms")


main()
