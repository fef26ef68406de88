"""What does ten times the compute buy, and what does a constant do to a straight line?"""

from __future__ import annotations

from functools import cache
from typing import Any

from .. import facts
from ..laws import BESIROGLU_2024, HENIGHAN_2020, KAPLAN_2020_COMPUTE, PF_DAY, PowerLaw
from ..palette import color
from ..trace import variables, when
from .controls import Linear, Log
from .declaration import Declaration, Preset, Readout, Source
from .widget import Explorer, widget_class

BUDGETS = (1e15, 1e27)
#: How far ahead the straight line is asked for a forecast.
AHEAD = 1e3

CONTROLS = (
    Log("compute", "Compute now C", "FLOP", "flop", *BUDGETS, value=1e21, color=3, help="Where you stand."),
    Linear("exponent", "Exponent α", "", "ratio", 0.03, 0.3, value=0.05, color=1, help="How steep the law is."),
    Linear("constant", "Constant E", "nats per token", "loss", 0.0, 4.0, value=0.0, color=1, help="What no compute removes."),
    Log(
        "reducible", "Loss above E at one PF-day", "nats per token", "loss", 0.02, 5.0, value=2.6580, color=1,
        help="Sets the level: one PF-day is 8.64 × 10¹⁹ FLOP.",
    ),
)  # fmt: skip
_NOW, _TEN, _FAR = "At this compute", "Ten times the compute", "The straight line drawn on from here"
READOUTS = (
    Readout("loss", "loss", "nats per token", "loss", _NOW, 1),
    Readout("above", "of it above the constant", "", "percent", _NOW, 1),
    Readout("slope", "local exponent", "", "ratio", _NOW, 3),
    Readout("ten_loss", "loss", "nats per token", "loss", _TEN, 1),
    Readout("ten_share", "of the loss removed", "", "percent", _TEN, 1),
    Readout("ten_reducible", "of the loss above the constant removed", "", "percent", _TEN, 1),
    Readout("halve_above", "as much compute halves the loss above the constant", "", "times", _TEN, 1),
    Readout("halve", "as much compute halves the whole loss", "", "times", _TEN, 1),
    Readout("straight", "its forecast for 1,000 times the compute", "nats per token", "loss", _FAR, 3),
    Readout("there", "what the law has there", "nats per token", "loss", _FAR, 1),
    Readout("error", "forecast too low by", "nats per token", "loss", _FAR, 3),
)


def power_law(**values: Any) -> Explorer:
    """A power law with a constant: traits ``compute`` (FLOP), ``exponent``, ``constant`` and ``reducible`` (nats per token).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> round(power_law().readouts(exponent=0.05)["ten_share"], 3)  # 1 - 10**-0.05
    0.109
    """
    return widget_class(declaration())(**values)


def chosen(exponent: Any, constant: Any, reducible: Any) -> PowerLaw:
    """The law that lies ``reducible`` above its ``constant`` at one PF-day."""
    return PowerLaw(PF_DAY * reducible ** (1.0 / exponent), exponent, constant, variable="C")


