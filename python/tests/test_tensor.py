"""Tensors, operators, indexing and the ops' names and values."""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import saccade

HEADER = Path(__file__).parents[2] / "autograd" / "ops.h"


def test_data_keep_or_take_the_dtype_that_holds_them():
    assert saccade.tensor([1.5, 2]).dtype == saccade.f32
    assert saccade.tensor([1, 2]).dtype == saccade.i64
    assert saccade.tensor([True, False]).tolist() == [1.0, 0.0]
    assert saccade.tensor(2.5).shape == ()
    assert saccade.tensor(np.zeros((2, 3))).dtype == np.float64
    assert saccade.tensor(np.arange(3, dtype=np.int32)).dtype == np.int64
    assert saccade.tensor(np.float16([1.5])).dtype == np.float32
    assert saccade.tensor([1, 2], dtype="f64").dtype == np.float64
    assert saccade.tensor([1, 2], dtype=np.float32).tolist() == [1.0, 2.0]
    assert saccade.tensor(np.uint64([2**63 - 1])).tolist() == [2**63 - 1]
    assert saccade.tensor([2**53 + 1]).item() == 2**53 + 1
    assert saccade.tensor(np.arange(6).reshape(2, 3)[:, ::-1]).tolist() == [[2, 1, 0], [5, 4, 3]]


@pytest.mark.parametrize(
    "data, error, text",
    [
        ([1j], saccade.DTypeError, "complex128"),
        (["a"], saccade.DTypeError, "expected"),
        ([[1, 2], [3]], saccade.ShapeError, "inhomogeneous"),
        (np.uint64([2**63]), saccade.DTypeError, "uint64"),
        (np.zeros((1,) * 9), saccade.ShapeError, "9 dimensions"),
    ],
)
def test_data_that_no_tensor_holds_are_refused(data, error, text):
    with pytest.raises(error, match=text):
        saccade.tensor(data)


def test_a_whole_number_does_not_turn_into_another():
    with pytest.raises(saccade.DTypeError, match="16777217"):
        saccade.tensor([2**24 + 1], dtype="f32")
    with pytest.raises(saccade.DTypeError, match="expected f32"):
        saccade.zeros(3, dtype="float16")


def test_factories():
    assert saccade.zeros((2, 2)).tolist() == [[0, 0], [0, 0]]
    assert saccade.ones(2, dtype="f64", requires_grad=True).requires_grad
    assert saccade.full((2,), 3).tolist() == [3, 3]
    assert saccade.arange(3, dtype="i64").tolist() == [0, 1, 2]
    assert saccade.eye(2).tolist() == [[1, 0], [0, 1]]
    assert saccade.zeros_like(saccade.ones((2, 3), dtype="f64")).dtype == np.float64
    rng = saccade.Rng(3)
    a, b = saccade.randn(4, rng), saccade.randn(4, rng)
    assert a.tolist() != b.tolist()
    assert a.tolist() == saccade.randn(4, 3).tolist()
    assert (saccade.rand(100, 1, low=2, high=3).numpy() >= 2).all()
    with pytest.raises(saccade.ShapeError):
        saccade.zeros((-1,))
    with pytest.raises(saccade.ShapeError, match="8"):
        saccade.zeros((1,) * 9)


def test_a_generator_is_that_of_cpp_and_goes_on_where_it_was():
    rng = saccade.Rng(5)
    rng.normal()
    saved = pickle.loads(pickle.dumps(rng))
    assert rng.uniform() == saved.uniform()
    assert rng.split("a").uniform() != rng.split("b").uniform()
    assert rng.below(10) in range(10)
    with pytest.raises(saccade.ConfigError):
        rng.below(0)
    # Philox4x32-10 with key 0 and counter 0, as Random123's own known answers have it: its first two words.
    words = 0x6627E8D5, 0xE169C58D
    assert saccade.Rng(0).uniform() in {
        (words[1] << 32 | words[0]) / 2**64 // 2**-53 * 2**-53,
        (words[0] << 32 | words[1]) / 2**64 // 2**-53 * 2**-53,
    }


