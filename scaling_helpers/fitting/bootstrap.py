"""How sure is a fit? Resample the runs, fit each resample again, and carry the spread into every prediction.

The draws of a bootstrap (Efron 1979; Efron and Tibshirani 1993) are laws. Any quantity of a law therefore has a spread:
a coefficient, the best size for a budget, the loss of a run. Two intervals must not be mixed up:

* a *confidence* interval says where the law itself may lie. It shrinks to nothing with more runs.
* a *prediction* interval says where the loss of one new run may lie. It holds the noise of that run too, and stays wide.

Which points are exchangeable decides the kind of bootstrap:

======== =========================================== ====================================================================
kind     what is drawn                               when it is right
======== =========================================== ====================================================================
pairs    whole runs, with replacement                runs are independent; noise may differ from run to run
residual predictions plus resampled residuals        the sweep was planned, noise alike everywhere, the law's form right
wild     predictions plus residuals of random sign   the sweep was planned, noise differs from run to run
cluster  whole groups of runs, with replacement      runs of a group (one seed, one training run's checkpoints) move together
======== =========================================== ====================================================================

A law with p parameters fitted to n points lies too close to them. So residuals are widened first: by sqrt(n / (n - p)), and
for the wild bootstrap each by its own leverage (HC3; Davidson and Flachaire 2008). Where the objective is straight at most
residuals (absolute deviations, Huber with delta below the noise) they are also blurred, for the reason given at
:func:`bootstrap`. ``benchmarks/coverage.py`` counts how often the intervals hold the truth. Its table says: for such objectives
the percentile interval of pairs is too wide and the basic one too narrow, and "bca", or residual or wild resampling, keep
their word; and where several points belong to one run, only whole clusters do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .asking import all_at_once, ask, named, or_nan, parameters
from .result import Array, Fit, Refits

__all__ = ["KINDS", "METHODS", "Bootstrap", "Interval", "Summary", "UncertaintyWarning", "bootstrap"]

#: What can be resampled.
KINDS = ("pairs", "residual", "wild", "cluster")
#: How draws become an interval.
METHODS = ("percentile", "basic", "bca", "expanded")
#: Rows of one batched refit. Part of the definition of the draws: every block has a random stream of its own.
_BLOCK = 500
#: A block holds at most this many weights, so that memory stays bounded for large sweeps (2e7 doubles: 160 MB).
_CELLS = 20_000_000
#: Beyond this share of refits that did not converge the user is warned.
_TOLERATED = 0.01
#: With fewer groups than this a cluster bootstrap is known to give intervals that are too narrow.
_FEW_CLUSTERS = 10


class UncertaintyWarning(UserWarning):
    """An interval, a profile or a score that should not be taken at its word; the text says why."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it; ``low, high = interval`` unpacks the ends.

    quantity: what it is. estimate, low, high: floats, or arrays of the shape of what was asked for.
    level: nominal coverage, such as 0.9. method: how the draws became ends.
    kind: "confidence" (where the law lies) or "prediction" (where one new run lies).
    draws: how many the ends rest on; failed: refits among them that did not converge.

    >>> interval = Interval("alpha", 0.35, 0.33, 0.37, 0.9, "percentile", "confidence", 4000, 0)
    >>> low, high = interval
    >>> 0.34 in interval, 0.4 in interval
    (True, False)
    >>> print(interval)
    alpha = 0.35, 90% confidence interval 0.33 to 0.37 (percentile)
    """

    quantity: str
    estimate: Any
    low: Any
    high: Any
    level: float
    method: str
    kind: str
    draws: int
    failed: int

    def __iter__(self) -> Iterator[Any]:
        yield self.low
        yield self.high

    def __contains__(self, value: Any) -> bool:
        return bool(np.all((self.low <= np.asarray(value)) & (np.asarray(value) <= self.high)))

    def __str__(self) -> str:
        if np.ndim(self.estimate):
            return f"{self.quantity}: {self.level:.0%} {self.kind} band at {np.size(self.estimate)} places"
        ends = f"{self.low:.5g} to {self.high:.5g}"
        return f"{self.quantity} = {self.estimate:.5g}, {self.level:.0%} {self.kind} interval {ends} ({self.method})"


@dataclass(frozen=True)
class Summary:
    """Every parameter of a law with its spread, and how the parameters move together.

    names (p,); estimates, standard_errors, lows, highs (p,); correlation (p, p) of the draws; level of the intervals.
    ``str`` gives a table.

    >>> from scaling_helpers.fitting import fit_growth
    >>> boot = fit_growth([2018, 2019, 2020, 2021, 2022], [1.0, 3.8, 17.0, 63.0, 260.0]).bootstrap(200, kind="wild")
    >>> boot.summary().names
    ('level', 'growth')
    """

    names: tuple[str, ...]
    estimates: Array
    standard_errors: Array
    lows: Array
    highs: Array
    correlation: Array
    level: float
    draws: int
    failed: int

    def __str__(self) -> str:
        low, high = f"{(1 - self.level) / 2:.1%}", f"{(1 + self.level) / 2:.1%}"
        header = f"{'':12}{'estimate':>12}{'std. error':>12}{low:>12}{high:>12}   correlation"
        lines = [header]
        for i, name in enumerate(self.names):
            numbers = (self.estimates[i], self.standard_errors[i], self.lows[i], self.highs[i])
            with_others = " ".join(f"{value:+.2f}" for value in self.correlation[i, : i + 1])
            lines.append(f"{name:12}" + "".join(f"{value:12.5g}" for value in numbers) + f"   {with_others}")
        return "\n".join([*lines, f"{self.draws:,} draws, {self.failed:,} of them did not converge"])


@dataclass(frozen=True)
class Bootstrap:
    """The draws of a bootstrap: ``draws`` (n, p), each a fit to resampled runs, in the coordinates of ``fit``.

    fit: the fit to the runs as they are. kind: what was resampled (:data:`KINDS`). seed: of the random streams.
    objectives (n,): the minimum each refit reached; converged (n,) bool. No draw is ever dropped: refits that did not
    converge stand where they stopped, and ``failed`` counts them.
    groups (points,): the cluster of each point, where clusters were given.

    >>> from scaling_helpers.fitting import fit_growth
    >>> boot = fit_growth([2018, 2019, 2020, 2021, 2022], [1.0, 3.8, 17.0, 63.0, 260.0]).bootstrap(400, kind="residual")
    >>> low, high = boot.interval("growth")
    >>> round(low, 1), round(high, 1)
    (3.9, 4.1)
    >>> law, year = boot.predict(2023.0), boot.predict(2023.0, kind="prediction")
    >>> year.low < law.low < law.high < year.high
    True
    """

    fit: Fit
    kind: str
    seed: int
    draws: Array
    objectives: Array
    converged: NDArray[np.bool_]
    groups: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.draws)

    @property
    def failed(self) -> int:
        """How many refits did not converge."""
        return int(np.sum(~self.converged))

    def law(self, i: int) -> Any:
        """The law of draw ``i``. ValueError where the numbers of that draw make no law; IndexError beyond the last."""
        return self.fit.law_at(self.draws[i])

    @cached_property
    def laws(self) -> tuple[Any, ...]:
        """The law of every draw; None where the numbers of a draw make no law (an exponent below zero, say)."""
        return tuple(_law_or_none(self.fit, theta) for theta in self.draws)

    # -- the draws of a quantity -------------------------------------------------------------------
    def values(self, quantity: str | Callable[[Any], Any], **at: Any) -> Array:
        """``quantity`` of every draw: (n,), or (n, ...) where arrays are given in ``at``.

        ``quantity``: a name of the law, with dots for what is inside ("alpha", "E", "loss", "optimal.N",
        "optimal.tokens_per_parameter", "compute_for_loss"), a coordinate of the fit ("log_A"), or a function of a law.
        ``at``: the arguments of the first method on the way (``C=5.76e23``, ``N=70e9, D=1.4e12``).
        NaN stands where the law of a draw has no answer (a loss below its E, for example).

        ValueError: a name that the law does not have (the message lists those it has), or values that the law of the
        fit itself refuses. TypeError: arguments missing or too many.
        """
        self._estimate(quantity, at)  # bad questions fail here, once, by the law's own words
        return self._values(self.draws, self.laws, quantity, at)

    def interval(
        self,
        quantity: str | Callable[[Any], Any],
        level: float = 0.9,
        method: str = "percentile",
        *,
        undefined: float | None = None,
        **at: Any,
    ) -> Interval:
        """A confidence interval of ``quantity`` (see :meth:`values`); arrays in ``at`` give a band, place by place.

        ``method``: "percentile" (quantiles of the draws); "basic" (those, mirrored at the estimate); "bca" (corrected for
        bias and for a spread that changes with the value, Efron 1987; it costs one more refit per point or cluster);
        "expanded" (percentile at a level widened for few points, Hesterberg 2015, Section 3.3).
        ``undefined``: what a draw without an answer counts as, such as ``np.inf`` for a compute that is never enough.

        ValueError: ``level`` outside (0, 1), an unknown method or quantity, or draws without an answer while
        ``undefined`` is None.
        """
        _check_level(level)
        if method not in METHODS:
            raise ValueError(f"method = {method!r}: known are {', '.join(METHODS)}")
        estimate = self._estimate(quantity, at)
        values = self._defined(self._values(self.draws, self.laws, quantity, at), quantity, undefined)
        tail = (1.0 - level) / 2.0
        if method == "expanded":
            tail = self._expanded(tail)
        if method == "bca":
            low, high = self._bca(values, estimate, tail, quantity, at)
        else:
            low, high = _quantile(values, tail), _quantile(values, 1.0 - tail)
        if method == "basic":
            low, high = 2.0 * estimate - high, 2.0 * estimate - low
        ends = (_plain(estimate), _plain(low), _plain(high))
        return Interval(named(quantity, at), *ends, level, method, "confidence", len(self), self.failed)

    def standard_error(self, quantity: str | Callable[[Any], Any], **at: Any) -> Any:
        """Standard deviation of the draws of ``quantity``; see :meth:`values` for the arguments and errors."""
        return _plain(np.std(self._defined(self.values(quantity, **at), quantity, None), axis=0, ddof=1))

    def predict(self, *where: Any, level: float = 0.9, kind: str = "confidence", **by_name: Any) -> Interval:
        """An interval for the loss at ``where`` (the inputs of the law in its order, such as N and D, or by name).

        kind="confidence": where the law lies there, that is, the mean of many runs with the same N and D.
        kind="prediction": where the loss of *one new run* lies. Each draw's law gets the residual of a random run of the
        fit added, in the space of the estimator and widened by sqrt(n / (n - p)). It assumes that the new run is as noisy
        as the fitted ones and that the law holds there, which no bootstrap can test: see ``fitting.rollout``.

        ValueError: unknown ``kind``, ``level`` outside (0, 1), or inputs that the law refuses. TypeError: inputs missing.
        """
        if kind not in ("confidence", "prediction"):
            raise ValueError(f"kind = {kind!r}: 'confidence' (where the law lies) or 'prediction' (where a new run lies)")
        _check_level(level)
        names, outcome = self.fit.inputs, self.fit.outcome
        if len(where) > len(names):
            raise TypeError(f"{len(where)} inputs for a law of {', '.join(names)}")
        at = {**dict(zip(names, where, strict=False)), **by_name}
        if kind == "confidence":
            return self.interval(outcome, level, **at)
        estimate = self._estimate(outcome, at)
        values = self._defined(self.values(outcome, **at), outcome, None)
        noise = _stream(self.seed, 1).choice(_widened(self.fit), size=values.shape)
        values = values * np.exp(noise) if self.fit.space == "log" else values + noise
        tail = (1.0 - level) / 2.0
        ends = (_plain(_quantile(values, tail)), _plain(_quantile(values, 1.0 - tail)))
        return Interval(named(outcome, at), _plain(estimate), *ends, level, "percentile", kind, len(self), self.failed)

    def summary(self, level: float = 0.9, method: str = "percentile") -> Summary:
        """Every fitted parameter of the law with its spread and the correlations; ``print`` it for a table."""
        names = tuple(parameters(self.fit.law)) or self.fit.coordinates
        values = np.stack([self.values(name) for name in names], axis=1)
        # Numbers of a law that no draw changes were given, not fitted.
        fitted = np.ptp(values, axis=0) > 0 if len(self) > 1 else np.ones(len(names), dtype=bool)
        names, values = tuple(name for name, one in zip(names, fitted, strict=True) if one), values[:, fitted]
        intervals = [self.interval(name, level, method) for name in names]
        columns = {end: np.array([float(getattr(one, end)) for one in intervals]) for end in ("estimate", "low", "high")}
        spread = np.std(values, axis=0, ddof=1) if len(self) > 1 else np.full(len(names), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = np.atleast_2d(np.corrcoef(values.T)) if len(self) > 1 else np.full((len(names),) * 2, np.nan)
        return Summary(
            names, columns["estimate"], spread, columns["low"], columns["high"], correlation, level, len(self), self.failed
        )

    # -- how it is done -----------------------------------------------------------------------------
    def _estimate(self, quantity: str | Callable[[Any], Any], at: Mapping[str, Any]) -> Array:
        return np.asarray(ask(self.fit.law, self.fit, self.fit.theta, quantity, at), dtype=float)

    def _values(self, draws: Array, laws: tuple[Any, ...], quantity: Any, at: Mapping[str, Any]) -> Array:
        if isinstance(quantity, str) and quantity in self.fit.coordinates and not hasattr(self.fit.law, quantity):
            return draws[:, self.fit.coordinates.index(quantity)].copy()
        shape = self._estimate(quantity, at).shape
        at_once = all_at_once(laws, quantity, at, shape)
        if at_once is not None:
            return at_once
        values = np.full((len(draws), *shape), np.nan)
        for i, law in enumerate(laws):
            if law is not None:
                values[i] = or_nan(law, self.fit, draws[i], quantity, at)
        return values

    def _defined(self, values: Array, quantity: Any, undefined: float | None) -> Array:
        missing = np.isnan(values)
        if not np.any(missing):
            return values
        if undefined is None:
            count = int(np.sum(np.any(missing.reshape(len(values), -1), axis=1)))
            raise ValueError(
                f"{count} of {len(values)} draws have no answer for {named(quantity, {})}; pass undefined=np.inf if that "
                "means arbitrarily large, undefined=-np.inf if arbitrarily small"
            )
        return np.where(missing, undefined, values)

    def _expanded(self, tail: float) -> float:
        """The tail that makes a percentile interval as wide as Student's for n points and p parameters."""
        from scipy.stats import norm, t

        n, p = self._units(), len(self.fit.theta)
        free = max(n - (p if self.groups is None else 1), 1)
        # Residuals were widened already; pairs and clusters also shrink by (n - p) / n.
        shrunk = 1.0 if self.kind in ("residual", "wild") else np.sqrt(n / free)
        return float(norm.cdf(shrunk * t.ppf(tail, free)))

    def _units(self) -> int:
        return len(self.fit.residuals) if self.groups is None else int(self.groups.max()) + 1

    @cached_property
    def _jackknife(self) -> Array:
        """The coordinates with each unit (point or cluster) left out in turn, (units, p)."""
        base = self.fit.weights
        units = np.arange(len(base)) if self.groups is None else self.groups
        count = self._units()
        rows = max(1, min(_BLOCK, _CELLS // len(base)))
        blocks = [
            self.fit.refit(weights=base * (units != np.arange(first, min(first + rows, count))[:, None]))
            for first in range(0, count, rows)
        ]
        return np.concatenate([block.thetas for block in blocks])

    def _bca(self, values: Array, estimate: Array, tail: float, quantity: Any, at: Mapping[str, Any]) -> tuple[Array, Array]:
        """Efron's (1987) bias-corrected and accelerated ends, place by place."""
        normal = NormalDist()
        left_out = tuple(_law_or_none(self.fit, theta) for theta in self._jackknife)
        influence = self._values(self._jackknife, left_out, quantity, at)
        influence = np.mean(influence, axis=0) - influence
        with np.errstate(invalid="ignore", divide="ignore"):
            acceleration = np.sum(influence**3, axis=0) / (6.0 * np.sum(influence**2, axis=0) ** 1.5)
        below = np.mean(values < estimate, axis=0) + 0.5 * np.mean(values == estimate, axis=0)
        low, high = np.empty(estimate.shape), np.empty(estimate.shape)
        for place in np.ndindex(estimate.shape):
            share, bend = float(below[place]), float(acceleration[place])
            if not 0.0 < share < 1.0 or not np.isfinite(bend):
                raise ValueError(
                    f"bca has no interval for {named(quantity, at)}: {share:.0%} of the draws lie below the estimate, "
                    f"acceleration {bend:g}; use method='percentile' and ask why"
                )
            bias = normal.inv_cdf(share)
            for end, at_tail in ((low, tail), (high, 1.0 - tail)):
                z = bias + normal.inv_cdf(at_tail)
                end[place] = _quantile(values[(slice(None), *place)], normal.cdf(bias + z / (1.0 - bend * z)))
        return low, high


def bootstrap(
    fit: Fit,
    n: int = 4000,
    *,
    kind: str = "pairs",
    clusters: Any = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Bootstrap:
    """Resample the runs of ``fit`` ``n`` times and fit each resample again, started at ``fit``.

    ``kind``: see the table of this module. Residuals of a fit whose objective is straight at most of them are blurred by a
    normal kernel of Silverman's width: such a fit runs exactly through about p points, and bare residuals would put p of n
    resampled points on the law and make the intervals too narrow (De Angelis, Hall and Young 1993).
    ``clusters`` (points,): a label for each point, with kind="cluster" (whole clusters are drawn) or kind="wild" (one sign
    a cluster). ``seed``: the same seed gives the same draws, whatever the
    number of workers; the first m of n draws are the draws of n = m. ``n_jobs``: see :func:`.parallel.map_fits`.

    Warns (:class:`UncertaintyWarning`) when more than 1% of the refits do not converge, and with few clusters.
    ValueError or TypeError: n below 1, an unknown kind, labels of the wrong length, a single cluster, a negative seed.
    """
    from .parallel import map_fits

    made = plan(fit, n, kind, clusters, seed)
    return assemble(made, map_fits(refit_block, [(made, block) for block in range(made.blocks)], n_jobs=n_jobs))


@dataclass(frozen=True)
class Plan:
    """What is to be resampled: enough to compute any block of draws alone, in any process."""

    fit: Fit
    n: int
    kind: str
    groups: NDArray[np.intp] | None
    seed: int
    bandwidth: float

    @property
    def rows(self) -> int:
        """Draws in a block; it depends on the points alone, so that a draw's stream never depends on n or on workers."""
        return max(1, min(_BLOCK, _CELLS // len(self.fit.residuals)))

    @property
    def blocks(self) -> int:
        return -(-self.n // self.rows)


def plan(fit: Fit, n: Any, kind: str, clusters: Any, seed: Any) -> Plan:
    """Check everything about a bootstrap before anything is computed."""
    if not isinstance(fit, Fit):
        raise TypeError(f"fit must be a Fit, such as fit_chinchilla returns, got {type(fit).__name__}")
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"{name} must be a whole number, got {value!r}")
        if value < least:
            raise ValueError(f"{name} = {value}: it must be at least {least}")
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r}: known are {', '.join(KINDS)}")
    points = len(fit.residuals)
    if kind in ("residual", "wild") and points <= len(fit.theta):
        raise ValueError(f"{points} points and {len(fit.theta)} parameters leave no residuals to resample: use kind='pairs'")
    groups = _grouped(clusters, kind, points)
    return Plan(fit, int(n), kind, groups, int(seed), _bandwidth(fit) if kind in ("residual", "wild") else 0.0)


def _grouped(clusters: Any, kind: str, points: int) -> NDArray[np.intp] | None:
    if clusters is None:
        if kind == "cluster":
            raise ValueError("kind = 'cluster' needs clusters: a label for each point, such as its training run or seed")
        return None
    if kind not in ("cluster", "wild"):
        raise ValueError(f"clusters mean nothing to kind = {kind!r}: use kind='cluster' or kind='wild'")
    labels = np.asarray(clusters)
    if labels.shape != (points,):
        raise ValueError(f"clusters has shape {labels.shape}, and there are {points} points: give one label for each")
    if labels.dtype.kind == "f" and np.any(np.isnan(labels)):
        raise ValueError("clusters holds NaN: every point needs a label")
    if labels.dtype.kind == "O":
        labels = np.array([str(label) for label in labels])
    _, groups = np.unique(labels, return_inverse=True)
    count = int(groups.max()) + 1
    if count < 2:
        raise ValueError("clusters: all points are in one cluster, and one cluster has no spread; use kind='pairs'")
    if count < _FEW_CLUSTERS:
        warnings.warn(
            f"{count} clusters only: intervals from so few are too narrow (method='expanded' widens them)",
            UncertaintyWarning,
            stacklevel=4,
        )
    return groups.astype(np.intp)


def refit_block(made: Plan, block: int) -> Refits:
    """The refits of one block of draws: one call of ``fit.refit``."""
    rows = min(made.rows, made.n - block * made.rows)
    # The whole block is always drawn, so that a shorter last block starts like a full one.
    stream = _stream(made.seed, 0, block)
    base = made.fit.weights
    count = len(base) if made.groups is None else int(made.groups.max()) + 1
    if made.kind in ("pairs", "cluster"):
        times = stream.multinomial(count, np.full(count, 1.0 / count), size=made.rows)[:rows]
        return made.fit.refit(weights=base * (times if made.groups is None else times[:, made.groups]))
    residuals = _widened(made.fit)
    if made.kind == "residual":
        changes = stream.choice(residuals, size=(made.rows, len(base)))[:rows]
        jitter = stream.standard_normal((made.rows, len(base)))[:rows]
    else:
        signs = stream.choice([-1.0, 1.0], size=(made.rows, count))[:rows]
        residuals = made.fit.residuals / (1.0 - _leverage(made.fit))
        changes = residuals * (signs if made.groups is None else signs[:, made.groups])
        jitter = stream.standard_normal((made.rows, count))[:rows]
        jitter = jitter if made.groups is None else jitter[:, made.groups]
    changes = changes + made.bandwidth * jitter
    predicted = made.fit.predicted
    targets = predicted * np.exp(changes) if made.fit.space == "log" else predicted + changes
    return made.fit.refit(targets=targets)


def assemble(made: Plan, blocks: list[Refits]) -> Bootstrap:
    """The blocks in their order, as one Bootstrap."""
    converged = np.concatenate([block.converged for block in blocks]).astype(bool)
    failed = int(np.sum(~converged))
    if failed > _TOLERATED * made.n:
        warnings.warn(
            f"{failed} of {made.n} refits did not converge; they are kept where they stopped, so intervals may be off",
            UncertaintyWarning,
            stacklevel=3,
        )
    draws = np.concatenate([block.thetas for block in blocks])
    objectives = np.concatenate([block.objectives for block in blocks])
    return Bootstrap(made.fit, made.kind, made.seed, draws, objectives, converged, made.groups)


# -- parts -------------------------------------------------------------------------------------------
def _stream(seed: int, *place: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def _widened(fit: Fit) -> Array:
    """The residuals of the points that count, as wide as the noise and not as the fit's residuals."""
    residuals, p = fit.residuals, len(fit.theta)
    counting = int(np.sum(fit.weights > 0))
    return residuals * np.sqrt(counting / max(counting - p, 1))


def _leverage(fit: Fit) -> Array:
    """How much each run pulls the fit towards itself, (n,): the diagonal of the hat matrix of the fit made linear.

    Divided by one less leverage (HC3), residuals are as wide as the noise before the fit absorbed its part of it.
    """
    slopes = np.empty((len(fit.residuals), len(fit.theta)))
    for j in range(len(fit.theta)):
        step = np.zeros(len(fit.theta))
        step[j] = 1e-5 * (1.0 + abs(fit.theta[j]))
        there, back = (fit.predicted_by(fit.law_at(fit.theta + sign * step)) for sign in (1.0, -1.0))
        slopes[:, j] = (np.log(there / back) if fit.space == "log" else there - back) / (2.0 * step[j])
    basis, sizes, _ = np.linalg.svd(slopes * np.sqrt(fit.weights)[:, None], full_matrices=False)
    kept = basis[:, sizes > 1e-10 * sizes[0]]
    # A run that alone fixes a parameter has leverage 1 and no residual to widen.
    return np.minimum(np.sum(kept**2, axis=1), 0.95)


def _bandwidth(fit: Fit) -> float:
    """How far resampled residuals are blurred: not at all, unless the objective is straight at most of the residuals."""
    if type(fit).criterion is Fit.criterion:
        return 0.0
    residuals = _widened(fit)[fit.weights > 0]
    if np.mean(fit.criterion.curvature(residuals) > 0) > 0.5:
        return 0.0
    low, high = np.quantile(residuals, [0.25, 0.75])
    return float(1.06 * min(np.std(residuals), (high - low) / 1.349) * len(residuals) ** -0.2)


def _check_level(level: Any) -> None:
    if isinstance(level, bool) or not isinstance(level, (int, float, np.floating)) or not 0.0 < level < 1.0:
        raise ValueError(f"level = {level!r}: give a share between 0 and 1, such as 0.9")


def _law_or_none(fit: Fit, theta: Array) -> Any:
    try:
        return fit.law_at(theta)
    except ValueError:
        return None


def _quantile(values: Array, share: float) -> Array:
    """Quantiles of the first axis; among infinite values no interpolation, which would give NaN."""
    exact = bool(np.all(np.isfinite(values)))
    return np.quantile(values, share, axis=0, method="linear" if exact else "nearest")


def _plain(value: Any) -> Any:
    return float(value) if np.ndim(value) == 0 else value
