#!/usr/bin/env python3
"""The table and the picture of scaling.md: measured times, the model beside them, and what the model says of larger machines.

    mpirun -n 1 saccade_bench_team >docs/scaling/1.txt; mpirun -n 2 saccade_bench_team >docs/scaling/2.txt
    docs/scaling.py            prints the tables in Markdown and writes scaling.svg

The model (Hockney's alpha and beta, with an overhead o for each message, as LogP has it). An update of SAC on N processes takes

    T(N) = f + g B / N + S(V_critics) + S(V_policy) + 3 s,    s = alpha + (N - 1) o,
    S(V) = 2 s + 2 (N - 1) / N V / beta + V / m:

f is what each process does whatever its batch (Adam, targets, graphs), g B / N its part of the batch; a long sum S goes out in parts
and comes back as sums, and passes through memory; three short exchanges (the temperature, the metrics, whether a batch is out
of all bounds) go to all at once.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
OBS, ACT = 17, 6
MEMORY = 3.7e9  # bytes a second at which gradients are weighted, copied and added: measured, on two processes of one machine


def volumes(width):
    """Bytes of the gradients of both critics and of the policy."""
    critics = 2 * ((OBS + ACT + 1) * width + (width + 1) * width + width + 1)
    policy = (OBS + 1) * width + (width + 1) * width + (width + 1) * 2 * ACT
    return 4 * critics, 4 * policy


def read(path):
    """{"update 256x256": {batch: seconds}, "average": {n: seconds}}"""
    found = {}
    for line in path.read_text().splitlines():
        if match := re.match(r"update +(\d+)x\d+ batch (\d+) +([\d.]+)", line):
            found.setdefault(int(match[1]), {})[int(match[2])] = float(match[3]) * 1e-6
        elif match := re.match(r"average +(\d+) +([\d.]+)", line):
            found.setdefault("average", {})[int(match[1])] = float(match[2]) * 1e-6
    return found


def fit(points):
    """f and g of f + g x, by least squares of the relative error."""
    rows = [(1 / y, x / y) for x, y in points.items()]
    a, b, c = (sum(r[i] * r[j] for r in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    d, e = sum(r[0] for r in rows), sum(r[1] for r in rows)
    det = a * c - b * b
    return (d * c - e * b) / det, (a * e - b * d) / det


class Network:
    def __init__(self, name, alpha, beta, overhead):
        self.name, self.alpha, self.beta, self.overhead = name, alpha, beta, overhead

    def short(self, n):
        return self.alpha + (n - 1) * self.overhead

    def long(self, n, volume):
        return 2 * self.short(n) + 2 * (n - 1) / n * volume / self.beta + volume / MEMORY


def update(compute, width, batch, n, network):
    f, g = compute[width]
    if n == 1:
        return f + g * batch
    return f + g * batch / n + sum(network.long(n, v) for v in volumes(width)) + 3 * network.short(n)


NETWORKS = [Network("10 Gbit Ethernet", 25e-6, 1.17e9, 2e-6), Network("InfiniBand HDR", 1.5e-6, 24e9, 0.3e-6)]
CASES = [(256, 256), (1024, 256), (256, 4096), (1024, 4096)]
NODES = [1, 2, 4, 8, 16, 32, 64]


def picture(compute):
    width, height, left, top, pad = 430, 300, 50, 30, 60
    colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * width + 20}" height="{height + 60}" font-family="sans-serif" '
           f'font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for panel, network in enumerate(NETWORKS):
        x0, y0, w, h = left + panel * width, top, width - pad - 20, height - top - 20

        def at(n, speedup, x0=x0, w=w, h=h, y0=y0):
            return x0 + w * NODES.index(n) / (len(NODES) - 1), y0 + h - h * (speedup ** 0.5 / 40 ** 0.5)

        out.append(f'<text x="{x0}" y="18" font-weight="bold">{network.name}</text>')
        for n in NODES:
            x, y = at(n, 0)
            out.append(f'<text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle">{n}</text>')
        for s in (0.25, 1, 2, 4, 8, 16, 32):
            x, y = at(1, s)
            out.append(f'<text x="{x - 8:.0f}" y="{y + 4:.0f}" text-anchor="end">{s}</text>'
                       f'<line x1="{x0}" x2="{x0 + w}" y1="{y:.1f}" y2="{y:.1f}" stroke="{"#666" if s == 1 else "#ddd"}"/>')
        for colour, (size, batch) in zip(colours, CASES):
            base = update(compute, size, batch, 1, network)
            points = " ".join("%.1f,%.1f" % at(n, base / update(compute, size, batch, n, network)) for n in NODES)
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{x0 + w / 2:.0f}" y="{y0 + h + 34}" text-anchor="middle">nodes</text>')
    for i, (colour, (size, batch)) in enumerate(zip(colours, CASES)):
        x = left + i * 205
        out.append(f'<rect x="{x}" y="{height + 36}" width="14" height="4" fill="{colour}"/>'
                   f'<text x="{x + 20}" y="{height + 42}">{size}x{size}, batch {batch:,}</text>')
    out.append("</svg>\n")
    (HERE / "scaling.svg").write_text("\n".join(out))


def main():
    alone, two = read(HERE / "scaling/1.txt"), read(HERE / "scaling/2.txt")
    compute = {width: fit(alone[width]) for width in (256, 1024)}
    a, per_byte = fit({4 * n: t for n, t in two["average"].items()})
    for width, (f, g) in compute.items():
        print(f"{width}x{width}: f = {1e6 * f:.0f} us, g = {1e6 * g:.2f} us a transition")
    print(f"an average here, on 2 processes: {1e6 * a:.1f} us and {1e-9 / per_byte:.2f} GB/s\n")
    here = Network("here", a / 2, 0, 0)
    print("| | 1 process, ms | 2 processes, ms | the model's |\n|---|---:|---:|---:|")
    for width in (256, 1024):
        for batch in (256, 1024, 4096):
            f, g = compute[width]
            said = f + g * batch / 2 + sum(a + per_byte * v for v in volumes(width)) + 3 * here.alpha
            print(f"| {width}x{width}, batch {batch:,} | {1e3 * alone[width][batch]:.2f} | {1e3 * two[width][batch]:.2f} "
                  f"| {1e3 * said:.2f} |")
    for network, speed in [(NETWORKS[0], 1), (NETWORKS[1], 1), (NETWORKS[0], 10), (NETWORKS[1], 10)]:
        each = {width: (f / speed, g / speed) for width, (f, g) in compute.items()}
        print(f"\n| {network.name}{', nodes ten times as fast' if speed > 1 else ''} | " + " | ".join(map(str, NODES)) + " | pays up to |\n|---|" + "---:|" * (len(NODES) + 1))
        for width, batch in CASES:
            base = update(each, width, batch, 1, network)
            gains = [base / update(each, width, batch, n, network) for n in NODES]
            # Twice the nodes that give less than a quarter more are not worth it.
            last = 0
            while last + 1 < len(NODES) and gains[last + 1] > 1.25 * gains[last]:
                last += 1
            print(f"| {width}x{width}, batch {batch:,} | " + " | ".join(f"{g:.2f}" for g in gains) + f" | {NODES[last]} |")
    picture(compute)


if __name__ == "__main__":
    sys.exit(main())
