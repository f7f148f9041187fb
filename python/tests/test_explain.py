"""Explanations: text, page, graphviz."""

import html
import re

import pytest

import saccade


@pytest.fixture
def explained():
    x = saccade.tensor([[0.5, -1.0]], dtype="f64")
    w = saccade.tensor([[2.0], [3.0]], dtype="f64", requires_grad=True)
    return saccade.explain(lambda: (x @ w).tanh().sum(), {"w": w}, names={"x": x})


def test_the_text_has_values_and_gradients(explained):
    text = str(explained)
    assert "leaf w" in text and "tanh" in text and "matmul" in text
    assert "backward" in text
    assert explained.compared() > 0 and explained.worst_difference() < 1e-8


def test_a_notebook_shows_the_page(explained):
    shown = explained._repr_html_()
    (page,) = re.fullmatch(r'<iframe srcdoc="([^"]*)" style="[^"]*"></iframe>', shown).groups()
    assert html.unescape(page) == explained.page()
    assert explained.page().lstrip().lower().startswith("<!doctype html>")


def test_html_writes_one_file(explained, tmp_path):
    path = tmp_path / "page.html"
    explained.html(path, title="A <title>", formula="tanh(xw)")
    text = path.read_text()
    assert "matmul" in text and "tanh(xw)" in text and "http" not in re.findall(r'src="([^"]*)"', text)
    with pytest.raises(saccade.FormatError):
        explained.html(tmp_path / "none" / "page.html")


def test_dot(explained):
    assert explained.dot("t").startswith("digraph")


def test_a_tensors_own_graph():
    x = saccade.tensor([1.0, 2.0], requires_grad=True)
    assert "mul" in str(saccade.explain((x * x).sum(), x))
    e = saccade.explain((x * x).sum(), [x])
    assert "x0" in str(e)


def test_wrong_arguments_say_so():
    x = saccade.ones(2, requires_grad=True)
    with pytest.raises(saccade.Error, match="one"):
        saccade.explain(x * x, x)
    with pytest.raises(TypeError, match="w is 3, expected a tensor"):
        saccade.explain(x.sum(), {"w": 3})
    with pytest.raises(TypeError, match="neither a tensor nor a function"):
        saccade.explain(3, x)
    with pytest.raises(KeyError):
        saccade.explain(lambda: {}["k"], x)