def formulas(compute: Any, exponent: Any, constant: Any, reducible: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    law = chosen(exponent, constant, reducible)
    loss, ten, there = (law.loss(compute * times) for times in (1.0, 10.0, AHEAD))
    above = (loss - constant) / loss
    slope = exponent * above
    left = loss / 2.0 - constant
    reachable = left > 1e-3
    # A stand-in where half of the loss is out of reach; `when` hides what comes of it.
    straight = loss * AHEAD**-slope
    return {
        "loss": loss,
        "above": above,
        "slope": slope,
        "ten_loss": ten,
        "ten_share": 1.0 - ten / loss,
        "ten_reducible": 1.0 - 10.0**-exponent,
        "halve_above": 2.0 ** (1.0 / exponent),
        "halve": when(reachable, ((loss - constant) / (left * reachable + (1.0 - reachable))) ** (1.0 / exponent)),
        "straight": straight,
        "there": there,
        "error": there - straight,
    }


def chart() -> dict[str, Any]:
    """The law on logarithmic axes, with the straight line that touches it here, and the same law on plain axes."""
    import altair as alt

    from .charts import STEP, Canvas, panel, ten_to

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    law = chosen(control["exponent"], control["constant"], control["reducible"])
    constant, compute = control["constant"], control["compute"]
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    low, high = law.loss(BUDGETS[0]), law.loss(BUDGETS[1])
    bottom = high - constant
    canvas.signals(
        {
            "now_loss": read["loss"],
            "ten_loss": read["ten_loss"],
            "y_top": 1.3 * low,
            "y_bottom": 0.8 * (bottom + high / 8.0),
            "plain_top": 1.5 * read["loss"],
            "bends": constant > 0.01,
        }
    )
    log_x, log_y, log_below, log_beside = panel(second=False)
    plain_x, plain_y, plain_below, plain_beside = panel(second=True)
    x = alt.X(
        "compute:Q",
        scale=alt.Scale(type="log", domain=list(BUDGETS), nice=False, range=log_x),
        axis=alt.Axis(values=[10.0**k for k in range(15, 28, 3)], labelExpr=ten_to("datum.value"), title="Compute C (FLOP)",
                      grid=False, **log_below),
    )  # fmt: skip
    y = alt.Y(
        "loss:Q",
        scale=alt.Scale(type="log", domain=[alt.ExprRef("y_bottom"), alt.ExprRef("y_top")], nice=False, range=log_y),
        axis=alt.Axis(
            values=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 7, 10, 20, 50, 100],
            labelExpr="format(datum.value, '~g')", title="Loss (nats)", labelOverlap="greedy", grid=False, **log_beside,
        ),
    )  # fmt: skip
    times_x = alt.X(
        "times:Q",
        scale=alt.Scale(domain=[0, 12], nice=False, range=plain_x),
        axis=alt.Axis(values=[1, 5, 10], labelExpr="datum.value + '×'", title="Compute, as a multiple of now",
                      grid=False, orient="bottom", **plain_below),
    )  # fmt: skip
    plain = alt.Y(
        "loss:Q",
        scale=alt.Scale(domain=[0, alt.ExprRef("plain_top")], zero=True, nice=False, range=plain_y),
        axis=alt.Axis(tickCount=5, format="~g", title=None, grid=False, orient="left", **plain_beside),
    )
    words_style: dict[str, Any] = {"fontSize": 13, "fontWeight": 600}

    span = BUDGETS[0] * (BUDGETS[1] / BUDGETS[0]) ** STEP
    curve = canvas.curve(80, {"compute": span, "loss": law.loss(span)})
    # Clipping goes by the whole chart; what leaves its panel is dropped.
    inside = "datum.loss >= y_bottom"
    ruler = read["loss"] * (compute / span) ** read["slope"]
    taken_off = canvas.curve(60, {"compute": span, "loss": law.loss(span) - constant}, where="bends").transform_filter(inside)
    touching = canvas.curve(60, {"compute": span, "loss": ruler}, where="bends").transform_filter(inside)
    now = canvas.point({"compute": "compute", "loss": "now_loss"})
    ten = canvas.point({"compute": "compute * 10", "loss": "ten_loss"}, where=f"compute <= {BUDGETS[1] / 10:g}")
    times = 0.02 + 11.98 * STEP**3  # close together where the curve bends
    plain_curve = canvas.curve(160, {"times": times, "loss": law.loss(times * compute)})
    plain_floor = canvas.curve(1, {"times": 12.0 * STEP, "loss": constant + 0.0 * STEP}, where="bends")
    plain_now = canvas.point({"times": "1", "loss": "now_loss", "below": "0"})
    plain_ten = canvas.point({"times": "10", "loss": "ten_loss", "below": "0"})
    floor_name = canvas.point({"times": "5.5", "loss": "constant"}, where="constant > 0.12 * plain_top")
    logs = alt.layer(
        taken_off.mark_line(clip=True, stroke=color("other"), strokeWidth=2, strokeDash=[8, 4]).encode(x=x, y=y),
        touching.mark_line(clip=True, stroke=color("you"), strokeWidth=1.6, strokeDash=[3, 3]).encode(x=x, y=y),
        curve.mark_line(clip=True, stroke=color("law"), strokeWidth=3).encode(x=x, y=y),
        now.mark_point(size=120, filled=True, opacity=1, color=color("you")).encode(x=x, y=y),
        now.transform_calculate(words="format(now_loss, '.2f')")
        .mark_text(color=color("you"), align="left", dx=6, dy=-10, **words_style)
        .encode(x=x, y=y, text="words:N"),
        ten.mark_point(size=120, filled=False, strokeWidth=2.5, opacity=1, color=color("you")).encode(x=x, y=y),
    )
    plains = alt.layer(
        plain_floor.mark_line(clip=True, stroke=color("axis"), strokeWidth=1.5, strokeDash=[3, 3]).encode(x=times_x, y=plain),
        floor_name.transform_calculate(words="'E = ' + format(constant, '.2f')")
        .mark_text(color=color("muted"), baseline="top", dy=4, fontSize=12)
        .encode(x=times_x, y=plain, text="words:N"),
        plain_now.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.6).encode(x=times_x, y=plain, y2="below:Q"),
        plain_ten.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.6).encode(x=times_x, y=plain, y2="below:Q"),
        plain_curve.mark_line(clip=True, stroke=color("law"), strokeWidth=3).encode(x=times_x, y=plain),
        plain_now.mark_point(size=120, filled=True, opacity=1, color=color("you")).encode(x=times_x, y=plain),
        plain_ten.mark_point(size=120, filled=False, strokeWidth=2.5, opacity=1, color=color("you")).encode(x=times_x, y=plain),
        plain_ten.transform_calculate(words="format(ten_loss, '.2f') + ' (−' + format(1 - ten_loss / now_loss, '.0%') + ')'")
        .mark_text(color=color("you"), align="right", dx=16, dy=-14, **words_style)
        .encode(x=times_x, y=plain, text="words:N"),
    )
    return canvas.compose(logs, plains, panels=True)


