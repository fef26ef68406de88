"""What did Kaplan et al. (2020, arXiv:2001.08361) find, and in which units?

They fitted several laws, each with constants of its own: the loss against size alone, data alone and compute alone
(:data:`KAPLAN_2020_SIZE`, :data:`KAPLAN_2020_DATA`, :data:`KAPLAN_2020_COMPUTE`, :data:`KAPLAN_2020_COMPUTE_NAIVE`), size and
data together (:data:`KAPLAN_2020`), size and training steps together (:data:`KAPLAN_2020_STEPS`), the critical batch size
(:data:`KAPLAN_2020_BATCH`), and the best way to spend a budget (:data:`KAPLAN_2020_ALLOCATION`, measured;
:data:`KAPLAN_2020_FRONTIER`, derived). Constants of different fits do not mix: alpha_D is 0.095 in L(D) and 0.103 in
L(N, D), and a law built from both is refused.

:data:`KAPLAN_2020` is the joint law, the one that has a ``loss(N, D)`` and so can stand beside the others. Two things to know
before it does. Its D is the size of the data set, read until the loss on held-out text stops falling, not the tokens
of one pass; so its optimum under C = 6 N D is not what the paper recommends. That is :data:`KAPLAN_2020_ALLOCATION`.

Conventions here: N counts no embeddings; compute arguments are FLOP, without embeddings and output layer, although the
paper prints PF-days (:data:`PF_DAY`, 8.64e19 FLOP); losses are in nats per token of WebText2, 50,257 kinds of token, and depend
on that tokenizer. D and batches are tokens.

>>> round(KAPLAN_2020_ALLOCATION.optimal(1e21).N / 1e9, 2)  # as Hoffmann et al. quote it
4.68
>>> round(KAPLAN_2020.loss(1e9, 1e10), 3)
2.42
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import facts
from ..quantities import positive, same_shape
from ..trace import Expr
from .constants import check_constants
from .generic import PowerLaw
from .origin import FLOP_PER_PARAMETER_TOKEN, PF_DAY, Origin, warn_outside

if TYPE_CHECKING:
    from ..optimum import Allocation

__all__ = [
    "KAPLAN_2020",
    "KAPLAN_2020_ALLOCATION",
    "KAPLAN_2020_BATCH",
    "KAPLAN_2020_COMPUTE",
    "KAPLAN_2020_COMPUTE_NAIVE",
    "KAPLAN_2020_DATA",
    "KAPLAN_2020_FRONTIER",
    "KAPLAN_2020_SIZE",
    "KAPLAN_2020_STEPS",
    "CriticalBatch",
    "KaplanAllocation",
    "KaplanFrontier",
    "KaplanLaw",
    "StepsLaw",
]


def _same_fit(first: PowerLaw, second: PowerLaw, names: tuple[str, str], remedy: str) -> None:
    """Refuse terms whose constants were not estimated together."""
    for name, term in zip(names, (first, second), strict=True):
        if not isinstance(term, PowerLaw):
            raise TypeError(f"{name} must be a PowerLaw, got {type(term).__name__}")
        if isinstance(term.constant, Expr) or term.constant != 0:
            raise ValueError(f"{name} has a constant of {term.constant}: the terms of Kaplan's laws have none")
    if first.fit != second.fit:
        raise ValueError(
            f"the {names[0]} term comes from the fit {first.fit or 'without a name'!r} (exponent {first.exponent:g}) and the "
            f"{names[1]} term from {second.fit or 'one without a name'!r} (exponent {second.exponent:g}). Constants of a "
            f"joint law trade off against each other, so they must come from one fit; {remedy}"
        )


@dataclass(frozen=True)
class KaplanLaw:
    """L(N, D) = ((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D, Eq 1.5 of Kaplan et al. (2020).

    The early-stopped loss of a model of ``N`` non-embedding parameters on a data set of ``D`` tokens. ``size`` holds N_c and
    alpha_N, ``data`` D_c and alpha_D; as either resource grows without end, the law becomes the other term alone.
    Raises ValueError where the two terms come from different fits, since their constants do not mix.

    >>> KaplanLaw(KAPLAN_2020_SIZE, KAPLAN_2020_DATA)
    Traceback (most recent call last):
        ...
    ValueError: the size term comes from the fit 'L(N) alone' (exponent 0.076) and the data term from 'L(D) alone' (exponent \
0.095). Constants of a joint law trade off against each other, so they must come from one fit; for published constants \
take KAPLAN_2020, whose four were fitted together (Table 2)
    """

    size: PowerLaw
    data: PowerLaw
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "loss": ("N", "D"),
        "overfitting": ("N", "D"),
        "tokens_for_loss": ("N", "loss"),
        "compute_for_loss": ("loss",),
    }

    def __post_init__(self) -> None:
        remedy = "for published constants take KAPLAN_2020, whose four were fitted together (Table 2)"
        _same_fit(self.size, self.data, ("size", "data"), remedy)

    @property
    def N_c(self) -> Any:
        """Scale of size, non-embedding parameters."""
        return self.size.scale

    @property
    def D_c(self) -> Any:
        """Scale of data, tokens."""
        return self.data.scale

    @property
    def alpha_N(self) -> Any:
        """Exponent of size."""
        return self.size.exponent

    @property
    def alpha_D(self) -> Any:
        """Exponent of data."""
        return self.data.exponent

    @property
    def data_exponent(self) -> Any:
        """alpha_N / alpha_D: data must grow as this power of N for overfitting to stay as it is (0.74 in Eq 4.4)."""
        return self.alpha_N / self.alpha_D

    def _size_term(self, N: Any) -> Any:
        return (self.N_c / N) ** self.data_exponent

    def loss(self, N: Any, D: Any) -> Any:
        """Loss in nats per token for ``N`` non-embedding parameters and a data set of ``D`` tokens.

        Floats, arrays that broadcast together, or tracers. TypeError or ValueError names the argument that is not real,
        positive and finite. Warns outside 768 to 1.5e9 parameters and 2.2e7 to 2.3e10 tokens.
        """
        N, D = positive("N", N), positive("D", D)
        same_shape(N=N, D=D)
        warn_outside(self, N=N, D=D)
        return (self._size_term(N) + self.D_c / D) ** self.alpha_D

    def overfitting(self, N: Any, D: Any) -> Any:
        """How far the loss lies above that of endless data, relative to it: L(N, D) / L(N, infinity) - 1 (Eq 4.3)."""
        N, D = positive("N", N), positive("D", D)
        same_shape(N=N, D=D)
        warn_outside(self, N=N, D=D)
        return (1.0 + self.D_c / D / self._size_term(N)) ** self.alpha_D - 1.0

    def tokens_to_avoid_overfitting(self, N: Any, tolerance: Any = 0.02) -> Any:
        """Tokens that keep :meth:`overfitting` at ``tolerance`` for ``N`` parameters.

        With the spread between seeds, 0.02, this is the rule D >= 5e3 N**0.74 (Eq 4.4; the constants give 5.5e3).

        >>> round(KAPLAN_2020.tokens_to_avoid_overfitting(1e8) / 1e9, 1)
        4.4
        """
        N, tolerance = positive("N", N), positive("tolerance", tolerance)
        same_shape(N=N, tolerance=tolerance)
        D = self.D_c / (self._size_term(N) * ((1.0 + tolerance) ** (1.0 / self.alpha_D) - 1.0))
        warn_outside(self, N=N, D=D)
        return D

    def tokens_for_loss(self, N: Any, loss: Any) -> Any:
        """Tokens of data with which ``N`` parameters reach ``loss``: the law solved for D.

        Raises ValueError where ``loss`` is not above (N_c / N)**alpha_N, which that size does not go below.
        """
        N = positive("N", N)
        if not isinstance(loss, Expr) and not isinstance(N, Expr):
            loss = positive("loss", loss, "nats/token")
            same_shape(N=N, loss=loss)
            floor = self._size_term(N) ** self.alpha_D
            if np.any(loss <= floor):
                raise ValueError(
                    f"loss = {float(np.min(loss)):g} nats/token is not above the {float(np.max(floor)):g} that this size leaves "
                    "with endless text: make the model larger"
                )
        D = self.D_c / (loss ** (1.0 / self.alpha_D) - self._size_term(N))
        warn_outside(self, N=N, D=D)
        return D

    def optimal(self, C: Any) -> Allocation:
        """The N and D of least :meth:`loss` with C = 6 N D, in closed form. Not the paper's recommendation.

        D of this law is a data set, read until the loss stops falling; taken as tokens read once, it asks for N as
        C**0.58. What Kaplan et al. recommend, N as C**0.73, is :data:`KAPLAN_2020_ALLOCATION`.
        At the optimum (alpha_N / alpha_D) (N_c / N)**(alpha_N / alpha_D) = D_c / D.
        """
        from ..optimum import Allocation

        C = positive("C", C)
        budget = C / FLOP_PER_PARAMETER_TOKEN  # = N D
        power = self.data_exponent
        N = (power * self.N_c**power * budget / self.D_c) ** (1.0 / (1.0 + power))
        D = budget / N
        warn_outside(self, N=N, D=D)
        return Allocation(N, D, (self._size_term(N) + self.D_c / D) ** self.alpha_D, C)

    def compute_for_loss(self, loss: Any) -> Any:
        """Least C = 6 N D in FLOP at which :meth:`optimal` reaches ``loss``; positive losses only, there is no floor."""
        loss = positive("loss", loss, "nats/token")
        power = self.data_exponent
        size_term = loss ** (1.0 / self.alpha_D) / (1.0 + power)
        N, D = self.N_c * size_term ** (-1.0 / power), self.D_c / (power * size_term)
        warn_outside(self, N=N, D=D)
        return FLOP_PER_PARAMETER_TOKEN * N * D


@dataclass(frozen=True)
class StepsLaw:
    """L(N, S_min) = (N_c / N)**alpha_N + (S_c / S_min)**alpha_S, Eq 1.6 of Kaplan et al. (2020): a learning curve.

    ``S_min`` is the number of steps at a batch far above the critical one (:meth:`CriticalBatch.least_steps`), on data that
    is never repeated. Raises ValueError where the two terms come from different fits.
    """

    size: PowerLaw
    steps: PowerLaw
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "(N_c / N)**alpha_N + (S_c / S_min)**alpha_S"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"loss": ("N", "S_min")}

    def __post_init__(self) -> None:
        remedy = "for published constants take KAPLAN_2020_STEPS, whose four were fitted together (Table 3)"
        _same_fit(self.size, self.steps, ("size", "steps"), remedy)

    def loss(self, N: Any, S_min: Any) -> Any:
        """Loss in nats per token after ``S_min`` steps of a model of ``N`` non-embedding parameters.

        Floats, arrays that broadcast together, or tracers; TypeError or ValueError for what is not positive and finite.

        >>> round(KAPLAN_2020_STEPS.loss(1e9, 1e5), 3)
        2.401
        """
        N, S_min = positive("N", N), positive("S_min", S_min, "steps")
        same_shape(N=N, S_min=S_min)
        warn_outside(self, N=N)
        return self.size.loss(N) + self.steps.loss(S_min)


@dataclass(frozen=True)
class CriticalBatch:
    """B_crit(L) = B_star / L**(1 / alpha_B) in tokens, Eq 1.4 of Kaplan et al. (2020), and what it means for a run.

    Below it a larger batch saves steps at little extra compute, above it the extra compute buys little.
    ``B_star`` in tokens, at a loss of one nat per token.
    """

    B_star: Any
    alpha_B: Any
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "B_star / L**(1 / alpha_B)"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "tokens": ("loss",),
        "least_steps": ("S", "B", "loss"),
        "least_compute": ("C", "B", "loss"),
    }

    def __post_init__(self) -> None:
        check_constants(self, "B_star", "alpha_B")

    def tokens(self, loss: Any) -> Any:
        """The critical batch in tokens, for a run that is to reach ``loss`` nats per token.

        >>> round(KAPLAN_2020_BATCH.tokens(2.5) / 1e6, 2)
        2.67
        """
        return self.B_star / positive("loss", loss, "nats/token") ** (1.0 / self.alpha_B)

    def least_steps(self, S: Any, B: Any, loss: Any) -> Any:
        """S_min: steps that would have reached ``loss`` at a batch far above the critical one, where ``S`` steps of ``B``
        tokens did (Eq 5.4). Half of S at the critical batch."""
        S, B = positive("S", S, "steps"), positive("B", B, "tokens")
        return S / (1.0 + self.tokens(loss) / B)

    def least_compute(self, C: Any, B: Any, loss: Any) -> Any:
        """C_min in FLOP: compute that would have reached ``loss`` at a batch far below the critical one, where ``C`` FLOP at a
        batch of ``B`` tokens did (Eq 5.5). Half of C at the critical batch."""
        C, B = positive("C", C), positive("B", B, "tokens")
        return C / (1.0 + B / self.tokens(loss))


@dataclass(frozen=True)
class KaplanAllocation:
    """How Kaplan et al. (2020, Table 6) spend compute: N, batch, steps and tokens as power laws in C_min.

    Each pair is (amount at one PF-day, exponent). All methods take FLOP; :data:`PF_DAY` converts.
    ``frontier`` is L(C_min), the loss that this spending reaches.

    >>> from scaling_helpers.laws import KAPLAN_2020_ALLOCATION
    >>> KAPLAN_2020_ALLOCATION.params  # at one PF-day, and the exponent
    (1300000000.0, 0.73)
    """

    params: tuple[float, float]
    batch: tuple[float, float]
    steps: tuple[float, float]
    tokens: tuple[float, float]
    frontier: PowerLaw
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "N_e (C_min / PF-day)**p_N, and the same for batch, steps and tokens"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "best_params": ("C",),
        "best_batch": ("C",),
        "best_steps": ("C",),
        "best_tokens": ("C",),
    }

    def __post_init__(self) -> None:
        for name in ("params", "batch", "steps", "tokens"):
            pair = getattr(self, name)
            if np.shape(pair) != (2,):
                raise ValueError(f"{name} must be (amount at one PF-day, exponent), got {pair!r}")
            object.__setattr__(self, name, (positive(name, pair[0]), positive(f"exponent of {name}", pair[1])))

    def best_params(self, C: Any) -> Any:
        """Non-embedding parameters for ``C`` FLOP of C_min: 1.3e9 at one PF-day, growing as C**0.73."""
        return _scaled(self.params, C)

    def best_batch(self, C: Any) -> Any:
        """Batch in tokens for ``C`` FLOP of C_min: 2e6 at one PF-day, growing as C**0.24."""
        return _scaled(self.batch, C)

    def best_steps(self, C: Any) -> Any:
        """Steps S_min for ``C`` FLOP of C_min: 5.4e3 at one PF-day, hardly growing, as C**0.03. A lower bound."""
        return _scaled(self.steps, C)

    def best_tokens(self, C: Any) -> Any:
        """Tokens of one epoch for ``C`` FLOP of C_min: 2e10 at one PF-day, growing as C**0.27."""
        return _scaled(self.tokens, C)

    def optimal(self, C: Any) -> Allocation:
        """Kaplan's model for ``C`` FLOP actually spent, at the critical batch, where C_min = C / 2.

        N follows from C_min, D = C / (6 N), and the loss is L(C_min). The half is our reading; it gives the 4.68 billion
        parameters that Hoffmann et al. (App D.4) quote for 1e21 FLOP, and C_min = C would give 7.8 billion.
        D follows from the budget: D_e C**0.27 of Table 6 says the same to within the table's digits.
        """
        from ..optimum import Allocation

        C = positive("C", C)
        least = C / 2.0
        N = self.best_params(least)
        D = C / (FLOP_PER_PARAMETER_TOKEN * N)
        warn_outside(self, N=N, D=D)
        return Allocation(N, D, self.frontier.loss(least), C)


def _scaled(pair: tuple[float, float], C: Any) -> Any:
    amount, exponent = pair
    return amount * (positive("C", C) / PF_DAY) ** exponent


@dataclass(frozen=True)
class KaplanFrontier:
    """The compute-efficient frontier that follows from L(N, S_min) and B_crit(L) (Kaplan et al. 2020, App B).

    Substituting S_min = C_min / (6 N B_crit(L)) and minimising over N gives power laws in C_min. They differ from the
    measured ones of :class:`KaplanAllocation`: exponents 0.052 and 0.68 where 0.050 and 0.73 were measured.
    """

    curve: StepsLaw
    batch: CriticalBatch
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "(C_c / C_min)**alpha_C with alpha_C = 1 / (1/alpha_S + 1/alpha_B + 1/alpha_N)"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"loss": ("C",), "best_params": ("C",), "best_steps": ("C",)}

    @property
    def excess(self) -> Any:
        """alpha_N / alpha_S: how far above its converged loss an efficient run stops, relative to it (10%)."""
        return self.curve.size.exponent / self.curve.steps.exponent

    @property
    def alpha_C(self) -> Any:
        """Exponent of L(C_min): 0.052. (Eq 6.4 prints 0.054 for the same expression.)"""
        return 1.0 / (1.0 / self.curve.steps.exponent + 1.0 / self.batch.alpha_B + 1.0 / self.curve.size.exponent)

    @property
    def C_c(self) -> Any:
        """Scale of compute in FLOP."""
        size, steps = self.curve.size, self.curve.steps
        once = FLOP_PER_PARAMETER_TOKEN * size.scale * self.batch.B_star * steps.scale
        return once * (1.0 + self.excess) ** (1.0 / steps.exponent + 1.0 / size.exponent) * self.excess ** (-1.0 / steps.exponent)

    def loss(self, C: Any) -> Any:
        """Least loss in nats per token for ``C`` FLOP of C_min."""
        return (self.C_c / positive("C", C)) ** self.alpha_C

    def best_params(self, C: Any) -> Any:
        """Efficient non-embedding size for ``C`` FLOP of C_min: the loss of training without end is L / (1 + excess)."""
        N = self.curve.size.scale * (self.loss(C) / (1.0 + self.excess)) ** (-1.0 / self.curve.size.exponent)
        warn_outside(self, N=N)
        return N

    def best_steps(self, C: Any) -> Any:
        """Efficient number of steps S_min for ``C`` FLOP of C_min."""
        C = positive("C", C)
        return C / (FLOP_PER_PARAMETER_TOKEN * self.best_params(C) * self.batch.tokens(self.loss(C)))

    def steps_of_size(self, times: Any) -> Any:
        """Steps, relative to the efficient run of equal loss, of a model ``times`` the efficient size (App B.4).

        >>> round(KAPLAN_2020_FRONTIER.steps_of_size(2.2), 2)  # 45% fewer
        0.55

        Raises ValueError for a model so small that it never reaches that loss.
        """
        times = positive("times", times)
        left = 1.0 + (1.0 - times ** (-self.curve.size.exponent)) / self.excess
        if not isinstance(left, Expr) and np.any(np.asarray(left) <= 0):
            raise ValueError(
                f"times = {float(np.min(times)):g}: a model so much smaller never reaches the loss of the efficient one"
            )
        return left ** (-1.0 / self.curve.steps.exponent)

    def compute_of_size(self, times: Any) -> Any:
        """Compute, relative to the efficient run of equal loss, of a model ``times`` the efficient size (App B.4).

        >>> round(KAPLAN_2020_FRONTIER.compute_of_size(0.6), 2), round(KAPLAN_2020_FRONTIER.compute_of_size(2.2), 2)
        (1.16, 1.2)
        """
        return positive("times", times) * self.steps_of_size(times)

    def against_convergence(self, excess: Any) -> tuple[Any, Any, Any]:
        """Size, steps and compute of the efficient run over those of one that stops ``excess`` above convergence (App B.3).

        All three reach the same loss. For 0.02 the paper prints 2.7, 1 / 7.7 and 0.35.

        >>> [round(ratio, 2) for ratio in KAPLAN_2020_FRONTIER.against_convergence(0.02)]
        [2.71, 0.13, 0.35]
        """
        excess = positive("excess", excess)
        size = ((1.0 + self.excess) / (1.0 + excess)) ** (1.0 / self.curve.size.exponent)
        steps = ((1.0 + 1.0 / self.excess) / (1.0 + 1.0 / excess)) ** (1.0 / self.curve.steps.exponent)
        return size, steps, size * steps


def _fact(name: str) -> float:
    return facts.get(f"kaplan/{name}").value


def _origin(name: str, title: str, where: str, estimator: str, *, data: bool = True, notes: str = "") -> Origin:
    return Origin(
        id=f"kaplan-2020{name}",
        title=title,
        citation=f"Kaplan et al. 2020, arXiv:2001.08361, {where}",
        estimator=estimator,
        digits="two",
        params_range=(_fact("range/size-low"), _fact("range/size-high")),
        tokens_range=(_fact("range/tokens-low"), _fact("range/tokens-high")) if data else None,
        conventions="N without embeddings; C in FLOP without embeddings and output layer (printed in PF-days of 8.64e19 FLOP); "
        "loss in nats per token of WebText2",
        notes=notes,
    )


_BY_HAND = "a straight line on log axes; the paper gives no objective"
_TOGETHER = "all constants fitted together; the paper gives no objective"

#: L(N): loss against non-embedding size alone, trained to near convergence on data enough (Eq 1.1).
KAPLAN_2020_SIZE = PowerLaw(
    _fact("single/N_c"),
    _fact("single/alpha_N"),
    variable="N",
    fit="L(N) alone",
    origin=_origin("/size", "Kaplan 2020, L(N)", "Eq 1.1", _BY_HAND),
)

#: L(D): loss of a large model against the size of its data set alone, with early stopping (Eq 1.2).
KAPLAN_2020_DATA = PowerLaw(
    _fact("single/D_c"),
    _fact("single/alpha_D"),
    variable="D",
    fit="L(D) alone",
    origin=_origin("/data", "Kaplan 2020, L(D)", "Eq 1.2", _BY_HAND),
)

#: L(C_min): loss against compute spent in the best way, at a batch far below the critical one (Eq 1.3). Takes FLOP.
KAPLAN_2020_COMPUTE = PowerLaw(
    _fact("single/C_c") * PF_DAY,
    _fact("single/alpha_C"),
    variable="C",
    fit="L(C_min) alone",
    origin=_origin("/compute", "Kaplan 2020, L(C_min)", "Eq 1.3", _BY_HAND, notes="C is C_min: about half of what is spent"),
)

#: The naive L(C): compute as spent at a fixed batch of 2^19 tokens (Table 5). Takes FLOP.
KAPLAN_2020_COMPUTE_NAIVE = PowerLaw(
    _fact("naive/C_c") * PF_DAY,
    _fact("naive/alpha_C"),
    variable="C",
    fit="naive L(C) alone",
    origin=_origin(
        "/compute-naive",
        "Kaplan 2020, naive L(C)",
        "Table 5",
        _BY_HAND,
        notes="the paper predicts with L(C_min) and not with this",
    ),
)

#: L(N, D), the joint law with the constants of Table 2: what stands beside the laws of other papers. See the module's docstring.
KAPLAN_2020 = KaplanLaw(
    size=PowerLaw(_fact("joint/N_c"), _fact("joint/alpha_N"), variable="N", fit="joint L(N, D)"),
    data=PowerLaw(_fact("joint/D_c"), _fact("joint/alpha_D"), variable="D", fit="joint L(N, D)"),
    origin=_origin(
        "",
        "Kaplan 2020, L(N, D)",
        "Eq 1.5, Table 2",
        _TOGETHER,
        notes="D is a data set, read until the loss on held-out text stops falling; the allocation that the paper recommends is "
        "KAPLAN_2020_ALLOCATION, not the optimum of this law under C = 6 N D",
    ),
)

#: L(N, S_min): the learning curve, with the constants of Table 3.
KAPLAN_2020_STEPS = StepsLaw(
    size=PowerLaw(_fact("steps/N_c"), _fact("steps/alpha_N"), variable="N", fit="joint L(N, S)"),
    steps=PowerLaw(_fact("steps/S_c"), _fact("steps/alpha_S"), variable="S_min", fit="joint L(N, S)"),
    origin=_origin("/steps", "Kaplan 2020, L(N, S)", "Eq 1.6, Table 3", _TOGETHER, data=False),
)

#: B_crit(L), the critical batch size in tokens.
KAPLAN_2020_BATCH = CriticalBatch(
    _fact("batch/B_star"),
    _fact("batch/alpha_B"),
    origin=_origin("/batch", "Kaplan 2020, B_crit(L)", "Eq 5.3, Table 5", _BY_HAND, data=False),
)

#: What Kaplan et al. recommend for a budget, as measured (Table 6).
KAPLAN_2020_ALLOCATION = KaplanAllocation(
    **{
        name: (_fact(f"allocation/{symbol}_e"), _fact(f"allocation/p_{symbol}"))
        for name, symbol in {"params": "N", "batch": "B", "steps": "S", "tokens": "D"}.items()
    },
    frontier=KAPLAN_2020_COMPUTE,
    origin=_origin("/allocation", "Kaplan 2020, allocation", "Table 6", _BY_HAND),
)

#: The same frontier as it follows from L(N, S_min) and B_crit(L) (App B).
KAPLAN_2020_FRONTIER = KaplanFrontier(
    KAPLAN_2020_STEPS,
    KAPLAN_2020_BATCH,
    origin=_origin("/frontier", "Kaplan 2020, derived frontier", "App B", "derived, not fitted", data=False),
)
