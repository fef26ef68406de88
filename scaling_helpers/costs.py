"""What does a number of FLOP cost, in device-hours, in money and in energy?

A device does at most its peak of FLOP a second; of that, training keeps a share, the utilisation (model FLOP utilisation,
MFU). So device-hours = FLOP / (peak x utilisation x 3,600), and money = device-hours x rent. Nothing here assumes a
utilisation: it is what such estimates are most sensitive to, so it has to be given. Peaks and rents are facts
(:mod:`scaling_helpers.facts`, tables hardware and gpu_prices), rents in dollars of the day.

>>> run = training_cost(3.8e25, device("h100"), utilisation=0.4, usd_per_hour=rent("h100").value)
>>> f"{run.device_hours:.3g} hours, ${run.usd:.3g}, {run.kwh:.2g} kWh"
'2.67e+07 hours, $1.17e+08, 1.9e+07 kWh'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import facts
from .laws import FLOP_PER_PARAMETER_TOKEN
from .optimum import INFERENCE_FLOP
from .quantities import nonnegative, positive, same_shape
from .trace import Expr

__all__ = [
    "DEEPSEEK_V3_LEAVES_OUT",
    "PRECISIONS",
    "Cost",
    "Device",
    "Stage",
    "StagedCost",
    "Utilisation",
    "deepseek_v3",
    "deepseek_v3_utilisation",
    "device",
    "energy",
    "query_cost",
    "rent",
    "training_cost",
    "usd_per_flop",
    "usd_per_million_tokens",
    "utilisation",
]

#: Number formats whose peak speed the facts carry: 32-bit, 16-bit and 8-bit floating point, dense.
PRECISIONS = ("fp32", "bf16", "fp8")
_SECONDS = 3600.0

#: What the published cost of DeepSeek-V3 does not count. The first is the paper's own caveat; the others
#: follow from what it is, hours of the final run times a rent.
DEEPSEEK_V3_LEAVES_OUT = (
    "prior research and ablation experiments on architectures, algorithms and data",
    "runs that failed or were thrown away",
    "the people who did it",
    "buying the machines: the rent is assumed, the machines were their own",
    "collecting and preparing the data",
    "using the model afterwards",
)


@dataclass(frozen=True)
class Device:
    """An accelerator: ``peaks`` in FLOP/s by precision (see :data:`PRECISIONS`), ``power`` in watts at full load (None:
    unknown)."""

    name: str
    peaks: tuple[tuple[str, float], ...]
    power: float | None = None

    def peak(self, precision: str = "bf16") -> float:
        """Peak speed in FLOP/s, dense. Raises ValueError for a precision that is unknown for this device.

        >>> device("h100").peak("fp8")
        1979000000000000.0
        """
        known = dict(self.peaks)
        if precision not in known:
            raise ValueError(f"precision = {precision!r}: for {self.name} the peak is known in {', '.join(known) or 'none'}")
        return known[precision]


@dataclass(frozen=True)
class Cost:
    """What ``flop`` FLOP cost on a device: hours of one device, dollars, and kilowatt-hours (None where its power is
    unknown).

    ``peak`` (FLOP/s) is that of ``precision``. Computed in closed form; floats or arrays.
    """

    flop: Any
    device: str
    precision: str
    peak: float
    utilisation: Any
    usd_per_hour: Any
    device_hours: Any
    usd: Any
    kwh: Any

    def days(self, devices: float) -> Any:
        """Days that ``devices`` devices take together, at this utilisation.

        >>> round(training_cost(3.8e25, device("h100"), utilisation=0.4, usd_per_hour=2.0).days(1e4))
        111
        """
        return self.device_hours / positive("devices", devices) / 24.0


@dataclass(frozen=True)
class Utilisation:
    """The share of a device's peak that a run of ``flop`` FLOP in ``device_hours`` kept: ``value`` of ``peak`` FLOP/s in
    ``precision``.

    >>> found = utilisation(3.8e25, device("h100"), 2.67e7)
    >>> round(found.value, 2)
    0.4
    """

    value: Any
    flop: Any
    device_hours: Any
    device: str
    precision: str
    peak: float


@dataclass(frozen=True)
class Stage:
    """One stage of a training run: ``device_hours`` and what they cost, ``usd``.

    >>> [stage.name for stage in deepseek_v3().stages]
    ['pre-training', 'context extension', 'post-training']
    """

    name: str
    device_hours: float
    usd: float


@dataclass(frozen=True)
class StagedCost:
    """A training run by stages, at one rent; ``leaves_out`` lists what the sum does not count.

    >>> run = deepseek_v3()
    >>> f"{run.device_hours:.4g} hours, ${run.usd:.4g}"
    '2.788e+06 hours, $5.576e+06'
    """

    stages: tuple[Stage, ...]
    usd_per_hour: float
    leaves_out: tuple[str, ...]

    @property
    def device_hours(self) -> float:
        """Hours of all stages."""
        return sum(stage.device_hours for stage in self.stages)

    @property
    def usd(self) -> float:
        """Dollars of all stages."""
        return sum(stage.usd for stage in self.stages)


def device(id: str) -> Device:
    """An accelerator of the facts by its id in the table hardware, such as "h100". Raises FactError for an unknown one.

    >>> device("h800").power, device("h800").peak()
    (700.0, 989000000000000.0)
    """
    rows = facts.table("hardware")
    if id not in rows:
        raise facts.FactError(f"unknown device {id!r}; known: {', '.join(rows)}")
    row = rows[id]
    peaks = tuple((precision, float(row[precision])) for precision in PRECISIONS if row[precision])
    return Device(row["name"], peaks, float(row["power"]) if row["power"] else None)


def rent(id: str) -> facts.Fact:
    """What an accelerator rents for in dollars an hour: the middle of Epoch AI's quotes, with the lowest and the highest.

    >>> rent("h100").low, rent("h100").value, rent("h100").high
    (1.99, 4.4, 12.29)
    """
    return facts.get(f"gpu_prices/rental/{id}")


def training_cost(flop: Any, on: Device, *, utilisation: Any, usd_per_hour: Any, precision: str = "bf16") -> Cost:
    """Device-hours, dollars and energy of ``flop`` FLOP on a device at a ``utilisation`` (a share of its peak in
    ``precision``).

    Floats or arrays that broadcast together. Raises ValueError for a utilisation above 1, TypeError or ValueError for
    anything that is not positive and finite.

    >>> gpt3 = training_cost(3.14e23, device("v100"), utilisation=0.3, usd_per_hour=rent("v100").value)
    >>> f"{gpt3.device_hours:.3g} hours, ${gpt3.usd:.3g}"
    '2.33e+06 hours, $7.12e+06'
    """
    flop, share = positive("flop", flop, "FLOP"), _share("utilisation", utilisation)
    price = positive("usd_per_hour", usd_per_hour)
    same_shape(flop=flop, utilisation=share, usd_per_hour=price)
    hours = flop / (on.peak(precision) * share * _SECONDS)
    kwh = None if on.power is None else energy(hours, on)
    return Cost(flop, on.name, precision, on.peak(precision), share, price, hours, hours * price, kwh)


def utilisation(flop: Any, on: Device, device_hours: Any, precision: str = "bf16") -> Utilisation:
    """The utilisation that a run of ``flop`` FLOP in ``device_hours`` implies, against the device's peak in ``precision``.

    The peak matters as much as the run: the same run has half the utilisation against an 8-bit peak. Raises ValueError
    where the hours are too few for the FLOP even at full speed.

    >>> round(utilisation(1e24, device("h100"), 1e6).value, 2)
    0.28
    """
    flop, hours = positive("flop", flop, "FLOP"), positive("device_hours", device_hours, "hours")
    same_shape(flop=flop, device_hours=hours)
    share = flop / (on.peak(precision) * hours * _SECONDS)
    if np.any(np.asarray(share) > 1.0):
        raise ValueError(
            f"device_hours = {float(np.min(hours)):g}: {float(np.max(flop)):g} FLOP need more than that on {on.name}, at a peak "
            f"of {on.peak(precision):g} FLOP/s ({precision}): check the unit, or take another precision"
        )
    return Utilisation(share, flop, hours, on.name, precision, on.peak(precision))


def usd_per_flop(on: Device, *, utilisation: Any, usd_per_hour: Any, precision: str = "bf16") -> Any:
    """Dollars for one FLOP: the ``prices`` that :func:`scaling_helpers.optimum.inference_aware` takes, for training and
    for use.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> from scaling_helpers.optimum import inference_aware
    >>> h100, hour = device("h100"), rent("h100").value
    >>> train = usd_per_flop(h100, utilisation=0.4, usd_per_hour=hour)
    >>> serve = usd_per_flop(h100, utilisation=0.1, usd_per_hour=hour)
    >>> best = inference_aware(BESIROGLU_2024, 1.9739, 1e12, prices=(train, serve))
    >>> f"{best.N:.3g} parameters; ${best.total:.3g} in all"
    '4.32e+10 parameters; $3.11e+06 in all'
    """
    return training_cost(1.0, on, utilisation=utilisation, usd_per_hour=usd_per_hour, precision=precision).usd


def usd_per_million_tokens(params: Any, on: Device, *, utilisation: Any, usd_per_hour: Any, precision: str = "bf16") -> Any:
    """Dollars for a million tokens of use by a model with ``params`` (active) parameters: 2 FLOP per parameter and token.

    Without the attention over what came before, and without profit. Floats or arrays.

    >>> round(usd_per_million_tokens(70e9, device("h100"), utilisation=0.1, usd_per_hour=2.0), 2)
    0.79
    """
    flop = INFERENCE_FLOP * positive("params", params, "parameters") * 1e6
    return training_cost(flop, on, utilisation=utilisation, usd_per_hour=usd_per_hour, precision=precision).usd


def query_cost(
    params: Any,
    tokens_in: Any,
    tokens_out: Any,
    on: Device,
    *,
    utilisation_in: Any,
    utilisation_out: Any,
    usd_per_hour: Any,
    precision: str = "bf16",
) -> Any:
    """Dollars for one query of ``tokens_in`` read and ``tokens_out`` written tokens; ``params`` are the active ones.

    Tokens are read side by side and written one after the other, so the two utilisations differ, often by a factor of
    ten; both have to be given. Floats or arrays that broadcast together; one of the two token counts may be 0.

    >>> one = query_cost(70e9, 1000, 500, device("h100"), utilisation_in=0.4, utilisation_out=0.04, usd_per_hour=2.0)
    >>> f"${one:.5f}"
    '$0.00118'
    """
    read, written = nonnegative("tokens_in", tokens_in, "tokens"), nonnegative("tokens_out", tokens_out, "tokens")
    if np.any(np.asarray(read) + np.asarray(written) <= 0):
        raise ValueError("tokens_in and tokens_out are both 0: a query has at least one token")
    a_token = usd_per_million_tokens(params, on, utilisation=1.0, usd_per_hour=usd_per_hour, precision=precision) / 1e6
    return a_token * (read / _share("utilisation_in", utilisation_in) + written / _share("utilisation_out", utilisation_out))


def energy(device_hours: Any, on: Device, overhead: Any = 1.0) -> Any:
    """Kilowatt-hours of ``device_hours`` at the device's full power, times ``overhead`` for hosts, network and cooling
    (at least 1).

    With the default the devices alone. Raises ValueError for a device of unknown power.

    >>> energy(1000.0, device("h100"))
    700.0
    """
    hours, overhead = positive("device_hours", device_hours, "hours"), positive("overhead", overhead)
    if np.any(np.asarray(overhead) < 1.0):
        raise ValueError(f"overhead = {float(np.min(overhead)):g}: it multiplies the devices' own energy, so it is at least 1")
    if on.power is None:
        raise ValueError(f"the power of {on.name} is not known: give a Device with its watts")
    return hours * on.power / 1e3 * overhead


def deepseek_v3() -> StagedCost:
    """The cost of DeepSeek-V3's training as its authors reckon it (arXiv:2412.19437, Table 1): hours of each stage times
    the rent.

    ``leaves_out`` says what the figure does not count (:data:`DEEPSEEK_V3_LEAVES_OUT`).

    >>> run = deepseek_v3()
    >>> f"{run.device_hours:,.0f} hours at ${run.usd_per_hour:g}: ${run.usd:,.0f}"
    '2,788,000 hours at $2: $5,576,000'
    """
    price = _deepseek("rent")
    names = {"pre-training": "pre-training", "context": "context extension", "post-training": "post-training"}
    stages = tuple(Stage(name, _deepseek(f"hours/{key}"), _deepseek(f"hours/{key}") * price) for key, name in names.items())
    return StagedCost(stages, price, DEEPSEEK_V3_LEAVES_OUT)


def deepseek_v3_utilisation(on: Device | None = None, precision: str = "bf16") -> Utilisation:
    """The utilisation that DeepSeek-V3's pre-training implies: 6 FLOP per *active* parameter and token, in its H800 hours.

    Against the 16-bit peak unless ``precision`` says otherwise. It was trained mostly in 8 bits; the facts have no 8-bit
    peak of the H800, whose chip is that of the H100: ``deepseek_v3_utilisation(device("h100"), "fp8")`` measures against
    that one's.

    >>> round(deepseek_v3_utilisation().value, 3), round(deepseek_v3_utilisation(device("h100"), "fp8").value, 3)
    (0.346, 0.173)
    """
    flop = FLOP_PER_PARAMETER_TOKEN * _deepseek("active-params") * _deepseek("tokens")
    return utilisation(flop, on or device("h800"), _deepseek("hours/pre-training"), precision)


def _deepseek(name: str) -> float:
    return facts.get(f"deepseek_v3_cost/{name}").value


def _share(name: str, value: Any) -> Any:
    value = positive(name, value)
    if not isinstance(value, Expr) and np.any(np.asarray(value) > 1.0):
        raise ValueError(f"{name} = {float(np.max(value)):g}: a share of the peak is at most 1 (0.4 for 40%)")
    return value
