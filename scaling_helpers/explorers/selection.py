"""Many answers lie on the table: what is handed in if one votes, or if a verifier that errs must pick?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..inference import BetaCoverage, acceptance, beta_like, contested_vote, difficulty_grid, rate_interval
from ..palette import color
from ..trace import Expr, choose, variable, variables, when
from .controls import Choice, Linear, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .pass_at_k import START, overlays
from .widget import Explorer, widget_class

SAMPLES = (1.0, 1e4)
#: Which share of the wrong answers names the same one.
AGREE: Mapping[str, float] = {"all": 1.0, "quarter": 0.25, "tenth": 0.1}
#: Numbers of votes at which the vote is counted out; between them straight lines in log n. Odd, since an even one adds nothing.
VOTES = (1, 3, 5, 9, 17, 33, 129, 1025, 10_000)
#: The spreads on offer: those that a Beta mixture describes to within two points or so.
ROWS = (
    "llama-3-8b-instruct/math",
    "llama-3-70b-instruct/math",
    "gemma-2b/math",
    "llama-3-8b-instruct/codecontests",
    "llama-3-70b-instruct/codecontests",
)
#: Between kinds of problem, in log odds.
_STEP = 1.0
#: Halvings of the range of log n within which the best number of samples lies: to half a percent.
_HALVINGS = 10


def selection(**values: Any) -> Explorer:
    """Coverage, vote and verifier: traits ``problems`` (whose spread of difficulty), ``samples`` (n), ``agree`` (how many wrong
    answers agree), ``miss`` (right answers refused), ``false_positive`` (wrong ones accepted) and ``cost`` (of a wrong answer).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = selection().readouts(samples=100, cost=1.0)
    >>> [round(read[name], 2) for name in ("coverage", "vote", "verified", "score")]
    [0.83, 0.43, 0.61, 0.23]
    """
    return widget_class(declaration())(**values)


@dataclass(frozen=True)
class Problems:
    """One spread of difficulty, worked out: its ``law``, the ``shares`` of the kinds of :func:`kinds`, and ``votes``.

    ``votes`` holds, by agreement, the accuracy of each number of votes in :data:`VOTES` and, last, of endless ones.
    """

    law: BetaCoverage
    shares: tuple[float, ...]
    votes: Mapping[str, tuple[float, ...]]


@cache
def kinds() -> tuple[float, ...]:
    """The chances of success p of the kinds of problem that the verifier is worked out for, the same for every spread."""
    return tuple(_short(p) for p in difficulty_grid(BetaCoverage(1.0, 1.0), _STEP)[0])


@cache
def spreads() -> Mapping[str, Problems]:
    """Published curves as spreads of difficulty, worked out to a hundredth of a point."""
    from scipy.special import betainc, betaln, expit

    # A vote of thousands turns within a few hundredths of log odds: a grid fine enough for that.
    log_odds = np.linspace(-20.0, 16.0, 1201)
    p, q = expit(log_odds), expit(-log_odds)
    fine = {name: np.array([contested_vote(p, n, share) for n in VOTES]) for name, share in AGREE.items()}
    found = {}
    for row in ROWS:
        law = beta_like(overlays()[row].law)
        weight = np.exp(law.a * np.log(p) + law.b * np.log(q) - betaln(law.a, law.b)) * (log_odds[1] - log_odds[0])
        beyond = betainc(law.b, law.a, q[-1])
        votes = {}
        for name, share in AGREE.items():
            counted = fine[name] @ weight + beyond
            endless = betainc(law.b, law.a, 1.0 / (1.0 + share))  # p above share / (1 + share)
            votes[name] = tuple(round(float(value), 4) for value in [*counted, endless])
        shares = tuple(_short(value) for value in difficulty_grid(law, _STEP)[1])
        found[row] = Problems(BetaCoverage(_short(law.a), _short(law.b)), shares, votes)
    return found


def _short(value: float) -> float:
    """Five significant digits: what the tables keep, in Python as in the browser."""
    return float(f"{value:.5g}")


def looked_up(problems: Any) -> Problems:
    """What is known of the chosen problems; for tracers, as look-ups."""
    table = spreads()
    if not isinstance(problems, Expr):
        return table[problems]
    law = BetaCoverage(*(choose(problems, {row: getattr(one.law, s) for row, one in table.items()}) for s in ("a", "b")))
    shares = tuple(choose(problems, {row: one.shares[i] for row, one in table.items()}) for i in range(len(kinds())))
    return Problems(law, shares, {})


def voted(problems: Any, agree: Any) -> tuple[Any, ...]:
    """Accuracy of each number of votes in :data:`VOTES` and, last, of endless ones; look-ups for tracers."""
    table = spreads()
    if not isinstance(problems, Expr):
        return table[problems].votes[agree]
    keys = {f"{row}/{name}": one.votes[name] for row, one in table.items() for name in AGREE}
    chosen = problems + "/" + agree  # two strings, one key
    return tuple(choose(chosen, {key: values[i] for key, values in keys.items()}) for i in range(len(VOTES) + 1))


def at(samples: Any, counted: tuple[Any, ...]) -> Any:
    """A column of values at :data:`VOTES`, read at ``samples``: straight lines in log n."""
    x = np.log(samples)
    knots = [_short(np.log(n)) for n in VOTES]
    value: Any = counted[0]
    for left, right, low, high in zip(knots, knots[1:], counted, counted[1:], strict=False):
        value = value + (high - low) * np.minimum(np.maximum((x - left) * _short(1.0 / (right - left)), 0.0), 1.0)
    return value


@dataclass(frozen=True)
class Verified:
    """A verifier let loose on every kind of problem.

    ``right`` and ``wrong`` are what it accepts of each kind in the end, as shares of all problems; ``refused`` is the chance
    that it refuses one sample.
    """

    right: tuple[Any, ...]
    wrong: tuple[Any, ...]
    refused: tuple[Any, ...]

    def handed(self, samples: Any, values: tuple[Any, ...]) -> Any:
        """The sum of ``values`` over the kinds, each as far as it is answered within ``samples``."""
        total: Any = 0.0
        for value, refused in zip(values, self.refused, strict=True):
            total = total + value * (1.0 - refused**samples)
        return total

    def rates(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """What :meth:`slope` needs to know of ``values``."""
        return tuple(-value * np.log(refused) for value, refused in zip(values, self.refused, strict=True))

    def slope(self, samples: Any, rates: tuple[Any, ...]) -> Any:
        """The derivative of :meth:`handed` by ``samples``."""
        total: Any = 0.0
        for rate, refused in zip(rates, self.refused, strict=True):
            total = total + rate * refused**samples
        return total

    def scores(self, cost: Any) -> tuple[Any, ...]:
        """Points that each kind brings in the end."""
        return tuple(right - cost * wrong for right, wrong in zip(self.right, self.wrong, strict=True))


def verify(shares: tuple[Any, ...], miss: Any, false_positive: Any) -> Verified:
    """Sampling until a verifier accepts, with these two rates of error, on problems of every kind."""
    made = [acceptance(p, 1.0 - miss, false_positive) for p in kinds()]
    right = tuple(share * good for share, (good, _) in zip(shares, made, strict=True))
    wrong = tuple(share - good for share, good in zip(shares, right, strict=True))
    # A chance of nought has no logarithm; that of a rounding error is as good as nought.
    return Verified(right, wrong, tuple(np.maximum(1.0 - accepted, 1e-16) for _, accepted in made))


def best(verified: Verified, cost: Any) -> tuple[Any, Any]:
    """The number of samples at which the score is highest, and whether it lies below the largest of :data:`SAMPLES`.

    The slope changes its sign once, from gain to loss, since easy problems are answered first: halving finds where.
    """
    rates = verified.rates(verified.scores(cost))
    low, high = (float(np.log(end)) for end in SAMPLES)
    place: Any = 0.5 * (low + high)
    width = 0.25 * (high - low)
    for _ in range(_HALVINGS):
        rising = verified.slope(np.exp(place), rates) > 0.0
        place = place + np.where(rising, width, -width)
        width = width / 2.0
    return np.exp(place), verified.slope(SAMPLES[1], rates) <= 0.0


_ANY, _VERIFIER, _SCORE = "Coverage and vote", "Until a verifier accepts", "The score"
READOUTS = (
    Readout("coverage", "right answer among the samples", "", "percent", _ANY, 1),
    Readout("vote", "right by vote", "", "percent", _ANY, 2),
    Readout("vote_plateau", "by a vote without end", "", "percent", _ANY, 2),
    Readout("verified", "right", "", "percent", _VERIFIER, 4),
    Readout("wrong", "wrong", "", "percent", _VERIFIER, 4),
    Readout("nothing", "nothing accepted", "", "percent", _VERIFIER, 4),
    Readout("verified_plateau", "right, without end", "", "percent", _VERIFIER, 4),
    Readout("gap", "right answers that were there and missed", "", "percent", _VERIFIER, 4),
    Readout("score", "right less cost of wrong", "per 100 problems", "percent", _SCORE, 3),
    Readout("best_samples", "highest at", "samples", "count", _SCORE, 3),
    Readout("best_score", "there", "per 100 problems", "percent", _SCORE, 3),
    Readout("turning_p", "a problem loses by being answered below a chance of", "", "percent", _SCORE, 3),
)


def formulas(problems: Any, samples: Any, agree: Any, miss: Any, false_positive: Any, cost: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    known = looked_up(problems)
    counted = voted(problems, agree)
    verified = verify(known.shares, miss, false_positive)
    right, wrong = (verified.handed(samples, values) for values in (verified.right, verified.wrong))
    coverage = known.law.coverage(samples)
    best_samples, turns = best(verified, cost)
    return {
        "coverage": coverage,
        "vote": at(samples, counted),
        "vote_plateau": counted[-1],
        "verified": right,
        "wrong": wrong,
        "nothing": 1.0 - right - wrong,
        "verified_plateau": sum(verified.right[1:], verified.right[0]),
        "gap": coverage - right,
        "score": right - cost * wrong,
        "best_samples": when(turns, best_samples),
        "best_score": when(turns, verified.handed(best_samples, verified.scores(cost))),
        "turning_p": cost * false_positive / (1.0 - miss + cost * false_positive),
    }


def controls() -> tuple[Any, ...]:
    """The controls."""
    shares = {"all": "all", "quarter": "a quarter", "tenth": "a tenth"}
    return (
        Choice("problems", "Model and problems", {row: overlays()[row].label for row in ROWS}, START, color=1,
               help="Whose spread of difficulty."),
        Log("samples", "Samples n", "", "count", *SAMPLES, value=100.0, color=3, help="Or drag in the chart."),
        Choice("agree", "Wrong answers that agree", shares, "quarter", color=2, help="The others all differ."),
        Linear("miss", "Right ones refused", "", "percent", 0.0, 0.9, value=0.1, color=4, help="False negatives."),
        Log("false_positive", "Wrong ones accepted", "", "percent", 1e-4, 0.5, value=0.05, color=4, help="False positives."),
        Linear("cost", "A wrong answer costs", "right ones", "plain", 0.0, 4.0, value=1.0, color=3, help="No answer: nought."),
    )  # fmt: skip


def chart() -> dict[str, Any]:
    """What is right by coverage, vote and verifier, and the score, against the number of samples; published points."""
    import altair as alt

    from .charts import STEP, Canvas, shown

    made = controls()
    control = variables(c.name for c in made)
    known = looked_up(control["problems"])
    worked = verify(known.shares, control["miss"], control["false_positive"])
    tables = {
        "right": worked.right,
        "wrong": worked.wrong,
        "refused": worked.refused,
        "voted": voted(control["problems"], control["agree"]),
    }
    canvas = Canvas({c.name: c.value for c in made})
    # Each table once, as signals that all curves read.
    canvas.signals({f"{name}_{i}": value for name, table in tables.items() for i, value in enumerate(table)})
    right, wrong, refused, counted = (tuple(variable(f"{name}_{i}") for i in range(len(table))) for name, table in tables.items())
    verified = Verified(right, wrong, refused)
    ends = (verified.handed(n, verified.scores(control["cost"])) for n in SAMPLES)
    canvas.signals({"floor": 1.04 * np.maximum(np.minimum(np.minimum(*ends), 0.0), -1.0)})
    x = alt.X(
        "n:Q",
        scale=alt.Scale(type="log", domain=list(SAMPLES), nice=False),
        axis=alt.Axis(values=[10.0**k for k in range(5)], format=",d", title="Samples n", grid=False),
    )
    y = alt.Y(
        "share:Q",
        scale=alt.Scale(domain=[alt.ExprRef("floor"), 1.22], nice=False, zero=False),
        axis=alt.Axis(values=[-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1], format="%", title="Of all problems", minExtent=46),
    )

    def line(chart: alt.Chart, meaning: str, **style: Any) -> alt.Chart:
        style = {"strokeWidth": 3, **style}
        return chart.mark_line(clip=True, stroke=color(meaning), **style).encode(x=x, y=y, opacity=shown())

    def name(text: str, meaning: str, column: int, row: int) -> alt.Chart:
        place = alt.Chart(alt.Data(values=[{}]))
        mark = place.mark_text(text=text, align="left", baseline="top", color=color(meaning), fontSize=13, fontWeight=600)
        return mark.encode(x=alt.value(alt.ExprRef(f"6 + {column} * width / 2")), y=alt.value(2 + 17 * row))

    n = SAMPLES[0] * (SAMPLES[1] / SAMPLES[0]) ** STEP
    covered = canvas.curve(60, {"n": n, "share": known.law.coverage(n)})
    by_vote = canvas.curve(60, {"n": n, "share": at(n, counted)})
    accepted = verified.handed(n, right)
    by_verifier = canvas.curve(60, {"n": n, "share": accepted})
    score = canvas.curve(60, {"n": n, "share": accepted - control["cost"] * verified.handed(n, wrong)})
    here = canvas.point({"n": "samples", "share": "max(readout_score, -1)"})
    peak = canvas.point(
        {"n": "readout_best_samples", "share": "readout_best_score"},
        where="readout_best_samples !== null && readout_best_score >= -1",
    )
    measured = _published()
    real = alt.Chart(alt.Data(values=measured)).transform_filter("datum.problems == problems")
    intervals = [{**one, "share": one["low"], "to": one["high"]} for one in measured]
    bars = alt.Chart(alt.Data(values=intervals)).transform_filter("datum.problems == problems")
    return canvas.compose(
        line(score, "you", strokeDash=[8, 4]),
        line(by_verifier, "fourth", strokeWidth=2.4),
        line(by_vote, "other", strokeWidth=2.4, strokeDash=[2, 2]),
        line(covered, "law"),
        bars.mark_rule(clip=True, strokeWidth=1.5, color=color("muted")).encode(x=x, y=y, y2="to:Q", opacity=shown()),
        real.mark_point(shape="square", size=46, filled=True, color=color("muted")).encode(x=x, y=y, opacity=shown()),
        canvas.point({"n": "samples", "share": "1.05", "to": "floor"})
        .mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.6)
        .encode(x=x, y=y, y2="to:Q"),
        here.mark_point(size=120, filled=True, opacity=1, color=color("you"), clip=True).encode(x=x, y=y, opacity=shown()),
        peak.mark_point(size=110, shape="diamond", filled=True, opacity=1, color=color("you"), clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
        name("coverage", "law", 0, 0),
        name("by vote", "other", 0, 1),
        name("by verifier", "fourth", 1, 0),
        name("score", "you", 1, 1),
    )


def _published() -> list[dict[str, Any]]:
    """Measured: coverage, and what the better of vote and reward model brought home, with 95% intervals from the problems."""
    row = "llama-3-8b-instruct/math"
    problems = overlays()[row].problems
    found = []
    for path in ("math-oracle/100", "math-oracle/10000", "math-no-oracle/100", "math-no-oracle/10000"):
        model = "llama-3-8b-instruct" + ("-best-selector" if "no-oracle" in path else "")
        share = facts.get(f"monkeys_coverage/{model}/{path}/coverage").value
        low, high = rate_interval(share, problems)
        found.append({"problems": row, "n": float(path.rpartition("/")[2]), "share": share, "low": low, "high": high})
    return found


def _presets() -> tuple[Preset, ...]:
    """A vote, a perfect verifier, tests that let one wrong answer in twenty pass, and a hard task."""
    source = "spread of difficulty nearest to the fit of Brown et al. 2024, Fig 5; rates of error: an example"
    start = {c.name: c.value for c in controls() if c.name != "samples"}
    hard = "llama-3-8b-instruct/codecontests"
    return (
        Preset("One in twenty passes", start, source),
        Preset("Next to perfect", {**start, "miss": 0.0, "false_positive": 1e-4}, source),
        Preset("Wrong costs nothing", {**start, "cost": 0.0}, source),
        Preset("Hard problems", {**start, "problems": hard}, source),
    )


def _sources() -> tuple[Source, ...]:
    rows = [f"llama-3-8b-instruct/math-oracle/{n}" for n in (100, 10000)]
    rows += [f"llama-3-8b-instruct-best-selector/math-no-oracle/{n}" for n in (100, 10000)]
    found = [facts.get(f"monkeys_coverage/{row}/coverage") for row in rows]
    found += [facts.get(f"monkeys_fits/{row}/{symbol}") for row in overlays() for symbol in ("a", "b")]
    found.append(facts.get("inference_trade/monkeys/problems/math"))
    return tuple(Source(f.label, f"{f.value:g}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`selection` shows, declared once."""
    return Declaration(
        name="selection",
        title="Who picks the answer?",
        question="The right answer is among the samples. How often is it the one that is handed in?",
        observe=(
            "Bring the cost of a wrong answer to nought: the score stops to fall, and yet it stays where it is. Then make the "
            "verifier a hundred times better at refusing wrong answers. What is gained, and up to how many samples?"
        ),
        caption=(
            "Coverage: a right answer is among the n samples. By vote: the most frequent answer. By verifier: sampling goes on "
            "until it accepts. Score: right answers less the cost of wrong ones, no answer counting nought; the diamond is its "
            "highest. Squares: measured coverage of Llama 3 8B on MATH, and the better of vote and reward model, with 95% "
            "intervals from 128 problems. Votes are counted out at nine numbers and joined."
        ),
        alt=(
            "Four curves against the number of samples on a logarithmic axis. Coverage climbs towards one; the vote and the "
            "verifier level off at half of the problems or so; the score climbs, turns at a few samples and falls."
        ),
        alternative=(
            "{problems}. Among {samples:count} samples lies a right answer for {coverage:percent} of the problems. A vote, when "
            "{agree} of the wrong answers agree, is right for {vote:percent}, and without end for {vote_plateau:percent}. A "
            "verifier that refuses {miss:percent} of the right and accepts {false_positive:percent} of the wrong answers hands "
            "in {verified:percent} right and {wrong:percent} wrong; without end {verified_plateau:percent} right. With a cost of "
            "{cost:plain} for a wrong answer the score is {score:percent}.[[best_samples| It is highest, {best_score:percent}, "
            "at {best_samples:count} samples.]]"
        ),
        python=(
            "from scaling_helpers.explorers.selection import formulas\n\n"
            "read = formulas({problems}, {samples}, {agree}, {miss}, {false_positive}, {cost})\n"
            "print(*[value for value in read.values() if value is not None])  # shares of the problems, samples"
        ),
        controls=controls(),
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "samples",
            "best_samples",
            "After how many samples is the score highest? Set their number, then reveal.",
        ),
        drag={"control": "samples", "axis": "x"},
    )
