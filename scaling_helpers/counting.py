"""How many parameters does a transformer have, and how many FLOP does a token cost? From its configuration.

A :class:`Transformer` is a decoder-only model: widths, heads, vocabulary, experts. It counts its weights by kind, and the
FLOP of a token by operation, a multiplication and an addition each counting as one. Three conventions are at hand,
because papers differ and the difference is not small for small models: every matrix product (``"exact"``), that of
Kaplan et al. (2020, arXiv:2001.08361, Section 2.1) and that of Hoffmann et al. (2022, arXiv:2203.15556, App F).

:class:`FlopPerToken` is the cost of a token as a function of N alone, for :mod:`scaling_helpers.optimum`.

>>> gpt3 = MODELS["gpt-3"]
>>> round(gpt3.parameters.total / 1e9, 1)
174.6
>>> round(gpt3.training_flop() / (6 * gpt3.parameters.total), 3)  # of the exact count over 6 N
1.014
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from . import facts
from .laws import FLOP_PER_PARAMETER_TOKEN
from .quantities import positive
from .trace import Expr

__all__ = ["CONVENTIONS", "HOFFMANN_2022_MODELS", "MODELS", "FlopPerToken", "ForwardFlop", "Parameters", "Transformer"]

#: FLOP of a multiply-and-add, and of training over the forward pass alone (the backward pass costs twice as much).
MULTIPLY_ADD = 2
TRAINING_OVER_FORWARD = 3

#: What each convention counts.
CONVENTIONS: Mapping[str, str] = {
    "exact": "every matrix product, both products of attention over the tokens that a token can see, and the output layer; "
    "looking up an embedding is free",
    "kaplan": "2 N + 2 n_layer n_ctx d_attn with N the weights of the layers: no output layer, one full product of attention",
    "hoffmann": "App F: embeddings and output layer as matrix products, both products of attention in full, and its softmax",
    "hoffmann-blocks": "App F without embeddings and output layer: what Table A4 compares with 6 N D, as its digits show",
}


@dataclass(frozen=True)
class Parameters:
    """Weights of a model by kind: whole numbers.

    >>> weights = MODELS["gpt-3"].parameters
    >>> weights.attention + weights.feed_forward < weights.total
    True
    """

    embedding: int
    positions: int
    attention: int
    feed_forward: int
    router: int
    norms: int
    head: int
    inactive: int

    @property
    def total(self) -> int:
        """All weights; a tied output layer is counted once, as embedding."""
        return self.embedding + self.positions + self.attention + self.feed_forward + self.router + self.norms + self.head

    @property
    def non_embedding(self) -> int:
        """N of Kaplan et al.: without embeddings of tokens and positions and without the output layer."""
        return self.total - self.embedding - self.positions - self.head

    @property
    def active(self) -> int:
        """Weights that one token uses: :attr:`total` without the experts it does not visit."""
        return self.total - self.inactive


@dataclass(frozen=True)
class ForwardFlop:
    """FLOP of one token's forward pass, by operation.

    >>> flop = MODELS["gpt-3"].forward()
    >>> flop.feed_forward < flop.total
    True
    """

    embedding: float
    projections: float
    attention: float
    softmax: float
    feed_forward: float
    router: float
    head: float

    @property
    def total(self) -> float:
        """Their sum."""
        return float(sum(getattr(self, one.name) for one in fields(self)))


@dataclass(frozen=True)
class Transformer:
    """A decoder-only transformer, by the numbers of its configuration.

    layers, width (d_model), heads: as usual. vocab: kinds of token. context: tokens in a sequence.
    head_dim: width of a head (default width / heads). kv_heads: heads of keys and values (default: as many as heads).
    ffn_width: inner width of the feed-forward layer, of each expert (default 4 width). gated: three matrices instead of two.
    tied: the output layer is the embedding. positions: learned position vectors. relative: a width x heads * head_dim
    matrix a layer for relative positions (Transformer-XL, Gopher). experts, active_experts: of a mixture, 1 for dense.
    biases: on every linear layer; norm_vectors: 0 not counted, 1 gain, 2 gain and bias, twice a layer and once at the end.

    Raises TypeError or ValueError naming a field that is not a whole number above zero, or does not fit the others.
    """

    layers: int
    width: int
    heads: int
    vocab: int
    context: int = 2048
    head_dim: int | None = None
    kv_heads: int | None = None
    ffn_width: int | None = None
    gated: bool = False
    tied: bool = True
    positions: int = 0
    relative: bool = False
    experts: int = 1
    active_experts: int = 1
    biases: bool = False
    norm_vectors: int = 0

    def __post_init__(self) -> None:
        counts = ("layers", "width", "heads", "vocab", "context", "experts", "active_experts")
        for name in counts:
            object.__setattr__(self, name, _whole(name, getattr(self, name), 1))
        for name in ("positions", "norm_vectors"):
            object.__setattr__(self, name, _whole(name, getattr(self, name), 0))
        for name in ("gated", "tied", "relative", "biases"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.head_dim is None and self.width % self.heads:
            raise ValueError(f"width = {self.width} does not divide into heads = {self.heads}: give head_dim")
        defaults = {"head_dim": self.width // self.heads, "kv_heads": self.heads, "ffn_width": 4 * self.width}
        for name, default in defaults.items():
            given = getattr(self, name)
            object.__setattr__(self, name, default if given is None else _whole(name, given, 1))
        if self.heads % self.kv_heads:  # type: ignore[operator]
            raise ValueError(f"heads = {self.heads} is not a multiple of kv_heads = {self.kv_heads}: each serves as many heads")
        if self.active_experts > self.experts:
            raise ValueError(f"active_experts = {self.active_experts} is more than experts = {self.experts}")
        if self.norm_vectors > 2:
            raise ValueError(f"norm_vectors = {self.norm_vectors}: 0 not counted, 1 gain, 2 gain and bias")

    # -- widths ---------------------------------------------------------------------------------------
    @property
    def attention_width(self) -> int:
        """Heads times their width: d_attn."""
        return self.heads * int(self.head_dim or 0)

    @property
    def _kv_width(self) -> int:
        return int(self.kv_heads or 0) * int(self.head_dim or 0)

    # -- parameters -----------------------------------------------------------------------------------
    @property
    def parameters(self) -> Parameters:
        """Weights by kind.

        >>> MODELS["mixtral-8x7b"].parameters.active / 1e9
        12.879925248
        """
        width, attention, kv = self.width, self.attention_width, self._kv_width
        ffn = int(self.ffn_width or 0)
        queries_keys_values_out = width * (attention + 2 * kv) + attention * width
        relative = width * attention if self.relative else 0
        expert = (3 if self.gated else 2) * width * ffn
        if self.biases:
            queries_keys_values_out += attention + 2 * kv + width
            expert += (2 if self.gated else 1) * ffn + width
        return Parameters(
            embedding=self.vocab * width,
            positions=self.positions * width,
            attention=self.layers * (queries_keys_values_out + relative),
            feed_forward=self.layers * self.experts * expert,
            router=self.layers * width * self.experts if self.experts > 1 else 0,
            norms=(2 * self.layers + 1) * self.norm_vectors * width,
            head=0 if self.tied else self.vocab * width,
            inactive=self.layers * (self.experts - self.active_experts) * expert,
        )

    # -- FLOP -----------------------------------------------------------------------------------------
    def forward(self, convention: str = "exact", context: float | None = None) -> ForwardFlop:
        """FLOP of one token's forward pass by operation, averaged over a sequence of ``context`` tokens (default: its own).

        ``convention`` is a key of :data:`CONVENTIONS`. "exact" lets a token see itself and those before it, (context + 1) / 2
        on average; the others count the whole context, masked or not. Biases, norms, activations and, but for App F, the
        softmax are left out. Raises ValueError for an unknown convention.
        """
        if convention not in CONVENTIONS:
            raise ValueError(f"unknown convention {convention!r}; known: {', '.join(CONVENTIONS)}")
        context = self.context if context is None else positive("context", context, "tokens")
        width, attention, kv, layers = self.width, self.attention_width, self._kv_width, self.layers
        weights = 2 * width * attention + 2 * width * kv + (width * attention if self.relative and convention == "exact" else 0)
        ffn = (3 if self.gated else 2) * width * int(self.ffn_width or 0) * self.active_experts
        one_product = MULTIPLY_ADD * attention * layers
        seen, products = {"exact": ((context + 1) / 2, 2), "kaplan": (context, 1)}.get(convention, (context, 2))
        matrix = float(MULTIPLY_ADD * self.vocab * width)
        return ForwardFlop(
            embedding=matrix if convention == "hoffmann" else 0.0,
            projections=float(MULTIPLY_ADD * layers * weights),
            attention=float(products * one_product * seen),
            softmax=float(3 * self.heads * seen * layers) if convention.startswith("hoffmann") else 0.0,
            feed_forward=float(MULTIPLY_ADD * layers * ffn),
            router=float(MULTIPLY_ADD * layers * width * self.experts) if self.experts > 1 and convention == "exact" else 0.0,
            head=matrix if convention in ("exact", "hoffmann") else 0.0,
        )

    def training_flop(self, convention: str = "exact", context: float | None = None) -> float:
        """FLOP to train on one token: three times the forward pass, since the backward pass costs twice as much.

        >>> round(MODELS["llama-3-8b"].training_flop() / 1e9, 1)
        51.5
        """
        return TRAINING_OVER_FORWARD * self.forward(convention, context).total

    def over_6n(self, convention: str = "exact", context: float | None = None, N: float | None = None) -> float:
        """The count of ``convention`` over 6 N, with N all active parameters unless given: what C = 6 N D leaves out.

        >>> round(HOFFMANN_2022_MODELS["306m"].over_6n("hoffmann-blocks"), 2)  # Hoffmann et al., Table A4
        1.1
        """
        size = self.parameters.active if N is None else positive("N", N)
        return self.training_flop(convention, context) / (FLOP_PER_PARAMETER_TOKEN * size)


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, (bool, np.bool_, str)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a whole number, got {value!r} ({type(value).__name__})")
    if not np.isfinite(value) or value != int(value) or value < least:
        raise ValueError(f"{name} = {value}: it must be a whole number of at least {least}")
    return int(value)


@dataclass(frozen=True)
class FlopPerToken:
    """Training FLOP of a token as a function of N, for a family of models of one shape: the ``flop_per_token`` of the optima.

    A model of N parameters is taken to have 12 width**2 parameters in each of width / ``aspect`` layers, ``context`` tokens of
    attention, each seen by half of the others, and an output layer of ``vocab`` rows. With ``vocab`` and ``context`` 0 it is
    6 N. ``embeddings`` says whether N includes one embedding of ``vocab`` rows. ``N`` may be a float, an array or a tracer.

    >>> from scaling_helpers import BESIROGLU_2024
    >>> from scaling_helpers.optimum import minimise
    >>> exact = FlopPerToken(vocab=32000, context=2048, embeddings=True)
    >>> round(exact(1e9) / 6e9, 3)
    1.074
    >>> best = minimise(BESIROGLU_2024.loss, 1e19, flop_per_token=exact)
    >>> best.N < BESIROGLU_2024.optimal(1e19).N and best.D < BESIROGLU_2024.optimal(1e19).D
    True
    """

    vocab: float = 0.0
    context: float = 0.0
    aspect: float = 128.0
    embeddings: bool = False

    def __post_init__(self) -> None:
        for name in ("vocab", "context"):
            value = getattr(self, name)
            plain = not isinstance(value, (Expr, str, bool)) and np.ndim(value) == 0 and value == 0
            object.__setattr__(self, name, 0.0 if plain else positive(name, value))
        object.__setattr__(self, "aspect", positive("aspect", self.aspect))

    def width(self, N: Any) -> Any:
        """d_model of the model of ``N`` parameters: the root of 12 width**3 / aspect (+ vocab width) = N."""
        N = positive("N", N)
        cube = N * self.aspect / 12.0
        if not self.embeddings or (not isinstance(self.vocab, Expr) and self.vocab == 0):
            return cube ** (1.0 / 3.0)
        # Cardano's root of d^3 + 3 p d = 2 q, then one Newton step for the digits that its difference loses.
        p, q = self.vocab * self.aspect / 36.0, cube / 2.0
        u = (q + (q * q + p**3) ** 0.5) ** (1.0 / 3.0)
        d = u - p / u
        return d - (d * d * d + 3.0 * p * d - 2.0 * q) / (3.0 * (d * d + p))

    def __call__(self, N: Any) -> Any:
        """Training FLOP of one token for a model of ``N`` parameters; TypeError or ValueError for a bad N."""
        N = positive("N", N)
        d = self.width(N)
        blocks = 12.0 * d * d * (d / self.aspect)
        attention = 4.0 * d * (d / self.aspect) * (self.context / 2.0)
        forward = MULTIPLY_ADD * (blocks + self.vocab * d) + attention
        return TRAINING_OVER_FORWARD * forward


def _model(row_id: str) -> Transformer:
    row = facts.table("configs")[row_id]
    numbers = {
        name: int(float(row[name]))
        for name in (
            "layers", "width", "heads", "vocab", "context", "head_dim", "kv_heads", "ffn_width", "positions", "experts",
            "active_experts", "norm_vectors",
        )
        if row[name]
    }  # fmt: skip
    return Transformer(**numbers, **{name: row[name] == "1" for name in ("gated", "tied", "relative", "biases")})  # type: ignore[arg-type]


def _hoffmann(row_id: str) -> Transformer:
    row = facts.table("hoffmann_configs")[row_id]
    layers, width, heads, head_dim, ffn = (
        int(float(row[name])) for name in ("layers", "width", "heads", "head_dim", "ffn_width")
    )
    vocab = int(facts.get("configs/chinchilla/vocab").value)
    return Transformer(layers, width, heads, vocab, head_dim=head_dim, ffn_width=ffn, relative=True)


#: Published models by id, from the table ``configs`` of facts: "gpt-2", "gpt-3", "gopher", "chinchilla", "llama-3-8b" ...
MODELS: Mapping[str, Transformer] = {row_id: _model(row_id) for row_id in facts.table("configs")}

#: The fifty models of Hoffmann et al., Table A9, by their printed size: "44m" ... "16183m".
HOFFMANN_2022_MODELS: Mapping[str, Transformer] = {row_id: _hoffmann(row_id) for row_id in facts.table("hoffmann_configs")}
