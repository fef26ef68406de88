"""Which power law runs through these points, and do the points determine it?

* :func:`fit_power_law`: y = c x**a, a straight line on log axes, and y = E + (x_c / x)**a, with a constant (the form of
  Henighan et al. 2020, arXiv:2010.14701, and of every loss that does not fall to zero).
* :func:`fit_broken_power_law`: a smooth bend between two power laws (Caballero et al. 2022, arXiv:2210.14891).
* :func:`fit_sigmoid`: a score between a floor and a ceiling.
* :func:`fit_kaplan`: the joint law of Kaplan et al. (2020, arXiv:2001.08361, Eq 1.5) in size and data.

Each is one minimisation by :mod:`scaling_helpers.fitting.curves`: a scan over the exponents with the coefficients solved for
(variable projection), then Newton's method from the best dozen. Of a form with a constant the data must show the bend: over
less than a decade a small exponent with a low constant and a large one with a high constant look alike. Such a fit says so in
``status``, ``at_bound`` and ``undetermined``.

>>> import numpy as np
>>> x = np.geomspace(1e18, 1e22, 9)
>>> fit = fit_power_law(x, 1.7 + (1e17 / x)**0.3, constant=True)
>>> round(fit.law.constant, 9), round(fit.law.exponent, 9), fit.status.name
(1.7, 0.3, 'CONVERGED')
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..laws import BrokenPowerLaw, KaplanLaw, PowerLaw, SigmoidLaw
from .curves import CurveFit, Form, fit_form
from .inputs import column, columns, point_weights
from .objectives import LeastSquares, Objective

__all__ = ["fit_broken_power_law", "fit_kaplan", "fit_power_law", "fit_sigmoid"]

Array = NDArray[np.float64]

#: Exponents beyond these are not told from a step or from a logarithm.
EXPONENT_BOUNDS = (0.02, 10.0)
_FREE = (-600.0, 600.0)


def fit_power_law(x: Any, y: Any, *, constant: bool = False, objective: Objective | None = None, weights: Any = None) -> CurveFit:
    """A power law through points, with or without a constant.

    x, y: (n,), positive. Without ``constant``: y = coefficient * x**-slope, of either sign of slope; ``fit.law`` is a
    :class:`~scaling_helpers.laws.BrokenPowerLaw` with no breaks, coordinates ``log_coefficient`` and ``slope``. With it:
    y = constant + coefficient * x**-exponent with constant >= 0 and an exponent between 0.02 and 10; ``fit.law`` is a
    :class:`~scaling_helpers.laws.PowerLaw`, whose scale is coefficient**(1 / exponent).
    objective: default least squares on the log of y. weights: (n,), non-negative.

    Needs as many points as coordinates (2 or 3) and two (three) different x. Raises ValueError or TypeError naming the column
    and what to do. Points that a bound or a flat minimum stops from fixing the law come back with ``fit.status`` other than
    CONVERGED.

    >>> fit = fit_power_law([1e18, 1e20, 1e22], [1e8, 1e9, 1e10])
    >>> round(-fit.law.slope, 12), f"{fit.law.loss(1e24):.4g}"
    (0.5, '1e+11')
    """
    table, weights = _curve(x, y, weights, 3 if constant else 2)
    form = _CONSTANT if constant else _PLAIN
    return fit_form(form, {"x": table["x"]}, table["y"], weights, objective or LeastSquares())


def fit_broken_power_law(
    x: Any, y: Any, *, constant: bool = True, objective: Objective | None = None, weights: Any = None
) -> CurveFit:
    """A power law that bends once, smoothly, into another.

    y = constant + coefficient * x**-slope * (1 + (x / at)**(1 / width))**(-change * width), see
    :class:`~scaling_helpers.laws.BrokenPowerLaw`; six coordinates, or five without ``constant``. The bend must lie within the
    points; ``width`` (in log x) between 0.05 and 5. Points on one side of the bend only, or no bend at all, come back AT_BOUND or
    UNDETERMINED. Columns, objective, weights and errors as in :func:`fit_power_law`.

    >>> import numpy as np
    >>> x = np.geomspace(1.0, 1e6, 25)
    >>> planted = BrokenPowerLaw(coefficient=4.0, slope=0.1, breaks=((0.4, 1e3, 0.5),))
    >>> fit = fit_broken_power_law(x, planted.loss(x), constant=False)
    >>> round(fit.law.slope, 6), [round(value, 6) for value in fit.law.breaks[0]]
    (0.1, [0.4, 1000.0, 0.5])
    """
    table, weights = _curve(x, y, weights, 6 if constant else 5)
    return fit_form(_BROKEN if constant else _BROKEN_PLAIN, {"x": table["x"]}, table["y"], weights, objective or LeastSquares())


def fit_sigmoid(x: Any, value: Any, *, objective: Objective | None = None, weights: Any = None) -> CurveFit:
    """A score that rises (or falls) from a floor to a ceiling: :class:`~scaling_helpers.laws.SigmoidLaw`, four coordinates.

    x: (n,) positive. value: (n,) positive scores. floor and ceiling are kept at or above 0; a ceiling of a score is not
    kept below 1. The default objective is least squares of the score itself. Errors as in :func:`fit_power_law`.

    >>> import numpy as np
    >>> x = np.geomspace(1.0, 1e4, 15)
    >>> planted = SigmoidLaw(ceiling=0.8, middle=100.0, steepness=1.2, floor=0.1)
    >>> fit = fit_sigmoid(x, planted.value(x))
    >>> round(fit.law.ceiling, 6), round(fit.law.middle, 4), round(fit.law.steepness, 6)
    (0.8, 100.0, 1.2)
    """
    x, value = column("x", x), column("value", value)
    weights = point_weights(weights, columns(4, "a sigmoid", x=x, value=value))
    _enough(x, weights, 4, "x")
    return fit_form(_SIGMOID, {"x": x}, value, weights, objective or LeastSquares("loss"))


def fit_kaplan(N: Any, D: Any, loss: Any, *, objective: Objective | None = None, weights: Any = None) -> CurveFit:
    """The joint law of Kaplan et al. (2020, Eq 1.5), L(N, D) = ((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D.

    N: (n,) parameters (non-embedding, as the paper counts them), D: (n,) tokens of the data set, loss: (n,) nats per token.
    ``fit.law`` is a :class:`~scaling_helpers.laws.KaplanLaw`; coordinates ``log_A``, ``log_B`` (the
    loss at one parameter and endless data is A = N_c**alpha_N, and B likewise), ``alpha_N``, ``alpha_D``. The objective of the
    paper is not stated; the default is least squares on log loss. At least four runs of two sizes
    and two amounts of data, else ValueError.

    >>> import numpy as np
    >>> from scaling_helpers.laws import KAPLAN_2020
    >>> N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e6, 1e9, 5), np.geomspace(1e8, 2e10, 5)))
    >>> fit = fit_kaplan(N, D, KAPLAN_2020.loss(N, D))
    >>> round(fit.law.alpha_N, 6), round(fit.law.alpha_D, 6)
    (0.076, 0.103)
    """
    N, D, loss = column("N", N), column("D", D), column("loss", loss)
    weights = point_weights(weights, columns(4, "the joint law", N=N, D=D, loss=loss))
    _enough(N, weights, 2, "N")
    _enough(D, weights, 2, "D")
    return fit_form(_KAPLAN, {"N": N, "D": D}, loss, weights, objective or LeastSquares())


# -- columns -----------------------------------------------------------------------------------------
def _curve(x: Any, y: Any, weights: Any, different: int) -> tuple[dict[str, Array], Array]:
    x, y = column("x", x), column("y", y)
    weights = point_weights(weights, columns(different, "this form", x=x, y=y))
    _enough(x, weights, different, "x")
    return {"x": x, "y": y}, weights


def _enough(values: Array, weights: Array, least: int, name: str) -> None:
    """Refuse a column whose points of positive weight take fewer than ``least`` different values."""
    different = np.unique(values[weights > 0]).size
    if different < least:
        raise ValueError(
            f"{name} takes {different} different value{'s' if different != 1 else ''}: this form needs at least {least}"
        )


# -- forms -------------------------------------------------------------------------------------------
def scan_linear(parts: list[Array], target: Array, weights: Array) -> Array:
    """Non-negative coefficients of the sum of ``parts`` (S, n) nearest to ``target`` relatively, for every row: (S, len(parts)).

    Weighted least squares of the ratio; coefficients that come out negative are set to zero and the rest solved again.
    """
    scale = np.sqrt(weights) / np.maximum(np.abs(target), 1e-12 * np.abs(target).max())
    design = np.stack([np.broadcast_to(part, (parts[0].shape[0], target.size)) * scale for part in parts], axis=1)
    free = np.ones(design.shape[:2], dtype=bool)
    for _ in parts:
        kept = design * free[:, :, None]
        gram = kept @ kept.transpose(0, 2, 1)
        ridge = 1e-13 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(len(parts)) + 1e-300
        found = np.linalg.solve(gram + ridge + ~free[:, :, None] * np.eye(len(parts)), (kept @ (target * scale))[:, :, None])[
            :, :, 0
        ]
        free &= found > 0
    return np.where(free, found, 0.0)


def _log(values: Array) -> Array:
    """The logarithm with a floor, for coefficients that a scan set to zero."""
    return np.log(np.maximum(values, 1e-8))


def _plain_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    log_x, log_y = np.log(columns["x"]), np.log(np.maximum(target, 1e-300))
    middle = np.average(log_x, weights=weights)
    slope = np.sum(weights * (log_x - middle) * log_y) / np.sum(weights * (log_x - middle) ** 2)
    level = np.average(log_y, weights=weights) - slope * middle
    # The least-squares line, and the lines through the ends: enough for the robust losses of a convex problem.
    first, last = int(np.argmin(log_x)), int(np.argmax(log_x))
    chord = (log_y[last] - log_y[first]) / (log_x[last] - log_x[first])
    return np.array([[level, -slope], [log_y[first] - chord * log_x[first], -chord]])


def _plain_units(logs: Mapping[str, float]) -> tuple[Array, Array]:
    # log c = log c' + slope log x0 + log y0
    return np.array([[1.0, logs["x"]], [0.0, 1.0]]), np.array([logs["loss"], 0.0])


_PLAIN = Form(
    name="power law",
    coordinates=("log_coefficient", "slope"),
    columns=("x",),
    target="loss",
    law=lambda v: BrokenPowerLaw(coefficient=_exp(v["log_coefficient"]), slope=v["slope"]),
    predict=lambda law, data: law.loss(data["x"]),
    units=_plain_units,
    lower=(_FREE[0], -EXPONENT_BOUNDS[1]),
    upper=(_FREE[1], EXPONENT_BOUNDS[1]),
    candidates=_plain_candidates,
)


def _exp(value: Any) -> Any:
    return math.exp(value) if isinstance(value, float) else np.exp(value)


def _constant_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    exponents = np.geomspace(*EXPONENT_BOUNDS, 64)
    falling = np.exp(-exponents[:, None] * np.log(columns["x"]))
    found = scan_linear([np.ones_like(falling), falling], target, weights)
    return np.column_stack([found[:, 0], _log(found[:, 1]), exponents])


def _constant_units(logs: Mapping[str, float]) -> tuple[Array, Array]:
    matrix = np.array([[math.exp(logs["loss"]), 0.0, 0.0], [0.0, 1.0, logs["x"]], [0.0, 0.0, 1.0]])
    return matrix, np.array([0.0, logs["loss"], 0.0])


def _with_constant(v: Mapping[str, Any]) -> PowerLaw:
    log_scale = v["log_coefficient"] / v["exponent"]
    if abs(log_scale) > 690.0:
        raise ValueError(
            f"the fitted scale, exp({log_scale:.4g}), is no floating-point number: give y in a unit nearer to its size "
            f"(exponent {v['exponent']:.3g})"
        )
    return PowerLaw(scale=math.exp(log_scale), exponent=v["exponent"], constant=v["constant"])


_CONSTANT = Form(
    name="power law with a constant",
    coordinates=("constant", "log_coefficient", "exponent"),
    columns=("x",),
    target="loss",
    law=lambda v: BrokenPowerLaw(coefficient=_exp(v["log_coefficient"]), slope=v["exponent"], constant=v["constant"]),
    predict=lambda law, data: law.loss(data["x"]),
    units=_constant_units,
    # A falling part below a hundred-thousandth of y is none; it would have no scale that a float can hold.
    lower=(0.0, -12.0, EXPONENT_BOUNDS[0]),
    upper=(np.inf, 12.0, EXPONENT_BOUNDS[1]),
    candidates=_constant_candidates,
    exponents=("exponent",),
    result=_with_constant,
)


def _broken_units(logs: Mapping[str, float]) -> tuple[Array, Array]:
    matrix, shift = np.eye(6), np.array([0.0, logs["loss"], 0.0, 0.0, logs["x"], 0.0])
    matrix[0, 0] = math.exp(logs["loss"])
    matrix[1, 2] = logs["x"]
    return matrix, shift


def _broken_law(v: Mapping[str, Any]) -> BrokenPowerLaw:
    return BrokenPowerLaw(
        coefficient=_exp(v["log_coefficient"]),
        slope=v["slope"],
        breaks=((v["change"], _exp(v["log_at"]), _exp(v["log_width"])),),
        constant=v.get("constant", 0.0),
    )


def _broken_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    used = weights > 0
    log_x, y = np.log(columns["x"][used]), target[used]
    order = np.argsort(log_x)
    log_x, y = log_x[order], y[order]
    found = []
    for floor in (0.0, 0.5, 0.8, 0.95):
        constant = floor * y.min()
        log_y = np.log(y - constant)
        for share in (0.2, 0.35, 0.5, 0.65, 0.8):
            at = float(np.quantile(log_x, share))
            slopes = []
            for side in (log_x <= at, log_x >= at):
                off = log_x[side] - log_x[side].mean()
                slopes.append(-float(off @ log_y[side]) / max(float(off @ off), 1e-12))
            change = slopes[1] - slopes[0]
            level = float(np.interp(at, log_x, log_y)) + slopes[0] * at
            found += [
                [constant, level + change * width * math.log(2.0), slopes[0], change, at, math.log(width)] for width in _WIDTHS
            ]
    return np.array(found)


_WIDTHS = (0.1, 0.4, 1.5)


def _broken_box(columns: Mapping[str, Array]) -> tuple[Array, Array]:
    low, high = float(np.log(columns["x"].min())), float(np.log(columns["x"].max()))
    steepest = EXPONENT_BOUNDS[1]
    lower = np.array([0.0, _FREE[0], -steepest, -steepest, low, math.log(0.05)])
    upper = np.array([np.inf, _FREE[1], steepest, steepest, high, math.log(5.0)])
    return lower, upper


_BROKEN = Form(
    name="broken power law with a constant",
    coordinates=("constant", "log_coefficient", "slope", "change", "log_at", "log_width"),
    columns=("x",),
    target="loss",
    law=_broken_law,
    predict=lambda law, data: law.loss(data["x"]),
    units=_broken_units,
    lower=(),
    upper=(),
    candidates=_broken_candidates,
    exponents=("change",),
    box=_broken_box,
)


def _without_constant(units_or_box: Any) -> Any:
    """The same without the row (and column) of the constant."""

    def shorter(given: Any) -> tuple[Array, Array]:
        first, second = units_or_box(given)
        return (first[1:, 1:] if first.ndim == 2 else first[1:]), second[1:]

    return shorter


_BROKEN_PLAIN = Form(
    name="broken power law",
    coordinates=_BROKEN.coordinates[1:],
    columns=("x",),
    target="loss",
    law=_broken_law,
    predict=_BROKEN.predict,
    units=_without_constant(_broken_units),
    lower=(),
    upper=(),
    candidates=lambda columns, target, weights: _broken_candidates(columns, target, weights)[: 5 * len(_WIDTHS), 1:],
    exponents=("change",),
    box=_without_constant(_broken_box),
)


def _sigmoid_units(logs: Mapping[str, float]) -> tuple[Array, Array]:
    unit = math.exp(logs["value"])
    return np.diag([unit, unit, 1.0, 1.0]), np.array([0.0, 0.0, logs["x"], 0.0])


def _sigmoid_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    log_x = np.log(columns["x"])
    span = np.ptp(log_x)
    middles = np.linspace(log_x.min() - 0.5 * span, log_x.max() + 0.5 * span, 17)
    middle, steepness = (grid.ravel() for grid in np.meshgrid(middles, np.geomspace(0.1, 8.0, 9)))
    share = 1.0 / (1.0 + np.exp(np.clip(-steepness[:, None] * (log_x - middle[:, None]), -500.0, 500.0)))
    ends = scan_linear([1.0 - share, share], target, weights)
    # A score that the scan sees as flat would have no slope to follow.
    return np.column_stack([ends[:, 0], ends[:, 1] + 1e-6 * (ends[:, 0] == ends[:, 1]), middle, steepness])


def _sigmoid_box(columns: Mapping[str, Array]) -> tuple[Array, Array]:
    log_x = np.log(columns["x"])
    span = float(np.ptp(log_x))
    lower = np.array([0.0, 0.0, log_x.min() - 2.0 * span, 0.02])
    return lower, np.array([np.inf, np.inf, log_x.max() + 2.0 * span, 50.0])


_SIGMOID = Form(
    name="sigmoid",
    coordinates=("floor", "ceiling", "log_middle", "steepness"),
    columns=("x",),
    target="value",
    law=lambda v: SigmoidLaw(ceiling=v["ceiling"], middle=_exp(v["log_middle"]), steepness=v["steepness"], floor=v["floor"]),
    predict=lambda law, data: law.value(data["x"]),
    units=_sigmoid_units,
    lower=(),
    upper=(),
    candidates=_sigmoid_candidates,
    exponents=("ceiling", "steepness"),
    box=_sigmoid_box,
)


def _mean_log(values: Array) -> float:
    return float(np.mean(np.log(values)))


def _kaplan_units(logs: Mapping[str, float]) -> tuple[Array, Array]:
    matrix = np.eye(4)
    matrix[0, 2], matrix[1, 3] = logs["N"], logs["D"]
    return matrix, np.zeros(4)


def _kaplan_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    # loss**(1 / alpha_D) = N_c**r N**-r + D_c / D with r = alpha_N / alpha_D: linear in what remains.
    exponents = np.geomspace(0.02, 1.0, 12)
    alpha_N, alpha_D = (grid.ravel() for grid in np.meshgrid(exponents, exponents))
    ratio = (alpha_N / alpha_D)[:, None]
    found = []
    for r, a_N, a_D in zip(ratio, alpha_N, alpha_D, strict=True):
        parts = [np.exp(-r * np.log(columns["N"]))[None], 1.0 / columns["D"][None]]
        powered = np.exp(np.log(target) / a_D)
        coefficients = scan_linear(parts, powered, weights)[0]
        found.append([*(a_D * np.log(np.maximum(coefficients, 1e-30))), a_N, a_D])
    return np.array(found)


_KAPLAN = Form(
    name="joint law in N and D",
    coordinates=("log_A", "log_B", "alpha_N", "alpha_D"),
    columns=("N", "D"),
    target="loss",
    law=lambda v: KaplanLaw(
        PowerLaw(scale=_exp(v["log_A"] / v["alpha_N"]), exponent=v["alpha_N"]),
        PowerLaw(scale=_exp(v["log_B"] / v["alpha_D"]), exponent=v["alpha_D"]),
    ),
    predict=lambda law, data: law.loss(data["N"], data["D"]),
    units=_kaplan_units,
    lower=(*_FREE[:1] * 2, EXPONENT_BOUNDS[0], EXPONENT_BOUNDS[0]),
    upper=(*_FREE[1:] * 2, EXPONENT_BOUNDS[1], EXPONENT_BOUNDS[1]),
    candidates=_kaplan_candidates,
    exponents=("alpha_N", "alpha_D"),
    # The target keeps its unit: a factor on it is no change of these four.
    scales=lambda given: {"N": _mean_log(given["N"]), "D": _mean_log(given["D"]), "loss": 0.0},
)
