"""Which values of a parameter do the runs rule out: against exact answers, and where they rule out nothing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t
from straight_line import LineFit, fit_line, planted

from scaling_helpers import facts
from scaling_helpers.fitting import (
    Huber,
    LeastSquares,
    UncertaintyWarning,
    fit_chinchilla,
    fit_data_constrained,
    planted_runs,
    profile,
)
from scaling_helpers.laws import BESIROGLU_2024, MUENNIGHOFF_2023, DataConstrainedLaw

FIT = planted()
DESIGN = np.stack([np.ones(40), -np.log(FIT.data["N"])], axis=1)
COVARIANCE = np.sum(FIT.residuals**2) / 38 * np.linalg.inv(DESIGN.T @ DESIGN)


def students(direction, level=0.9, fit=FIT):
    half = t.ppf((1 + level) / 2, 38) * np.sqrt(direction @ COVARIANCE @ direction)
    return np.array([-half, half]) + direction @ fit.theta


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_the_profile_of_a_straight_line_is_students_interval(level):
    found = profile(FIT, "exponent", level=level)
    assert [found.low, found.high] == pytest.approx(students(np.array([0.0, 1.0]), level), rel=1e-6)
    assert found.verdict == "identified" and found.warning == "" and found.converged.all()
    assert found.estimate == FIT.theta[1] and "degrees of freedom" in found.calibration


def test_derived_quantities_have_the_interval_of_what_they_are_made_of():
    scale = profile(FIT, "scale")
    assert np.log([scale.low, scale.high]) == pytest.approx(students(np.array([1.0, 0.0])), rel=1e-6)
    assert [profile(FIT, "log_scale").low, profile(FIT, "log_scale").high] == pytest.approx(np.log([scale.low, scale.high]))
    loss = profile(FIT, "loss", N=1e12)
    assert np.log([loss.low, loss.high]) == pytest.approx(students(np.array([1.0, -np.log(1e12)])), rel=1e-5)
    assert loss.name == "loss(N=1e+12)"
    by_function = profile(FIT, lambda law: float(law.loss(1e12)))
    assert (by_function.low, by_function.high) == pytest.approx((loss.low, loss.high), rel=1e-5)
    # The size for a loss is no straight function of the line: its profile interval is Fieller's, from where bands cross.
    size = profile(FIT, "size_for", loss=1.3)
    for end, side in ((size.low, 0), (size.high, 1)):
        assert np.exp(students(np.array([1.0, -np.log(end)]))[side]) == pytest.approx(1.3, rel=1e-4)


def test_weights_are_inverse_variances():
    repeated = fit_line(np.tile(FIT.data["N"], 3), np.tile(FIT.data["loss"], 3))
    weighted = replace(FIT, data={**FIT.data, "weights": np.full(40, 3.0)}, objective=3 * FIT.objective)
    plain, tripled = profile(FIT, "exponent"), profile(weighted, "exponent")
    assert (tripled.low, tripled.high) == pytest.approx((plain.low, plain.high), rel=1e-6)
    assert profile(repeated, "exponent").high < plain.high


class OwnSolver(LineFit):
    """A line that can hold its exponent itself."""

    def fixed(self, name, value):
        assert name in self.coordinates
        x = -np.log(self.data["N"])
        y = np.log(self.data["loss"])
        theta = np.array([np.mean(y - value * x), value]) if name == "exponent" else np.array([value, x @ (y - value) / (x @ x)])
        moved = replace(self, law=self.law_at(theta), theta=theta)
        return replace(moved, objective=float(np.sum(moved.residuals**2) / 2))


def test_a_fit_that_can_hold_a_coordinate_itself_is_asked_to():
    own = OwnSolver(**{name: getattr(FIT, name) for name in FIT.__dataclass_fields__})
    for name in ("exponent", "scale", "log_scale"):
        ours, general = profile(own, name), profile(FIT, name)
        assert (ours.low, ours.high) == pytest.approx((general.low, general.high), rel=1e-6)


def test_a_grid_is_taken_as_given_and_its_ends_may_be_open():
    low, high = students(np.array([0.0, 1.0]))
    found = profile(FIT, "exponent", np.linspace(low - 0.002, high + 0.002, 41))
    assert len(found.values) == 41 and [found.low, found.high] == pytest.approx([low, high], rel=1e-4)
    inside = found.values[(found.objectives <= 1.01 * found.objectives.min())]
    assert found.within(0.01) == (inside[0], inside[-1])
    assert found.table()["objective"] == pytest.approx(found.objectives)
    assert "profile interval" in str(found)
    with pytest.warns(UncertaintyWarning, match="rule out nothing above"):
        narrow = profile(FIT, "exponent", np.linspace(low - 0.002, FIT.theta[1] + 1e-5, 30))
    assert narrow.open_above and not narrow.open_below and narrow.high == np.inf and "open" in str(narrow)


def flat():
    """Eight runs of nearly the same size: the exponent could be anything, its reciprocal too."""
    return planted(8, noise=0.02, seed=1, spread=(1e9, 1.5e9))


def test_a_quantity_that_the_runs_do_not_fix_is_called_not_identified():
    with pytest.warns(UncertaintyWarning, match="not identified: at 90% the runs rule out nothing above it"):
        found = profile(flat(), lambda law: 1.0 / abs(law.exponent))
    assert found.verdict == "not identified" and found.high == np.inf
    with pytest.warns(UncertaintyWarning, match="weakly identified: at 90% anything from"):
        found = profile(planted(8, seed=1, spread=(1e9, 2e9)), "size_for", loss=1.5)
    assert found.verdict == "weakly identified" and found.high > 10 * found.low


def test_a_fit_that_is_not_at_its_minimum_is_found_out():
    away = np.array([FIT.theta[0] + 0.002, FIT.theta[1]])
    stuck = replace(FIT, law=FIT.law_at(away), theta=away)
    with pytest.warns(UncertaintyWarning, match="The fit is not at its minimum: exponent = 0.068"):
        profile(stuck, "exponent")


def test_a_bootstrap_can_set_the_threshold():
    boot = FIT.bootstrap(4000, kind="residual")
    found = profile(FIT, "exponent", calibration=boot)
    assert (found.low, found.high) == pytest.approx(tuple(boot.interval("exponent")), rel=0.01)
    assert "90% of 4000 residual-bootstrap draws" in found.calibration
    with pytest.raises(ValueError, match="Bootstrap of this very fit"):
        profile(planted(seed=1), "exponent", calibration=boot)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: profile(FIT, "alpha"), ValueError, "known are exponent"),
        (lambda: profile(FIT, "exponent", level=90), ValueError, "level = 90"),
        (lambda: profile(FIT, "exponent", [0.07]), ValueError, "at least two finite numbers"),
        (lambda: profile(FIT, "exponent", [0.07, np.nan]), ValueError, "at least two finite numbers"),
        (lambda: profile(FIT, "exponent", "wide"), ValueError, "at least two finite numbers"),
        (lambda: profile(FIT, "exponent", [-1.0, 0.07]), ValueError, "grid holds -1"),
        (lambda: profile(FIT, "loss", N=[1e9, 1e10]), ValueError, "one number at a time"),
        (lambda: profile(FIT, "loss"), TypeError, "needs N"),
        (lambda: profile(planted(noise=0.0), "exponent"), ValueError, "lie on the law exactly"),
        (lambda: profile(planted(2), "exponent"), ValueError, "2 runs for 2 parameters"),
        (lambda: profile(FIT, "exponent").within(0), ValueError, "share = 0"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_by_name(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


# -- the parametric law ----------------------------------------------------------------------------
RUNS = planted_runs(BESIROGLU_2024, (1e18, 1e19, 1e20, 1e21, 1e22), 8, noise=0.01, seed=0)


@pytest.mark.parametrize("objective", [Huber(1e-3), LeastSquares(), LeastSquares(space="loss")])
def test_profiles_of_the_parametric_law_agree_with_its_bootstrap(objective):
    fit = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss, objective=objective)
    boot = fit.bootstrap(400, kind="residual")
    for quantity, at in (("alpha", {}), ("optimal.N", {"C": 1e23})):
        found, drawn = profile(fit, quantity, **at), boot.interval(quantity, **at)
        assert found.converged.all() and found.verdict == "identified"
        # Two approximations of one interval, from different ideas: alike, not equal.
        assert np.log(found.high / found.low) == pytest.approx(np.log(drawn.high / drawn.low), rel=0.4)


def test_holding_a_parameter_finds_the_minimum_that_scipy_finds():
    from scipy.optimize import minimize

    fit = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss, objective=LeastSquares())
    found = profile(fit, "alpha", fit.law.alpha + np.array([-0.1, 0.0, 0.02, 0.1]))
    assert found.objectives[1] == pytest.approx(fit.objective, rel=1e-9)

    def rest(theta):
        log_A, log_B, log_E, beta = theta
        predicted = np.exp(log_E) + np.exp(log_A) / RUNS.N ** (fit.law.alpha + 0.02) + np.exp(log_B) / RUNS.D**beta
        return np.sum(np.log(RUNS.loss / predicted) ** 2) * 1e4

    start = np.delete(found.thetas[2], 3)
    least = minimize(rest, start + 0.01, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000})
    assert found.objectives[2] == pytest.approx(least.fun / 1e4, rel=1e-6)


# -- the worked example: how fast does repeated text lose its value? ----------------------------------
def repeated(epochs, noise=0.003):
    """Runs on text read up to ``epochs`` times, from a law with R_D = 15 and R_N = 5."""
    law = DataConstrainedLaw(MUENNIGHOFF_2023, R_D=15.0, R_N=5.0)
    grid = np.meshgrid([1e8, 3e8, 1e9, 3e9], [1e9, 3e9, 1e10], np.geomspace(1, epochs, 5), indexing="ij")
    N, U, times = (axis.ravel() for axis in grid)
    loss = law.loss(N, U * times, U) * np.exp(noise * np.random.default_rng(0).standard_normal(len(N)))
    return fit_data_constrained(N, U * times, U, loss, base=MUENNIGHOFF_2023)


def test_few_epochs_do_not_tell_how_fast_repetition_loses_value():
    with pytest.warns(UncertaintyWarning, match="R_D is not identified.*rule out nothing above"):
        found = profile(repeated(3.0, noise=0.01), "R_D")
    assert found.open_above and found.low < 15.0


def test_many_epochs_do():
    found = profile(repeated(100.0), "R_D")
    assert found.verdict == "identified" and found.low < 15.0 < found.high < 2 * found.low


def test_the_public_runs_do_not_fix_the_published_constant_of_repetition(shared_data):
    table = np.genfromtxt(shared_data / "datablations_fit_runs.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    N, D, U, loss = (table[name].astype(float) for name in ("params", "tokens", "unique_tokens", "loss"))
    assert len(loss) == 182
    fit = fit_data_constrained(N, D, U, loss, base=MUENNIGHOFF_2023)
    with pytest.warns(UncertaintyWarning, match="R_D is not identified"):
        found = profile(fit, "R_D", np.geomspace(5.0, 600.0, 20))
    low, high = found.within(0.01)
    assert 7.5 < low < 10.0 and high > 500
    published = facts.get("results/muennighoff-repeated-tokens").value
    assert found.low < published and found.high == np.inf