def _presets() -> tuple[Preset, ...]:
    """Published laws in compute, each at the same place."""
    presets = [
        Preset(
            "Kaplan, text",
            _like(KAPLAN_2020_COMPUTE),
            "Kaplan et al. 2020, Eq 1.3: L(C_min), no constant was fitted",
        )
    ]
    refit = BESIROGLU_2024
    gamma = refit.alpha * refit.beta / (refit.alpha + refit.beta)
    level = refit.optimal(PF_DAY).loss - refit.E
    note = "Besiroglu et al. 2024: the frontier of the refitted law, a single power above E"
    presets.append(Preset("Chinchilla refit, text", _values(gamma, refit.E, level), note))
    for key, label in {"image-32x32": "Images", "video-vq": "Video", "math": "Mathematics"}.items():
        law = HENIGHAN_2020[key].compute
        assert law is not None and law.origin is not None
        presets.append(Preset(label, _like(law), f"{law.origin.citation}: {facts.table('henighan')[key]['name']}"))
    return tuple(presets)


def _like(law: PowerLaw) -> dict[str, float]:
    return _values(law.exponent, law.constant, law.loss(PF_DAY) - law.constant)


def _values(exponent: float, constant: float, reducible: float) -> dict[str, float]:
    return {"exponent": float(exponent), "constant": float(constant), "reducible": float(reducible)}


def _sources() -> tuple[Source, ...]:
    names = ["kaplan/single/alpha_C", "kaplan/single/C_c"]
    names += [f"laws/besiroglu-2024/{symbol}" for symbol in ("E", "A", "B", "alpha", "beta")]
    names += [f"henighan/{key}/{c}" for key in ("image-32x32", "video-vq", "math") for c in ("Linf_C", "C0", "alpha_C")]
    found = [facts.get(name) for name in names]
    return tuple(Source(f.label, f"{f.value:.8g} {f.unit}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`power_law` shows, declared once."""
    return Declaration(
        name="power_law",
        title="What does ten times buy?",
        question="What does ten times the compute buy, and when is a scaling law no straight line on logarithmic paper?",
        observe=(
            "Double the exponent and watch the second panel. Then set it back and raise the constant: which of the two panels "
            "would have told you, from a few runs at small compute, that something was wrong?"
        ),
        caption=(
            "One law twice: on logarithmic axes, and on plain ones that start at nought. The filled dot is where you stand, "
            "the ring is ten times the compute. With a constant the solid curve bends; the dashed line is the part above the "
            "constant, which stays straight, and the dotted line is what a ruler laid on here would forecast."
        ),
        alt=(
            "Two panels. On logarithmic axes the loss falls with compute as a straight line if the constant is nought and as "
            "a curve that flattens if it is not; on plain axes, from nought to twelve times the compute, the same law falls "
            "steeply at first and then hardly at all."
        ),
        alternative=(
            "A law with exponent {exponent:ratio} and a constant of {constant:loss} nats per token has a loss of {loss:loss} at "
            "{compute:flop} FLOP, of which {above:percent} lies above the constant. Ten times the compute brings it to "
            "{ten_loss:loss}, {ten_share:percent} less. On logarithmic axes the curve has the slope of an exponent of "
            "{slope:ratio} there. Drawn on as a straight line to 1,000 times the compute it forecasts {straight:loss}; the law "
            "has {there:loss}.[[halve| To halve the whole loss would take {halve:times} the compute.]][[!halve| No amount of "
            "compute halves the whole loss.]]"
        ),
        python=(
            "from scaling_helpers.laws import PF_DAY, PowerLaw\n\n"
            "alpha, E, C = {exponent}, {constant}, {compute}  # E in nats per token, C in FLOP\n"
            "scale = PF_DAY * {reducible} ** (1 / alpha)      # FLOP at which the law lies one nat above E\n"
            "law = PowerLaw(scale, alpha, E)\n"
            "loss = law.loss(C)\n"
            "slope = alpha * (loss - E) / loss                # of the curve, on logarithmic axes\n"
            "print(loss, law.loss(10 * C), 1 - law.loss(10 * C) / loss, slope, law.loss(1000 * C), loss * 1000**-slope)"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
    )
