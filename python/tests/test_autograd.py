"""Gradients against closed forms, the tape's rules, modes, functional derivatives, gradcheck and leaks."""

import gc
import math
import threading

import numpy as np
import pytest

import saccade

A = np.array([[0.5, 1.5, 2.5], [0.25, 3.0, 0.75]])

# f, and d sum(f) / dx
CLOSED = {
    "exp": (saccade.exp, np.exp),
    "log": (saccade.log, lambda x: 1 / x),
    "sqrt": (saccade.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "tanh": (saccade.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "sin": (saccade.sin, np.cos),
    "atan": (saccade.atan, lambda x: 1 / (1 + x * x)),
    "erf": (saccade.erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
    "softplus": (saccade.softplus, lambda x: 1 / (1 + np.exp(-x))),
    "power": (lambda x: x**3, lambda x: 3 * x * x),
    "exponent": (lambda x: 2**x, lambda x: 2**x * math.log(2)),
    "self power": (lambda x: x**x, lambda x: x**x * (np.log(x) + 1)),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2),
    "relu": (lambda x: saccade.relu(x - 1), lambda x: (x > 1) * 1.0),
    "mean": (lambda x: x.mean(), lambda x: np.full(x.shape, 1 / x.size)),
    "sum of squares": (lambda x: (x * x).sum(1), lambda x: 2 * x),
    "amax": (lambda x: x.amax(), lambda x: (x == x.max()) * 1.0),
    "var": (lambda x: x.var(1, unbiased=False), lambda x: 2 * (x - x.mean(1, keepdims=True)) / 3),
    "logsumexp": (lambda x: x.logsumexp((0, 1)), lambda x: np.exp(x) / np.exp(x).sum()),
    "prod": (lambda x: x.prod(1), lambda x: x.prod(1, keepdims=True) / x),
    "matmul": (lambda x: x @ np.ones((3, 2)), lambda x: np.full(x.shape, 2.0)),
    "where": (lambda x: saccade.where(x > 1, x * 3, 0.0), lambda x: 3.0 * (x > 1)),
    "clamp": (lambda x: x.clamp(0.4, 2), lambda x: ((x >= 0.4) & (x <= 2)) * 1.0),
    "cumsum": (lambda x: x.cumsum(1), lambda x: np.tile([3.0, 2, 1], (2, 1))),
}


@pytest.mark.parametrize("name", CLOSED)
def test_gradients_have_their_closed_forms(name, near):
    f, expected = CLOSED[name]
    x = saccade.tensor(A, requires_grad=True)
    f(x).sum().backward()
    near(x.grad, expected(A))
    assert saccade.gradcheck(f, x)


def test_second_derivatives(near):
    x = saccade.tensor(A, requires_grad=True)
    g = saccade.grad((x**4).sum(), x, create_graph=True)
    near(saccade.grad(g.sum(), x), 12 * A**2)


def test_backward_adds_and_grad_does_not():
    x = saccade.tensor([1.0, 2.0], requires_grad=True)
    assert x.grad is None
    (x * x).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [4, 8]
    x.grad = None
    assert x.grad is None
    assert saccade.grad((x * 3).sum(), x).tolist() == [3, 3]
    assert x.grad is None
    (x * x).backward(saccade.tensor([1.0, 0.0]))
    assert x.grad.tolist() == [2, 0]
    x.zero_grad()
    assert x.grad is None
    with pytest.raises(saccade.GradError, match="None alone"):
        x.grad = x
    assert saccade.ones(2).grad is None


def test_grad_gives_a_tensor_for_a_tensor_and_a_tuple_for_several():
    x, y = saccade.ones(2, requires_grad=True), saccade.ones(2, requires_grad=True)
    gx, gy = saccade.grad((x * y * 2).sum(), [x, y])
    assert gx.tolist() == gy.tolist() == [2, 2]
    assert saccade.grad([x * 2, y * 3], (x,), [saccade.ones(2), saccade.ones(2)])[0].tolist() == [2, 2]
    assert saccade.grad((x * 2).sum(), [x, y], allow_unused=True)[1].tolist() == [0, 0]


def test_the_tapes_rules_arrive_as_errors():
    x = saccade.ones(2, requires_grad=True)
    with pytest.raises(saccade.GradError, match="needs grad_outputs"):
        (x * 2).backward()
    y = (x * x).sum()
    y.backward()
    with pytest.raises(saccade.GradError, match="released"):
        y.backward()
    with pytest.raises(saccade.GradError, match="does not depend"):
        saccade.ones(1).backward()
    with pytest.raises(saccade.GradError, match="input 0"):
        saccade.grad((x * 2).sum(), saccade.ones(2))
    with pytest.raises(saccade.GradError, match="no output depends"):
        saccade.grad((x * 2).sum(), saccade.ones(2, requires_grad=True))
    w = saccade.ones(2)
    z = (x * w).sum()
    w.fill_(2)
    with pytest.raises(saccade.GradError, match="overwritten"):
        z.backward()
    with pytest.raises(saccade.DTypeError, match="integers"):
        saccade.tensor([1, 2], requires_grad=True)
    with pytest.raises(saccade.GradError, match="goes on needing"):
        x.requires_grad = False
    with pytest.raises(TypeError, match="an input: 3 is no tensor"):
        saccade.grad(z, 3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()


def test_no_grad_as_context_decorator_and_across_threads():
    x = saccade.ones(2, requires_grad=True)

    @saccade.no_grad()
    def constant(depth):
        assert not saccade.grad_enabled()
        return x * 2 if depth == 0 else constant(depth - 1)

    assert not constant(3).requires_grad
    assert (x * 2).requires_grad
    with saccade.no_grad():
        with saccade.enable_grad():
            assert (x * 2).requires_grad
        seen = []
        thread = threading.Thread(target=lambda: seen.append(saccade.grad_enabled()))
        thread.start()
        thread.join()
        assert seen == [True]
        assert not (x * 2).requires_grad
    with pytest.raises(ZeroDivisionError), saccade.no_grad():
        1 / 0
    assert saccade.grad_enabled()


def test_scope_and_anomaly_name_the_place():
    x = saccade.tensor([-1.0], requires_grad=True)
    with saccade.detect_anomaly(), saccade.scope("actor"), saccade.scope("l1"):
        with pytest.raises(saccade.Error, match="'log' of actor/l1"):
            x.log()
    assert math.isnan(x.log().item())
    with saccade.scope("critic"), saccade.detect_anomaly():
        with pytest.raises(saccade.Error, match="'log' of critic"):
            x.log()
    with saccade.detect_anomaly(), pytest.raises(saccade.Error, match="'log'(?! of)"):
        x.log()


def test_hooks_see_and_replace_the_gradient():
    x = saccade.ones(2, requires_grad=True)
    seen = []
    y = x * 3
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 2)
    y.sum().backward()
    assert seen == [[1, 1]] and x.grad.tolist() == [6, 6]
    z = x * 3
    z.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        z.sum().backward()
    w = x * 3
    w.register_hook(lambda g: "no")
    with pytest.raises(TypeError, match="'no' is no tensor"):
        w.sum().backward()


def test_functional_derivatives(near, f64):
    x, v = f64(3), f64(3)
    a = np.array(x)

    def f(x):
        return x * x * x

    y, g = saccade.vjp(f, x, v)
    near(y, a**3), near(g, 3 * a**2 * np.array(v))
    y, d = saccade.jvp(f, x, v)
    near(d, 3 * a**2 * np.array(v))
    near(saccade.jacobian(f, x), np.diag(3 * a**2))
    near(saccade.hessian(lambda x: f(x).sum(), x), np.diag(6 * a))
    near(saccade.hvp(lambda x: f(x).sum(), x, v), 6 * a * np.array(v))
    y, (gx, gv) = saccade.vjp(lambda x, v: x * v, (x, v), saccade.ones(3, dtype="f64"))
    near(gx, np.array(v)), near(gv, a)


def test_checkpoint_runs_the_function_twice(near):
    calls = []

    def f(x):
        calls.append(1)
        return x.exp() * x

    x = saccade.tensor(A, requires_grad=True)
    y = saccade.checkpoint(f, x)
    y.sum().backward()
    assert len(calls) == 2
    near(x.grad, np.exp(A) * (1 + A))


def test_gradcheck_passes_fails_and_says_where():
    class Wrong(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return ctx.saved_tensors[0] * g

    result = saccade.gradcheck(Wrong.apply, saccade.tensor(A), names=["weights"])
    assert not result and not result.passed()
    assert "weights" in str(result) and "0.5 times" in result.explanation()
    assert result.inputs[0].elements[0].verdict == "FAILED"
    good = saccade.gradcheck(lambda x, y: (x * y, x + y), [saccade.tensor(A), saccade.tensor(A + 1)], order=2)
    assert good and good.worst_relative_error() < 1e-9
    assert [i.order for i in good.inputs].count(2) >= 2


def test_gradcheck_raises_what_the_function_raises():
    with pytest.raises(KeyError, match="mine"):
        saccade.gradcheck(lambda x: {}["mine"], saccade.tensor(A))
    with pytest.raises(saccade.ShapeError):
        saccade.gradcheck(lambda x: x @ x, saccade.tensor(A))
    assert not saccade.gradcheck(Unsteady(), saccade.tensor(A))


class Unsteady:
    calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * self.calls


def test_threads_differentiate_graphs_of_their_own(near):
    w = saccade.tensor(np.ones((200, 200)), requires_grad=True)
    answers = {}

    def work(i):
        x = saccade.full((200, 200), float(i), dtype="f64")
        for _ in range(5):
            answers[i] = saccade.grad((w @ x).sum(), w)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i in range(4):
        near(answers[i], np.full((200, 200), 200.0 * i))


def test_other_threads_run_during_a_large_op():
    """A matrix product of a second or so lets go of the GIL: a counter in another thread goes on."""
    x = saccade.ones((1500, 1500), dtype="f64", requires_grad=True)
    count, stop = [0], threading.Event()

    def tick():
        while not stop.wait(0.001):
            count[0] += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        y = x @ x
        forward = count[0]
        y.backward(saccade.ones_like(y))
        backward = count[0] - forward
    finally:
        stop.set()
        thread.join()
    assert forward > 5 and backward > 5


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


def test_ten_thousand_tapes_leave_nothing_behind():
    w = saccade.tensor(np.ones((32, 32)), requires_grad=True)

    class Double(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * 2
            ctx.y = y
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * 2 + (x * 2 - y)

    def tape(i):
        y = Double.apply(w) @ np.ones((32, 32))
        y.register_hook(lambda g: None)
        if i % 3 == 0:
            y.sum().backward()
            w.grad = None
        elif i % 3 == 1:
            saccade.grad(saccade.grad((y * y).sum(), w, create_graph=True).sum(), w)
        else:
            y.numpy()  # a graph that is dropped without a backward pass
        if i % 10 == 0:
            with pytest.raises(saccade.ShapeError):
                saccade.grad((w * 1).sum(), w, saccade.ones(3))

    for i in range(1000):
        tape(i)
    gc.collect()
    before = resident()
    for i in range(10_000):
        tape(i)
    gc.collect()
    # A tape holds at least one 8 KiB tensor: were they kept, it would be 80 MB.
    assert resident() - before < 4 << 20
