import signal

import numpy
import pytest

import saccade


@pytest.fixture
def f64():
    """Tensors of random numbers in float64, the same in each run."""
    rng = saccade.Rng(7)

    def make(*shape, requires_grad=False):
        return saccade.randn(shape, rng, dtype="f64", requires_grad=requires_grad)

    return make


@pytest.fixture(autouse=True)
def recording_is_left_on():
    yield
    assert saccade.grad_enabled()


@pytest.fixture
def near():
    def check(x, expected, tolerance=1e-12):
        numpy.testing.assert_allclose(numpy.asarray(x), expected, rtol=tolerance, atol=tolerance)

    return check


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """Even where the tests run in the background, in which shells have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
