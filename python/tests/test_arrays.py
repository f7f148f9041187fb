"""NumPy and DLPack: what is shared, what is copied, who keeps whom, and writes that the engine does not see."""

import gc
import weakref

import numpy as np
import pytest

import saccade

DTYPES = ["float32", "float64", "int64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_is_a_view_that_cannot_be_written_to(dtype):
    x = saccade.zeros((2, 3), dtype=dtype)
    a = x.numpy()
    assert a.dtype == dtype and a.shape == (2, 3)
    x.fill_(7)
    assert (a == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        a[0, 0] = 1
    assert np.shares_memory(a, np.asarray(x)) and np.shares_memory(a, x.T.numpy())


def test_views_keep_their_strides():
    x = saccade.tensor(np.arange(12.0).reshape(3, 4))
    assert x.T[1:, ::2].numpy().strides == (8, 64)
    assert x.T[1:, ::2].tolist() == np.arange(12.0).reshape(3, 4).T[1:, ::2].tolist()
    assert x[0].expand((2, 4)).numpy().strides == (0, 8)
    assert saccade.zeros((0, 3)).numpy().shape == (0, 3)
    assert saccade.tensor(3.0).numpy().shape == ()


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_numpy_shares_memory_both_ways(dtype):
    a = np.zeros((2, 3), dtype)
    x = saccade.from_numpy(a)
    a[1, 2] = 5
    assert x[1, 2].item() == 5
    x[0, 0] = 4
    assert a[0, 0] == 4
    strided = saccade.from_numpy(a.T[::2])
    strided[0, 1] = 9
    assert a[1, 0] == 9


def test_asarray_shares_where_it_can_and_copies_elsewhere():
    a = np.zeros(3)
    x = saccade.asarray(a)
    a[0] = 1
    assert x.tolist() == [1, 0, 0]
    assert saccade.asarray(x) is x
    copied = saccade.asarray(a, copy=True)
    a[1] = 1
    assert copied.tolist() == [1, 0, 0]
    assert saccade.asarray([1.0, 2.0]).tolist() == [1, 2]
    read_only = np.zeros(2)
    read_only.flags.writeable = False
    for other in (a[::-1], a.astype("float16"), a.astype("int32"), read_only, np.zeros(2, ">f8"), [1.0]):
        expected = np.asarray(other).tolist()
        assert saccade.asarray(other).tolist() == expected
        with pytest.raises((saccade.ShapeError, saccade.DTypeError, TypeError, BufferError)):
            saccade.asarray(other, copy=False)
    with pytest.raises(saccade.DTypeError, match="takes a copy"):
        saccade.asarray(a, dtype="f32", copy=False)


@pytest.mark.parametrize(
    "array, error, text",
    [
        (np.zeros(3)[::-1], saccade.ShapeError, "backwards"),
        (np.zeros(3, "int32"), saccade.DTypeError, "int32"),
        (np.zeros((1,) * 9), saccade.ShapeError, "9 dimensions"),
        (np.frombuffer(b"12345678"), saccade.ShapeError, "read-only"),
        (np.frombuffer(bytearray(17), "f8", 2, 1), saccade.ShapeError, "askew"),
        ([1.0], TypeError, "numpy.ndarray"),
    ],
)
def test_from_numpy_says_why_it_cannot(array, error, text):
    with pytest.raises(error, match=text):
        saccade.from_numpy(array)


def test_tensor_copies():
    a = np.zeros(3)
    x = saccade.tensor(a)
    a[0] = 1
    assert x.tolist() == [0, 0, 0]
    y = saccade.tensor(x)
    x.fill_(2)
    assert y.tolist() == [0, 0, 0]


class Watched(np.ndarray):
    pass


def test_a_tensor_keeps_the_array_and_an_array_the_tensor():
    a = np.arange(1000.0).view(Watched)
    gone = weakref.ref(a)
    x = saccade.from_numpy(a)
    view = x[10:20]
    del a, x
    gc.collect()
    assert gone() is not None and view.tolist() == list(range(10, 20))
    del view
    gc.collect()
    assert gone() is None

    x = saccade.tensor(np.arange(1000.0))
    gone = weakref.ref(x)
    a = x.numpy()[5:]
    del x
    gc.collect()
    noise = [saccade.zeros(1000, dtype="f64") for _ in range(100)]  # would take the memory, were it free
    assert gone() is not None and a[0] == 5 and a[-1] == 999
    del a, noise
    gc.collect()
    assert gone() is None


def test_an_array_outlives_the_graph_that_saved_it():
    a = np.full(3, 2.0)
    x = saccade.ones(3, dtype="f64", requires_grad=True)
    y = (x * saccade.from_numpy(a)).sum()
    del a
    gc.collect()
    y.backward()
    assert x.grad.tolist() == [2, 2, 2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_both_ways(dtype):
    x = saccade.zeros((2, 3), dtype=dtype)
    assert x.__dlpack_device__() == (1, 0)
    a = np.from_dlpack(x)
    x.fill_(3)
    assert (a == 3).all() and a.dtype == dtype
    assert not a.flags.writeable
    b = np.zeros((2, 3), dtype)
    y = saccade.from_dlpack(b)
    b[0, 1] = 4
    assert y[0, 1].item() == 4
    z = saccade.from_dlpack(x)
    z[0] = 8
    assert x[0].tolist() == [8, 8, 8]
    with pytest.raises(TypeError, match="list has no __dlpack__"):
        saccade.from_dlpack([1])


def test_dlpack_takes_its_keywords():
    x = saccade.ones(2)
    assert "dltensor" in repr(x.__dlpack__(max_version=(1, 0), dl_device=(1, 0), copy=False))
    with pytest.raises(BufferError):
        x.__dlpack__(copy=True)


class OldConsumer:
    """Asks for a capsule as before DLPack 1, which cannot say that it is read-only."""

    def __init__(self, x):
        self.x = x

    def __dlpack__(self, **_):
        return self.x.__dlpack__()

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


def test_an_old_capsule_counts_as_a_write():
    x, w = saccade.ones(2, dtype="f64", requires_grad=True), saccade.ones(2, dtype="f64")
    y = (x * w).sum()
    a = np.from_dlpack(OldConsumer(w))
    assert np.shares_memory(a, w.numpy())
    with pytest.raises(saccade.GradError, match="overwritten"):
        y.backward()
    with pytest.raises(saccade.GradError, match="needs a gradient"):
        OldConsumer(x).__dlpack__()


def test_array_protocol():
    x = saccade.tensor([1.0, 2.0], requires_grad=True)
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, "f8").dtype == np.float64
    assert np.sum(x.numpy()) == 3
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(x, "f8", copy=False)


# ---- writes that the engine's own count does not see ----


def test_a_gradient_is_refused_when_its_array_was_written_to():
    a = np.full(3, 2.0)
    x = saccade.ones(3, dtype="f64", requires_grad=True)
    y = (x * saccade.from_numpy(a)).sum()
    a[1] = 5
    with pytest.raises(saccade.GradError, match=r"'mul' saved a tensor of shape \[3\].*overwritten"):
        y.backward()


def test_a_gradient_is_given_when_the_array_stayed_or_what_it_saved_did():
    a = np.arange(6.0)
    x = saccade.ones(3, dtype="f64", requires_grad=True)
    shared = saccade.from_numpy(a)
    y = (x * shared[:3]).sum() + (x * shared[::2]).sum()
    a[5] = 9
    (g,) = saccade.grad(y, [x], retain_graph=True)
    assert g.tolist() == [0, 3, 6]
    a[4] = 9
    with pytest.raises(saccade.GradError, match="overwritten"):
        y.backward()


@pytest.mark.parametrize("n", [1, 3, 4, 5, 31, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_element_counts(n, dtype):
    for i in {0, n // 2, n - 1}:
        a = np.ones(n, dtype)
        x = saccade.ones(n, dtype=dtype, requires_grad=True)
        y = (x * saccade.from_numpy(a)).sum()
        a[i] = np.nextafter(a[i], 2, dtype=dtype)
        with pytest.raises(saccade.GradError, match="overwritten"):
            y.backward()


def test_a_leaf_over_an_array_is_watched_too():
    a = np.full(3, 2.0)
    x = saccade.from_numpy(a).requires_grad_()
    y = (x * x).sum()
    a += 1
    with pytest.raises(saccade.GradError, match="overwritten"):
        y.backward()


def test_a_writeable_view_counts_as_a_write_and_is_watched_from_then_on():
    w = saccade.ones(2, dtype="f64")
    x = saccade.ones(2, dtype="f64", requires_grad=True)
    before = (x * w).sum()
    a = w.numpy(writeable=True)
    with pytest.raises(saccade.GradError, match="overwritten"):
        before.backward()
    a[0] = 3
    assert w.tolist() == [3, 1]
    after = (x * w).sum()
    kept = (x * w).sum()
    kept.backward()
    assert x.grad.tolist() == [3, 1]
    a[1] = 3
    with pytest.raises(saccade.GradError, match="overwritten"):
        after.backward()


def test_a_writeable_view_of_a_leaf_takes_no_grad():
    x = saccade.ones(2, requires_grad=True)
    with pytest.raises(saccade.GradError, match="no_grad"):
        x.numpy(writeable=True)
    with saccade.no_grad():
        x.numpy(writeable=True)[0] = 5
    assert x.tolist() == [5, 1]


def test_an_output_that_its_gradient_needs_is_watched():
    x = saccade.ones(3, dtype="f64", requires_grad=True)
    y = x.exp()
    y.detach().numpy(writeable=True)[0] = 0
    with pytest.raises(saccade.GradError, match="'exp'"):
        y.sum().backward()
