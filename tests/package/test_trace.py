"""A traced formula is the formula: the same values, the same derivative, and nothing let through in silence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from scaling_helpers.laws import BESIROGLU_2024
from scaling_helpers.trace import (
    TraceError,
    choose,
    derivative,
    evaluate,
    field,
    substitute,
    variable,
    variables,
    vega_calculations,
    vega_signals,
    when,
)

x, y = variable("x"), variable("y")
positive = st.floats(1e-3, 1e3)


def everything(a, b):
    """A formula with every operation that is traced."""
    powers = a**0.5 + 2.0**b + np.power(a, b / 100)
    logs = np.log(a) + np.log10(b) + np.log2(a) + np.sqrt(b) + np.exp(-a / 1e3)
    steps = np.minimum(a, b) + np.maximum(a, 3.0) + np.where(a > b, a - b, 1.0 / b) + abs(-a) + np.floor(b) + np.ceil(b)
    return powers + logs + steps + np.square(a) - np.reciprocal(b) + np.where((a < b) & ~(b <= 1.0) | (a == 2.0), 1.0, -1.0)


@given(positive, positive)
def test_a_traced_formula_has_the_value_of_the_formula(a, b):
    traced = everything(x, y)
    assert evaluate(traced, {"x": a, "y": b}) == pytest.approx(float(everything(np.float64(a), np.float64(b))), rel=1e-12)


@given(st.floats(1e7, 1e13), st.floats(1e18, 1e27))
def test_the_derivative_of_a_law_is_the_slope_worked_by_hand(size, compute):
    law = BESIROGLU_2024
    traced = law.loss(x, compute / (6 * x))
    by_size = -law.alpha * law.A * size ** (-law.alpha - 1)
    by_hand = by_size + law.beta * law.B * (6 / compute) ** law.beta * size ** (law.beta - 1)
    got = evaluate(derivative(traced, "x"), {"x": size})
    assert got == pytest.approx(by_hand, rel=1e-12, abs=-1e-12 * by_size)


@given(st.floats(0.5, 20.0))
def test_derivatives_agree_with_a_complex_step(a):
    def f(v):
        return np.exp(-v) * np.log(v) + v**1.7 / np.sqrt(v) - 3.0 ** (v / 10) + 1 / v

    step = 1e-30
    by_step = f(complex(a, step)).imag / step
    assert evaluate(derivative(f(x), "x"), {"x": a}) == pytest.approx(by_step, rel=1e-12, abs=1e-14)


def test_derivatives_of_branches_follow_the_branch_that_holds():
    formula = np.where(x < 2.0, x**2.0, 5.0) + np.minimum(x, 1.0) + np.maximum(x, 3.0) + abs(-x)
    slope = derivative(formula, "x")
    assert [evaluate(slope, {"x": v}) for v in (0.5, 1.5, 4.0)] == pytest.approx([1 + 1 + 0 + 1, 3 + 0 + 0 + 1, 0 + 0 + 1 + 1])


def test_a_step_has_no_derivative():
    with pytest.raises(TraceError, match="floor has no derivative"):
        derivative(np.floor(x), "x")


@pytest.mark.parametrize(
    ("attempt", "named"),
    [
        (lambda: 1 if x > 3 else 2, "bool"),
        (lambda: max(x, 3), "bool"),
        (lambda: x > 1 and y > 1, "bool"),
        (lambda: x in [1.0], "bool"),
        (lambda: math.exp(x), r"float\(\)"),
        (lambda: int(x), r"float\(\)"),
        (lambda: x * np.array([1.0, 2.0]), r"array of shape \(2,\)"),
        (lambda: np.array([1.0, 2.0]) * x, r"array of shape \(2,\)"),
        (lambda: np.asarray(x), "np.asarray"),
        (lambda: x * float("inf"), "inf"),
        (lambda: np.float64("nan") + x, "nan"),
        (lambda: x + object(), "object"),
        (lambda: x + None, "NoneType"),
        (lambda: x + 1j, "complex"),
        (lambda: np.sin(x), "numpy.sin"),
        (lambda: np.sinh(x), "numpy.sinh"),
        (lambda: np.add.reduce(x), "numpy.add.reduce"),
        (lambda: np.clip(x, 0, 1), "clip"),
        (lambda: np.sum(x), "sum"),
        (lambda: x // 2, "//"),
        (lambda: x % 2, "%"),
        (lambda: list(x), "iter"),
        (lambda: len(x), "len"),
        (lambda: choose(x, {"a": float("inf")}), "inf"),
        (lambda: vega_signals({"s": field("row")}), "data column"),
    ],
)
def test_what_cannot_be_traced_is_refused_by_name(attempt, named):
    with pytest.raises(TraceError, match=named):
        attempt()


def test_constants_are_written_so_that_they_read_back_exactly():
    text = vega_signals({"s": x * 0.1 + 1e300 - 5e-324 + np.float64(1 / 3)})["s"]
    for constant in (0.1, 1e300, 5e-324, 1 / 3):
        assert repr(constant) in text


def test_negative_constants_cannot_merge_with_an_operator():
    assert vega_signals({"s": x - (-2)})["s"] == "(x - (-2.0))"


def test_shared_parts_are_written_once_even_when_the_formula_repeats_them():
    written = vega_signals({"a": np.exp(x + 1) * 2, "b": np.exp(x + 1) * 3}, "p")
    assert sum("exp(" in text for text in written.values()) == 1
    assert list(written)[-2:] == ["a", "b"]


def test_what_does_not_depend_on_the_data_is_lifted_out_of_the_rows():
    signals, columns = vega_calculations({"loss": np.exp(x * 2.0) * field("size") + np.exp(x * 2.0)}, "q")
    assert "exp" not in columns["loss"] and "datum.size" in columns["loss"]
    assert any("exp" in text for text in signals.values())


def test_choose_looks_a_number_up_and_refuses_an_unknown_option():
    options = {"a": 1.5, "b": -2.0}
    assert choose("b", options) == -2.0
    with pytest.raises(ValueError, match="'c'.*'a', 'b'"):
        choose("c", options)
    assert vega_signals({"s": choose(x, options)})["s"] == '({"a": 1.5, "b": (-2.0)}[x])'
    assert evaluate(choose(x, options), {"x": "a"}) == 1.5
    assert choose(x, {"a": 1.0, "b": 1.0}) == 1.0


def test_no_answer_is_none_in_python_and_null_in_the_browser():
    assert when(False, 3.0) is None and when(True, 3.0) == 3.0
    traced = when(x != "none", y)
    assert vega_signals({"s": traced})["s"] == '((x != "none") ? y : null)'
    assert evaluate(traced, {"x": "none", "y": 1.0}) is None


def test_arrays_may_be_put_in_for_a_variable():
    traced = np.where(x > 1.0, x**2.0, 0.0)
    assert evaluate(traced, {"x": np.array([0.5, 2.0])}).tolist() == [0.0, 4.0]


def test_a_missing_value_is_named():
    with pytest.raises(ValueError, match="'y'.*given: x"):
        evaluate(x + y, {"x": 1.0})


@pytest.mark.parametrize("name", ["two words", "1st", "", "a.b", "x;y"])
def test_names_that_could_break_an_expression_are_refused(name):
    with pytest.raises(ValueError, match="plain identifier"):
        variable(name)


def test_several_variables_come_by_name():
    assert {name: evaluate(node, {"a": 1.0, "b": 2.0}) for name, node in variables(["a", "b"]).items()} == {"a": 1.0, "b": 2.0}


def test_a_tracer_shows_its_formula():
    assert repr(-x * 2) == "Expr(((-x) * 2.0))"


@pytest.mark.parametrize("size", [0.0, 5e-324, 1e-300, 1e-17, 1.2e-16, 3e-16, 1e-8, 0.1, 0.9, 1.1, 30.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_log1p_and_expm1_which_vega_lacks_are_traced_to_the_last_bits(size, sign):
    at = sign * size
    assert evaluate(np.expm1(x), {"x": at}) == pytest.approx(math.expm1(at), rel=1e-15, abs=0)
    if at > -1:
        assert evaluate(np.log1p(x), {"x": at}) == pytest.approx(math.log1p(at), rel=5e-16, abs=0)
        both = evaluate(np.expm1(np.log1p(x)), {"x": np.array([at, at])})
        assert both == pytest.approx(at, rel=2e-15, abs=0)


def test_log1p_and_expm1_reach_their_limits_without_a_nan():
    assert evaluate(np.expm1(x), {"x": -800.0}) == -1.0
    assert evaluate(derivative(np.log1p(x), "x"), {"x": 1e-17}) == pytest.approx(1.0, rel=1e-15)
    assert evaluate(derivative(np.expm1(x), "x"), {"x": 0.5}) == pytest.approx(math.exp(0.5), rel=1e-14)


@pytest.mark.parametrize("z", [-8.0, -1.0, 0.0, 0.5, 6.0])
def test_the_normal_distribution_is_scipy_s_its_slope_the_density_and_its_name_vega_s(z):
    traced = ndtr(2.0 * x)
    assert evaluate(traced, {"x": z / 2.0}) == ndtr(z)
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    assert evaluate(derivative(traced, "x"), {"x": z / 2.0}) == pytest.approx(2 * density, rel=1e-14)
    assert vega_signals({"p": traced}) == {"p": "cumulativeNormal((2.0 * x))"}


def test_a_formula_asked_at_another_place_is_the_formula_there():
    traced = np.where(x > 1.0, np.exp(x), y) + choose(variable("which"), {"a": 1.0, "b": 2.0})
    moved = substitute(traced, {"x": y * 2.0})
    for at in (0.3, 0.7):
        values = {"which": "b", "y": at}
        assert evaluate(moved, values) == evaluate(traced, {**values, "x": 2.0 * at})
    assert repr(traced) != repr(moved)
    with pytest.raises(TraceError, match="only finite numbers"):
        substitute(traced, {"x": math.inf})
