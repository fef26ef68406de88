"""A fit whose every refit is known exactly: a straight line in logarithms, by weighted least squares.

log loss = a - b log N has a closed form, so bootstraps, profiles and rollouts of it have answers of their own to be
compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_helpers.fitting import Fit, Refits, Status


@dataclass(frozen=True)
class PowerLaw:
    """loss = scale / N**exponent."""

    scale: float
    exponent: float

    def loss(self, N: Any) -> Any:
        return self.scale / np.asarray(N) ** self.exponent

    def size_for(self, loss: Any) -> Any:
        if np.any(np.asarray(loss) > self.scale):
            raise ValueError(f"loss = {loss} is above the scale {self.scale}")
        return (self.scale / loss) ** (1 / self.exponent)


@dataclass(frozen=True)
class LeastSquaresInLogs:
    def value(self, residuals):
        return residuals**2 / 2

    def psi(self, residuals):
        return residuals

    def curvature(self, residuals):
        return np.ones_like(residuals)


@dataclass(frozen=True)
class LineFit(Fit):
    @property
    def coordinates(self) -> tuple[str, ...]:
        return ("log_scale", "exponent")

    @property
    def predicted(self):
        return np.asarray(self.law.loss(self.data["N"]))

    @property
    def residuals(self):
        return np.log(self.data["loss"]) - np.log(self.predicted)

    @property
    def criterion(self):
        return LeastSquaresInLogs()

    def law_at(self, theta):
        return PowerLaw(float(np.exp(theta[0])), float(theta[1]))

    def refit(self, weights=None, targets=None) -> Refits:
        x = np.stack([np.ones_like(self.data["N"]), -np.log(self.data["N"])], axis=1)
        rows = len(weights if weights is not None else targets)
        w = np.broadcast_to(self.data["weights"] if weights is None else weights, (rows, len(x)))
        y = np.broadcast_to(np.log(self.data["loss"] if targets is None else targets), (rows, len(x)))
        normal = np.einsum("sn,ni,nj->sij", w, x, x)
        right = np.einsum("sn,ni,sn->si", w, x, y)
        sound = np.linalg.cond(normal) < 1e12
        thetas = np.tile(self.theta, (rows, 1))
        thetas[sound] = np.linalg.solve(normal[sound], right[sound][..., None])[..., 0]
        left = y - thetas @ x.T
        return Refits(thetas, np.sum(w * left**2, axis=1) / 2, np.zeros(rows), sound)


def fit_line(N, loss, weights=None) -> LineFit:
    N, loss = np.asarray(N, float), np.asarray(loss, float)
    weights = np.ones_like(N) if weights is None else np.asarray(weights, float)
    data: Mapping[str, Any] = {"N": N, "loss": loss, "weights": weights}
    empty = LineFit(PowerLaw(1.0, 1.0), np.zeros(2), 0.0, 0.0, Status.CONVERGED, 1, 1.0, (), "least squares on log loss", data)
    found = empty.refit(weights=weights[None])
    theta = found.thetas[0]
    return LineFit(
        empty.law_at(theta), theta, float(found.objectives[0]), 0.0, Status.CONVERGED, 1, 1.0, (), empty.estimator, data
    )


def planted(points=40, noise=0.02, seed=0, spread=(1e7, 1e10)) -> LineFit:
    """Runs of loss = 8 / N**0.07 with log-normal noise."""
    stream = np.random.default_rng(seed)
    N = np.geomspace(*spread, points)
    return fit_line(N, PowerLaw(8.0, 0.07).loss(N) * np.exp(noise * stream.standard_normal(points)))
