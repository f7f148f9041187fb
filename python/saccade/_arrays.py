"""Arrays and Python's own numbers as tensors."""

from __future__ import annotations

from typing import Any

import numpy

from . import _core
from ._core import DTypeError, ShapeError, Tensor


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of the data: an array, a tensor, a number or nested lists of them.

    Arrays of float32, float64 and int64 keep their dtype, other whole numbers become int64, booleans and float16
    float32. So do Python's floats, and Python's whole numbers int64. `dtype` says otherwise; DTypeError where a
    whole number would not stay the same.
    """
    copied = _core._copy(_fitting(data))
    return _finished(copied, dtype, requires_grad)


def asarray(data: Any, *, dtype: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of the data, which shares its memory where that can be, and else copies.

    Shared are writeable arrays of float32, float64 and int64 with at most 8 dimensions and without negative
    strides, and what hands them over by DLPack. `copy=True` always copies, and `copy=False` never: it is an error
    where that cannot be. A tensor is returned as it is.
    """
    if copy:
        return tensor(data, dtype=dtype)
    if isinstance(data, Tensor):
        shared = data
    else:
        try:
            shared = _shared(data)
        except (DTypeError, ShapeError):
            if copy is False:
                raise
            return tensor(data, dtype=dtype)
    if copy is False and dtype is not None and _core._dtype(dtype) != shared.dtype:
        raise DTypeError(f"asarray: {shared.dtype} was given, and {_core._dtype(dtype)} takes a copy")
    return _finished(shared, dtype, False)


def from_numpy(array: numpy.ndarray) -> Tensor:
    """A tensor over the array's own memory: each sees what is written to the other.

    An op that saved such a tensor for its gradient refuses to give it if the array has been written to since.
    DTypeError or ShapeError, saying why, where the memory cannot be shared; tensor() copies.
    """
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"from_numpy: expected a numpy.ndarray, got {type(array).__name__}")
    return _shared(array)


def from_dlpack(array: Any) -> Tensor:
    """The same for an array of any library that speaks DLPack and is in this computer's memory."""
    if not hasattr(array, "__dlpack__"):
        raise TypeError(f"from_dlpack: {type(array).__name__} has no __dlpack__")
    if isinstance(array, Tensor):
        return array.detach()
    return _shared(array)


def _shared(data: Any) -> Tensor:
    if not isinstance(data, numpy.ndarray) and not hasattr(data, "__dlpack__"):
        data = numpy.asarray(data)
        if data.flags.owndata:  # converted, so that nobody else has it
            raise ShapeError(f"asarray: the memory of {type(data).__name__} cannot be shared")
    if not isinstance(data, numpy.ndarray):
        return _core._share(data, True)
    if not data.dtype.isnative:
        raise DTypeError(f"an array is of {data.dtype}, whose bytes are in another order than this computer's")
    return _core._share(data, data.flags.writeable)


def _fitting(data: Any) -> numpy.ndarray:
    """The data as an array that a tensor's elements can be copied from."""
    given = data if hasattr(data, "__array__") or hasattr(data, "__dlpack__") else None
    try:
        array = numpy.asarray(data)
    except ValueError as error:  # rows of different lengths
        raise ShapeError(f"tensor: {error}") from None
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "f" and size <= 8:
        wanted: Any = numpy.float64 if size == 8 and given is not None else numpy.float32
    elif kind == "b":
        wanted = numpy.float32
    elif kind in "iu" and (kind == "i" or size < 8 or array.size == 0 or array.max() < 2**63):
        wanted = numpy.int64
    else:
        raise DTypeError(f"tensor: numbers were expected that float32, float64 or int64 hold, got {array.dtype}")
    array = array.astype(wanted, copy=False)
    if any(stride < 0 or stride % array.itemsize for stride in array.strides) or not array.flags.aligned:
        array = array.copy()
    return array


def _finished(x: Tensor, dtype: Any, requires_grad: bool) -> Tensor:
    if dtype is not None and _core._dtype(dtype) != x.dtype:
        x = _core.to(x, dtype)
    return x.requires_grad_() if requires_grad else x
