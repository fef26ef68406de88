"""Forms of one variable: what they are at their limits, and that they never overflow into nonsense."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers.laws import BrokenPowerLaw, PowerLaw, ShiftedPowerLaw, SigmoidLaw

amounts = st.floats(-3, 20).map(lambda exponent: 10.0**exponent)


@given(amounts, st.floats(0.01, 2), st.floats(0, 3))
def test_a_power_law_with_a_constant_is_inverted_by_what_is_needed(x, exponent, constant):
    law = PowerLaw(1e9, exponent, constant)
    loss = law.loss(x)
    assert loss == pytest.approx(constant + float(mpmath.mpf(1e9 / x) ** exponent), rel=1e-12)
    digits = 1e-15 * loss / max(loss - constant, 1e-300)
    if digits < 1e-3:
        assert law.needed(loss) == pytest.approx(x, rel=1e-11 + 10 * digits / exponent)


@given(amounts, st.floats(0.01, 2))
def test_a_shift_of_nothing_is_no_shift_and_a_shifted_curve_starts_lower(x, exponent):
    plain = ShiftedPowerLaw(1e9, exponent)
    assert plain.loss(x) == PowerLaw(1e9, exponent).loss(x)
    shifted = ShiftedPowerLaw(1e9, exponent, shift=10.0)
    assert shifted.loss(x) < plain.loss(x) or x > 1e14
    if x > 1e-2 and x < 1e6:
        assert shifted.needed(shifted.loss(x)) == pytest.approx(x, rel=1e-9)


def bnsl(x, a, b, c0, breaks):
    """Caballero et al., Eq 1, in fifty digits."""
    with mpmath.workdps(50):
        y = b * mpmath.mpf(x) ** -c0
        for change, at, width in breaks:
            y *= (1 + (mpmath.mpf(x) / at) ** (1 / mpmath.mpf(width))) ** (-mpmath.mpf(change) * width)
        return float(a + y)


@given(amounts, st.floats(-0.5, 1), st.floats(-1, 1), st.floats(0.005, 2))
def test_a_broken_law_is_its_published_formula_even_where_that_overflows(x, slope, change, width):
    breaks = ((change, 1e5, width), (0.3, 1e9, 0.1))
    law = BrokenPowerLaw(coefficient=3.0, slope=slope, breaks=breaks, constant=0.5)
    assert law.loss(x) == pytest.approx(bnsl(x, 0.5, 3.0, slope, breaks), rel=1e-11)


def test_without_breaks_a_broken_law_is_a_power_law():
    assert BrokenPowerLaw(8.0, 0.5).loss(16.0) == pytest.approx(2.0, rel=1e-14)


@given(st.floats(0.05, 0.5), st.floats(0.1, 1.0))
def test_far_from_a_break_the_slopes_are_those_on_either_side(slope, change):
    law = BrokenPowerLaw(1.0, slope, ((change, 1e6, 0.2),))
    before = math.log(law.loss(1e2) / law.loss(1e1)) / math.log(10)
    after = math.log(law.loss(1e12) / law.loss(1e11)) / math.log(10)
    assert (before, after) == pytest.approx((-slope, -slope - change), abs=1e-3)


@given(st.floats(-300, 300).map(lambda e: 10.0**e), st.floats(0.1, 30))
def test_a_sigmoid_stays_between_its_floor_and_its_ceiling(x, steepness):
    law = SigmoidLaw(ceiling=0.61, middle=1e4, steepness=steepness, floor=0.2)
    assert 0.2 <= law.value(x) <= 0.61
    assert law.value(1e4) == pytest.approx(0.405, rel=1e-12)


def test_a_sigmoid_is_inverted_between_its_ends_only():
    law = SigmoidLaw(ceiling=0.61, middle=1e4, steepness=1.5, floor=0.2)
    assert law.value(law.needed(0.5)) == pytest.approx(0.5, rel=1e-12)
    for beyond in (0.61, 0.7, 0.2):
        with pytest.raises(ValueError, match="is not between the floor 0.2 and the ceiling 0.61"):
            law.needed(beyond)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: PowerLaw(-1.0, 0.5), ValueError, "scale = -1"),
        (lambda: PowerLaw(1.0, math.nan), ValueError, "exponent"),
        (lambda: PowerLaw(1.0, 0.5, -0.1), ValueError, "constant = -0.1"),
        (lambda: PowerLaw("1", 0.5), TypeError, "scale must be a real number"),
        (lambda: PowerLaw(True, 0.5), TypeError, "scale"),
        (lambda: PowerLaw(np.ones(2), 0.5), TypeError, "one number, got an array"),
        (lambda: PowerLaw(1.0, 0.5).loss(0), ValueError, "x = 0"),
        (lambda: PowerLaw(1.0, 0.5).loss([1.0, math.inf]), ValueError, "1 of 2 values"),
        (lambda: PowerLaw(1.0, 0.5, 2.0).needed(1.9), ValueError, "not above the constant of this law, 2"),
        (lambda: ShiftedPowerLaw(1.0, 0.5, shift=1.0).needed(5.0), ValueError, "above where this curve starts"),
        (lambda: BrokenPowerLaw(1.0, math.inf), ValueError, "slope"),
        (lambda: BrokenPowerLaw(1.0, -math.inf), ValueError, "slope"),
        (lambda: BrokenPowerLaw(1.0, 0.5, ((0.1, 1e3),)), ValueError, "break 1 must be"),
        (lambda: BrokenPowerLaw(1.0, 0.5, ((0.1, 1e3, 0.0),)), ValueError, "width of break 1 = 0"),
        (lambda: SigmoidLaw(0.5, 1.0, 1.0, floor=0.5), ValueError, "would not depend on x"),
    ],
)
def test_what_makes_no_curve_is_refused_by_name(make, error, says):
    with pytest.raises(error, match=says):
        make()
