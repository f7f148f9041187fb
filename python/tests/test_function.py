"""Ops of one's own in Python."""

import gc
import weakref

import numpy as np
import pytest

import saccade


class Square(saccade.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


class Exp(saccade.Function):
    """Whose gradient is made from its output."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        return ctx.saved_tensors[0] * g


class Polar(saccade.Function):
    """Two inputs, a number and two outputs of different shapes."""

    @staticmethod
    def forward(ctx, r, angle, scale):
        ctx.save_for_backward(r, angle)
        ctx.scale = scale
        return scale * r * angle.cos(), (r * angle.sin()).sum()

    @staticmethod
    def backward(ctx, gx, gy):
        r, angle = ctx.saved_tensors
        return (
            ctx.scale * gx * angle.cos() + gy * angle.sin(),
            -ctx.scale * gx * r * angle.sin() + gy * r * angle.cos(),
            None,
        )


@pytest.mark.parametrize("op", [Square.apply, Exp.apply, lambda x: Polar.apply(x, x * 2, 3)])
def test_gradients_of_both_orders_check(op, f64):
    assert saccade.gradcheck(op, f64(2, 3), order=2)


def test_several_inputs_and_outputs(f64, near):
    r, angle = f64(2, 3, requires_grad=True), f64(2, 3, requires_grad=True)
    x, y = Polar.apply(r, angle, 2)
    assert x.shape == (2, 3) and y.shape == ()
    near(x, 2 * np.array(r) * np.cos(np.array(angle)))
    near(y, (np.array(r) * np.sin(np.array(angle))).sum())
    gr, ga = saccade.grad(x.sum() + y, [r, angle])
    a, b = np.array(r), np.array(angle)
    near(gr, 2 * np.cos(b) + np.sin(b))
    near(ga, -2 * a * np.sin(b) + a * np.cos(b))
    assert saccade.gradcheck(lambda r, angle: Polar.apply(r, angle, 2), [f64(2), f64(2)], order=2)


def test_three_of_each_of_different_shapes(f64, near):
    class Mix(saccade.Function):
        @staticmethod
        def forward(ctx, a, b, c):
            ctx.save_for_backward(a, b, c)
            return a * b.sum(), b * c, c * a.sum()

        @staticmethod
        def backward(ctx, gx, gy, gz):
            a, b, c = ctx.saved_tensors
            return (
                gx * b.sum() + (gz * c).sum(),
                (gx * a).sum() + gy * c,
                (gy * b).sum() + gz * a.sum(),
            )

    a, b, c = f64(2), f64(3, 2), f64()
    assert [y.shape for y in Mix.apply(a, b.requires_grad_(), c)] == [(2,), (3, 2), ()]
    assert saccade.gradcheck(Mix.apply, [a, b, c], order=2)


def test_only_inputs_that_need_one_get_a_gradient(f64):
    class Product(saccade.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            assert ctx.needs_input_grad == (False, True)
            return None, g * a

    a, b = f64(3), f64(3, requires_grad=True)
    assert saccade.grad(Product.apply(a, b).sum(), b).tolist() == a.tolist()
    assert not Product.apply(a, f64(3)).requires_grad
    with saccade.no_grad():
        assert not Product.apply(a, b).requires_grad


def test_none_is_a_gradient_of_zeros(f64):
    class Stop(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 0

        @staticmethod
        def backward(ctx, g):
            return None

    x = f64(3, requires_grad=True)
    Stop.apply(x).sum().backward()
    assert x.grad.tolist() == [0, 0, 0]


def test_forward_is_not_recorded_and_may_return_its_input():
    class Same(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            assert not saccade.grad_enabled()
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 10

    x = saccade.ones(2, requires_grad=True)
    y = Same.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [10, 10]
    (x * 1).sum().backward()
    assert x.grad.tolist() == [11, 11]


class MyError(Exception):
    pass


def failing(where):
    class Failing(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            if where == "forward":
                raise MyError("in forward", 3)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            if where == "backward":
                raise MyError("in backward", 4)
            if where == "interrupt":
                raise KeyboardInterrupt
            return g * 2

    return Failing


def test_exceptions_arrive_as_they_were_and_leave_the_tape_usable():
    x = saccade.ones(2, requires_grad=True)
    with pytest.raises(MyError) as raised:
        failing("forward").apply(x)
    assert raised.value.args == ("in forward", 3)
    assert saccade.grad_enabled()

    y = (failing("backward").apply(x * 1) * 3).sum()
    with pytest.raises(MyError) as raised:
        y.backward()
    assert raised.value.args == ("in backward", 4)
    assert raised.traceback[-1].name == "backward"
    assert saccade.grad_enabled() and x.grad is None
    with pytest.raises(KeyboardInterrupt):
        failing("interrupt").apply(x).sum().backward()
    z = failing("never").apply(x).sum()
    z.backward()
    assert x.grad.tolist() == [2, 2]


def test_the_same_graph_can_be_gone_through_again_after_a_failure():
    class Once(saccade.Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            Once.calls += 1
            if Once.calls == 1:
                raise MyError
            return g * 2

    x = saccade.ones(2, requires_grad=True)
    y = Once.apply(x).sum()
    with pytest.raises(MyError):
        y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize(
    "answer, error, text",
    [
        (lambda g: (g, g), saccade.GradError, "Odd.backward returned 2 gradients, expected 1"),
        (lambda g: g[:1], saccade.GradError, r"'Odd' for input 0 is f32 \[1\], expected f32 \[2\]"),
        (lambda g: saccade.to(g, "f64"), saccade.GradError, r"f64 \[2\], expected f32 \[2\]"),
        (lambda g: 3, TypeError, "'Odd' for input 0 is 3, expected a tensor or None"),
    ],
)
def test_a_wrong_gradient_is_named(answer, error, text):
    class Odd(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return answer(g)

    x = saccade.ones(2, requires_grad=True)
    with pytest.raises(error, match=text):
        Odd.apply(x).sum().backward()


def test_wrong_forwards_are_named():
    class Number(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            return 3.0, x

    class Saves(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)
            return x

    class Mixed(saccade.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1, saccade.to(x, "f64")

    x = saccade.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="Number.forward returned float"):
        Number.apply(x)
    with pytest.raises(TypeError, match="attribute of ctx"):
        Saves.apply(x)
    with pytest.raises(saccade.DTypeError, match="outputs of 'Mixed'"):
        Mixed.apply(x)
    with pytest.raises(NotImplementedError, match="needs a forward"):
        saccade.Function.apply(x)


@pytest.mark.parametrize("saved", ["input", "output"])
def test_what_was_saved_is_watched(saved):
    x = saccade.ones(2, requires_grad=True)
    inner = x * 2
    y = (Square if saved == "input" else Exp).apply(inner)
    (inner if saved == "input" else y).detach().fill_(5)
    with pytest.raises(saccade.GradError, match="overwritten"):
        y.sum().backward()


@pytest.mark.parametrize("op", [Square, Exp])
def test_a_dropped_graph_frees_its_context(op):
    class Kept:
        pass

    class Watched(op):
        @staticmethod
        def forward(ctx, x):
            ctx.kept = Kept()
            ctx.y = y = op.forward(ctx, x)  # an output made an attribute closes no circle
            seen.append(weakref.ref(ctx.kept))
            return y

    seen = []
    x = saccade.ones(2, requires_grad=True)
    y = Watched.apply(x)
    assert seen[0]() is not None
    del y
    gc.collect()
    assert seen[0]() is None
    g = saccade.grad(Watched.apply(x).sum(), x, create_graph=True)
    del g
    gc.collect()
    assert seen[1]() is None
