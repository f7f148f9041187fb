"""Forks, spawns and the end of the interpreter, after the engine's threads were started."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import saccade

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def large_product():
    x = saccade.tensor(np.ones((300, 300)), requires_grad=True)
    y = (x @ x).tanh().sum()
    y.backward()
    return x.grad.numpy().sum() + float(y)


def work(_):
    return large_product()


@pytest.fixture
def threads_started():
    """Two threads at least, whatever the machine is busy with."""
    before = saccade.num_threads()
    saccade.set_num_threads(max(2, before))
    saccade.set_dynamic_threads(False)
    yield large_product()
    assert len(os.listdir("/proc/self/task")) > threading.active_count()  # OpenMP's are none of Python's
    saccade.set_dynamic_threads(True)
    saccade.set_num_threads(before)


@needs_fork
def test_a_forked_child_goes_on_alone(threads_started):
    """libgomp's threads do not survive a fork, and who waits for them hangs: a child uses one thread."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, np.float64(large_product()).tobytes())
        finally:
            os._exit(0)
    os.close(write)
    deadline = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the forked child hangs")
        time.sleep(0.01)
    answer = np.frombuffer(os.read(read, 8))[0]
    os.close(read)
    assert answer == threads_started
    assert large_product() == threads_started  # and the parent is as before


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", [m for m in ("fork", "spawn", "forkserver") if m in multiprocessing.get_all_start_methods()])
def test_pools_of_processes_work(threads_started, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(work, range(4)).get(timeout=120) == [threads_started] * 4


def test_tensors_go_to_other_processes():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(total, (saccade.tensor([1.0, 2.0]),)).get(timeout=120) == 3


def total(x):
    return float(x.sum())


def test_the_interpreter_ends_while_graphs_hold_pythons_objects():
    code = """
import numpy as np, saccade
class F(saccade.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return g
x = saccade.from_numpy(np.ones(3)).requires_grad_()
y = F.apply(x)
y.register_hook(lambda g: g)
z = y * saccade.from_numpy(np.ones(3))
import builtins
builtins.kept = (x, y, z, y.numpy())
print("done")
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


def test_the_version_is_cmakes():
    from pathlib import Path
    import re

    cmake = Path(__file__).parents[2] / "CMakeLists.txt"
    if not cmake.exists():
        pytest.skip("the C++ sources are not here")
    assert saccade.__version__ == re.search(r"project\(saccade VERSION ([0-9.]+)", cmake.read_text())[1]