def test_operators_take_tensors_numbers_and_arrays():
    x = saccade.tensor([1.0, 2.0, 4.0])
    a = np.float32([2, 2, 2])
    for y, expected in [
        (x + 1, [2, 3, 5]), (1 + x, [2, 3, 5]), (x + x, [2, 4, 8]), (a + x, [3, 4, 6]), (x + a, [3, 4, 6]),
        (x - 1, [0, 1, 3]), (1 - x, [0, -1, -3]), (x - a, [-1, 0, 2]), (a - x, [1, 0, -2]),
        (x * 2, [2, 4, 8]), (2 * x, [2, 4, 8]), (x * a, [2, 4, 8]), (a * x, [2, 4, 8]),
        (x / 2, [0.5, 1, 2]), (4 / x, [4, 2, 1]), (x / a, [0.5, 1, 2]), (a / x, [2, 1, 0.5]),
        (x**2, [1, 4, 16]), (2**x, [2, 4, 16]), (x**a, [1, 4, 16]), (a**x, [2, 4, 16]),
        (-x, [-1, -2, -4]), (+x, [1, 2, 4]), (abs(-x), [1, 2, 4]),
        (x > 2, [0, 0, 1]), (x >= 2, [0, 1, 1]), (x < 2, [1, 0, 0]), (x <= 2, [1, 1, 0]),
        (x == a, [0, 1, 0]), (x != a, [1, 0, 1]), (2 > x, [1, 0, 0]),
        (x @ x, 21), (a @ x, 14), (x @ a, 14),
        (x * np.float64(2), [2, 4, 8]), (x * np.float32(2), [2, 4, 8]), (x * np.int64(2), [2, 4, 8]), (x * True, [1, 2, 4]),
    ]:  # fmt: skip
        assert isinstance(y, saccade.Tensor)
        assert y.dtype == np.float32
        assert y.tolist() == expected
    assert (x == "x") is False
    with pytest.raises(TypeError):
        x + "x"
    with pytest.raises(saccade.DTypeError, match="f32.*f64"):
        x + np.ones(3)
    with pytest.raises(saccade.ShapeError, match=r"\[3\] and \[2\]"):
        x * saccade.ones(2)


def test_one_element_is_a_number():
    x = saccade.tensor([2.5])
    assert float(x) == 2.5 and int(x) == 2 and bool(x) and x.item() == 2.5
    assert saccade.tensor(2**53 + 1).item() == 2**53 + 1
    assert int(saccade.tensor(2**53 + 1)) == 2**53 + 1
    for f in (float, int, bool, lambda x: x.item()):
        with pytest.raises(saccade.ShapeError, match="one element"):
            f(saccade.ones(2))


