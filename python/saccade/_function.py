"""Ops of one's own: a forward and a backward pass in Python."""

from __future__ import annotations

from typing import Any

from . import _core
from ._core import Tensor


class Context:
    """What a forward pass leaves for its backward pass."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        #: For each input, whether it needs a gradient.
        self.needs_input_grad = needs_input_grad
        #: In backward(): the tensors that forward() saved.
        self.saved_tensors: tuple[Tensor, ...] = ()
        self._to_save: tuple[Tensor, ...] = ()

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keeps inputs, outputs or other tensors for backward(), which refuses to run if one is overwritten meanwhile.

        Tensors that are merely made attributes of the context are kept too, but not watched.
        """
        for x in tensors:
            if not isinstance(x, Tensor):
                raise TypeError(f"save_for_backward: expected tensors, got {type(x).__name__}; make it an attribute of ctx")
        self._to_save = tensors


class Function:
    """An op with a gradient by hand::

        class Square(saccade.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 2 * x * g

        y = Square.apply(x)

    forward() takes what apply() is given and returns a tensor or a tuple of them, of one dtype; nothing that it does
    is recorded. backward() takes the gradient of each output and returns that of each input, None for an input that
    has none. Written with ops, it can itself be differentiated. What either raises arrives where apply() or the
    backward pass was called, as it was raised.
    """

    @staticmethod
    def forward(ctx: Context, *inputs: Any) -> Any:
        raise NotImplementedError("a Function needs a forward(ctx, *inputs)")

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Any:
        raise NotImplementedError("a Function needs a backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """Runs forward() and puts it on the tape."""
        recording = _core.grad_enabled()
        needs = tuple(recording and isinstance(x, Tensor) and x.requires_grad for x in inputs)
        ctx = Context(needs)
        _core._set_grad_enabled(False)
        try:
            outputs = cls.forward(ctx, *inputs)
        finally:
            _core._set_grad_enabled(recording)
        single = isinstance(outputs, Tensor)
        for y in (outputs,) if single else outputs:
            if not isinstance(y, Tensor):
                raise TypeError(f"{cls.__name__}.forward returned {type(y).__name__}, expected a tensor or a tuple of tensors")
        if not any(needs):
            return outputs if single else tuple(outputs)
        saved, ctx._to_save = ctx._to_save, ()
        count = len(inputs)

        def backward(tensors: tuple[Tensor, ...], gradients: tuple[Tensor, ...]) -> tuple[Any, ...]:
            ctx.saved_tensors = tensors
            try:
                answer = cls.backward(ctx, *gradients)
            finally:
                ctx.saved_tensors = ()  # the tape keeps them, not the context
            answer = answer if isinstance(answer, (tuple, list)) else (answer,)
            if len(answer) != count:
                raise _core.GradError(
                    f"{cls.__name__}.backward returned {len(answer)} gradients, expected {count}, one for each input"
                )
            return tuple(answer)

        recorded = _core._record(cls.__name__, inputs, outputs, saved, backward)
        return recorded[0] if single else recorded