KEYS = [
    0, -1, slice(None), slice(1, None), slice(None, None, 2), slice(-2, None), slice(3, 1), slice(0, 100, 3), None, ...,
    (0, 1), (slice(1, 3), 0), (..., 0), (0, ..., 1), (None, 0, ..., None), (slice(None), None, slice(2)),
    (slice(None), slice(None), -1), (1, 2, 3),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_an_index_gives_what_numpy_gives(key):
    a = np.arange(60.0).reshape(3, 4, 5)
    x = saccade.tensor(a)
    assert x[key].shape == a[key].shape
    assert x[key].tolist() == a[key].tolist()
    a[key] = -1
    x[key] = -1
    assert x.tolist() == a.tolist()


def test_an_index_has_a_gradient(near):
    x = saccade.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    (x[1:, ::2] ** 2).sum().backward()
    expected = np.zeros((3, 4))
    expected[1:, ::2] = 2 * np.arange(12.0).reshape(3, 4)[1:, ::2]
    near(x.grad, expected)


def test_indices_select():
    x = saccade.tensor(np.arange(12.0).reshape(3, 4))
    assert x[saccade.tensor([2, 0])].tolist() == x.numpy()[[2, 0]].tolist()
    assert x[:, np.array([1, 1])].tolist() == x.numpy()[:, [1, 1]].tolist()
    assert [row.tolist() for row in x] == x.tolist()
    assert len(x) == 3


@pytest.mark.parametrize(
    "key, error, text",
    [
        (3, IndexError, "index 3 .* dimension 0"),
        ((0, -5), IndexError, "index -5"),
        ((0, 0, 0), IndexError, "3 indices"),
        ((..., ...), IndexError, "ellipses"),
        (slice(None, None, -1), saccade.ShapeError, "step is -1.*flip"),
        ("a", TypeError, "str"),
        (True, TypeError, "bool"),
    ],
)
def test_a_wrong_index_says_so(key, error, text):
    with pytest.raises(error, match=text):
        saccade.ones((3, 4))[key]


def test_writing_in_place_is_refused_while_recording():
    x = saccade.ones(3, requires_grad=True)
    with pytest.raises(saccade.GradError, match="in place"):
        x[0] = 2
    with pytest.raises(saccade.GradError, match="in place"):
        x.fill_(2)
    with saccade.no_grad():
        x[0] = 2
        x[1:] = np.float32([3, 4])
    assert x.tolist() == [2, 3, 4]
    y = saccade.ones(3)
    assert y.copy_(saccade.zeros(3)) is y


def declared_ops():
    names = re.findall(r"^(?:inline )?(?:Tensor|TensorList|std::pair<Tensor, Tensor>) (\w+)\(", HEADER.read_text(), re.M)
    return sorted(set(names) - {"operator"})


@pytest.mark.skipif(not HEADER.exists(), reason="the C++ sources are not here")
@pytest.mark.parametrize("name", declared_ops() if HEADER.exists() else [])
def test_every_op_of_the_engine_is_there(name):
    assert callable(getattr(saccade, name))
    assert getattr(saccade, name).__doc__


def numpy_softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


A = np.array([[0.5, 1.5, 2.5], [0.25, 3.0, 0.75]])
VALUES = {
    "exp": (lambda x: x.exp(), np.exp), "log": (lambda x: x.log(), np.log), "log1p": (lambda x: x.log1p(), np.log1p),
    "expm1": (lambda x: x.expm1(), np.expm1), "sqrt": (lambda x: x.sqrt(), np.sqrt), "square": (lambda x: x.square(), np.square),
    "rsqrt": (lambda x: x.rsqrt(), lambda a: 1 / np.sqrt(a)), "sin": (lambda x: x.sin(), np.sin), "cos": (lambda x: x.cos(), np.cos),
    "atan": (lambda x: x.atan(), np.arctan), "tanh": (lambda x: x.tanh(), np.tanh), "floor": (lambda x: x.floor(), np.floor),
    "sigmoid": (lambda x: x.sigmoid(), lambda a: 1 / (1 + np.exp(-a))), "relu": (lambda x: (x - 1).relu(), lambda a: np.maximum(a - 1, 0)),
    "elu": (lambda x: (x - 1).elu(), lambda a: np.where(a > 1, a - 1, np.expm1(a - 1))),
    "leaky_relu": (lambda x: (x - 1).leaky_relu(0.1), lambda a: np.where(a > 1, a - 1, 0.1 * (a - 1))),
    "silu": (lambda x: saccade.silu(x), lambda a: a / (1 + np.exp(-a))),
    "sum": (lambda x: x.sum(), np.sum), "sum dims": (lambda x: x.sum(0), lambda a: a.sum(0)),
    "sum keepdim": (lambda x: x.sum((0, 1), keepdim=True), lambda a: a.sum(keepdims=True)),
    "sum all keepdim": (lambda x: x.sum(keepdim=True), lambda a: a.sum(keepdims=True)),
    "mean": (lambda x: x.mean(-1), lambda a: a.mean(-1)), "var": (lambda x: x.var(1), lambda a: a.var(1, ddof=1)),
    "std": (lambda x: x.std(unbiased=False), np.std), "amax": (lambda x: x.amax(1), lambda a: a.max(1)), "amin": (lambda x: x.amin(), np.min),
    "max": (lambda x: x.max(1)[0], lambda a: a.max(1)), "argmax": (lambda x: x.argmax(1), lambda a: a.argmax(1)),
    "min": (lambda x: x.min(0)[1], lambda a: a.argmin(0)), "prod": (lambda x: x.prod(1), lambda a: a.prod(1)),
    "cumsum": (lambda x: x.cumsum(1), lambda a: a.cumsum(1)), "softmax": (lambda x: x.softmax(1), lambda a: numpy_softmax(a, 1)),
    "logsumexp": (lambda x: x.logsumexp(1), lambda a: np.log(np.exp(a).sum(1))), "sort": (lambda x: x.sort()[0], np.sort),
    "clamp": (lambda x: x.clamp(0.5, 2), lambda a: a.clip(0.5, 2)), "clamp low": (lambda x: x.clamp(high=1), lambda a: np.minimum(a, 1)),
    "maximum": (lambda x: x.maximum(1.0), lambda a: np.maximum(a, 1)), "minimum": (lambda x: saccade.minimum(x, 1.0), lambda a: np.minimum(a, 1)),
    "where": (lambda x: saccade.where(x > 1, x, 0.0), lambda a: np.where(a > 1, a, 0)),
    "where numbers": (lambda x: saccade.where(x > 1, 2, 3), lambda a: np.where(a > 1, 2.0, 3.0)),
    "reshape": (lambda x: x.reshape((3, -1)), lambda a: a.reshape(3, 2)), "T": (lambda x: x.T, np.transpose),
    "permute": (lambda x: x.permute((1, 0)), np.transpose), "transpose": (lambda x: x.transpose(0, 1), np.transpose),
    "flatten": (lambda x: x.flatten(), np.ravel), "flip": (lambda x: x.flip(1), lambda a: a[:, ::-1]),
    "expand": (lambda x: x[0].expand((4, 3)), lambda a: np.broadcast_to(a[0], (4, 3))),
    "cat": (lambda x: saccade.cat([x, x], 1), lambda a: np.concatenate([a, a], 1)), "stack": (lambda x: saccade.stack((x, x)), lambda a: np.stack([a, a])),
    "split": (lambda x: x.split((1, 2), 1)[1], lambda a: a[:, 1:]), "chunk": (lambda x: x.chunk(2, 0)[0], lambda a: a[:1]),
    "gather": (lambda x: x.gather(1, saccade.tensor([[2], [0]])), lambda a: np.take_along_axis(a, np.array([[2], [0]]), 1)),
    "tril": (lambda x: x.tril(), np.tril), "triu": (lambda x: x.triu(1), lambda a: np.triu(a, 1)),
    "matmul": (lambda x: x @ x.T, lambda a: a @ a.T), "linear": (lambda x: saccade.linear(x, x, x[:, 0], "relu"), lambda a: np.maximum(a @ a.T + a[:, 0], 0)),
    "mse_loss": (lambda x: saccade.mse_loss(x, x * 2), lambda a: (a**2).mean()), "l1_loss": (lambda x: saccade.l1_loss(x, x * 3, "sum"), lambda a: 2 * a.sum()),
    "cross_entropy": (lambda x: saccade.cross_entropy(x, saccade.tensor([1, 0])), lambda a: -np.log(numpy_softmax(a, 1)[[0, 1], [1, 0]]).mean()),
    "pow": (lambda x: saccade.pow(x, 1.5), lambda a: a**1.5), "one_hot": (lambda x: saccade.one_hot(saccade.tensor([1, 0]), 3), lambda a: np.eye(3)[[1, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_ops_have_numpys_values(name, near):
    ours, theirs = VALUES[name]
    near(ours(saccade.tensor(A)), theirs(A))


def test_ops_take_arrays_too(near):
    near(saccade.exp(A), np.exp(A))
    near(saccade.cat([A, saccade.tensor(A)]), np.concatenate([A, A]))


def test_a_word_that_is_none_of_the_choices():
    with pytest.raises(saccade.ConfigError, match='"most", expected one of "none", "mean", "sum"'):
        saccade.mse_loss(A, A, "most")


def test_errors_are_saccades_and_pythons():
    assert issubclass(saccade.ShapeError, (saccade.Error, ValueError)) and issubclass(saccade.ShapeError, ValueError)
    assert issubclass(saccade.DTypeError, TypeError) and issubclass(saccade.GradError, RuntimeError)
    assert issubclass(saccade.ConfigError, ValueError) and issubclass(saccade.FormatError, ValueError)
    for error in (saccade.ShapeError, saccade.DTypeError, saccade.GradError, saccade.ConfigError, saccade.FormatError):
        assert issubclass(error, saccade.Error)
        assert pickle.loads(pickle.dumps(error("x"))).args == ("x",)


def test_pickle_and_deepcopy_keep_elements_and_requires_grad():
    x = saccade.tensor(A, requires_grad=True)
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert y.tolist() == x.tolist() and y.requires_grad and y.dtype == x.dtype
        with saccade.no_grad():
            y.fill_(0)
        assert x.tolist() == A.tolist()
    with pytest.raises(saccade.GradError, match="'mul'"):
        pickle.dumps(x * 2)


def test_repr_names_the_op():
    assert repr(saccade.ones(2)) == "[1, 1]  f32 [2]"
    assert repr(saccade.ones(2, requires_grad=True)).endswith("requires_grad")
    assert repr(saccade.ones(2, requires_grad=True).exp()).endswith("from exp")


def test_tensors_are_hashed_by_identity():
    x, y = saccade.ones(2), saccade.ones(2)
    assert len({x, y, x}) == 2


def test_stubs_name_all_that_is_there():
    from saccade import _core

    stubs = Path(_core.__file__).with_name("_core.pyi")
    text = stubs.read_text()
    for name in dir(_core):
        if not name.startswith("__"):
            assert re.search(rf"^(def|class) {name}\b", text, re.M), name
    for name in dir(saccade.Tensor):
        if not name.startswith("_"):
            assert re.search(rf"^    def {name}\(", text, re.M), name
