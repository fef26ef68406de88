"""What is the model that we train? A decoder-only transformer in five short functions, sized by its width alone.

The weights are a dictionary of seven tensors, layers stacked along the first axis; the model is a function of weights and
tokens. So nothing is hidden in objects, the optimiser handles seven tensors and not seventy, and ``torch.func.vmap`` can
run many small models side by side.

What was chosen, and why:

* Pre-norm (Xiong et al. 2020, arXiv:2002.04745): trains without care at every size. LayerNorm with a gain and no bias.
* Rotary positions (Su et al. 2021, arXiv:2104.09864): no parameters, so that N has no term that grows with the context.
* GELU and an inner width of four times the width: two matrices, 12 width^2 weights a layer, as in Kaplan et al. (2020).
* The output layer is the embedding (tied): then N is exactly the weights that a token is multiplied with, and 6 N leaves
  out nothing but attention. For a vocabulary of bytes and models this small, that is most of the difference between N with
  and without embeddings.
* Bytes as tokens: a vocabulary of 256, nothing to train or to ship, and nats per byte that compare across corpora.

>>> shape = Shape(64)
>>> shape.layers, shape.heads, shape.N
(4, 4, 213568)
>>> round(shape.flop_per_token / (6 * shape.N), 2)  # attention is what 6 N leaves out
1.15
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..counting import Parameters, Transformer
from ..laws import FLOP_PER_PARAMETER_TOKEN

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["VOCAB", "Shape"]

#: Kinds of byte.
VOCAB = 256
#: Stands for a target that does not count.
UNSCORED = -100
#: Width of a head, where the width has that many; a layer is added for each of these, from two on.
HEAD = 16
#: Wavelengths of the rotary positions reach to this many tokens, times 2 pi.
ROTARY_BASE = 10_000.0

Weights = dict[str, "Tensor"]
Past = tuple["Tensor", "Tensor"]


@dataclass(frozen=True)
class Shape:
    """A model of the family, by its ``width``: a layer and a head for every 16, but two layers at least and one head.

    context: tokens in a sequence. vocab: kinds of token. Raises ValueError for a width that does not divide into heads of an
    even width.

    >>> [Shape(width).N for width in (8, 16, 32, 64, 128)]
    [3624, 10320, 32928, 213568, 1607808]
    """

    width: int
    context: int = 128
    vocab: int = VOCAB

    def __post_init__(self) -> None:
        for name in ("width", "context", "vocab"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} = {value!r}: it must be a whole number above zero")
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"width = {self.width} does not divide into {self.heads} heads of an even width; take a multiple of {HEAD}"
            )

    @property
    def layers(self) -> int:
        """Layers: width / 16, rounded down, at least 2 (with one, a model cannot copy what it has read)."""
        return max(2, self.width // HEAD)

    @property
    def heads(self) -> int:
        """Heads of attention: width / 16, rounded down, at least 1."""
        return max(1, self.width // HEAD)

    @property
    def transformer(self) -> Transformer:
        """The same model for :mod:`scaling_helpers.counting`, which counts its weights and its FLOP."""
        return Transformer(
            layers=self.layers, width=self.width, heads=self.heads, vocab=self.vocab, context=self.context, tied=True,
            norm_vectors=1,
        )  # fmt: skip

    @property
    def parameters(self) -> Parameters:
        """Weights by kind."""
        return self.transformer.parameters

    @property
    def N(self) -> int:
        """All weights. The output layer is the embedding, so it counts once."""
        return self.parameters.total

    @property
    def flop_per_token(self) -> float:
        """Training FLOP of a token, every matrix product counted, attention over what a token sees."""
        return self.transformer.training_flop("exact")

    @property
    def six_n(self) -> float:
        """6 N: training FLOP of a token by the rule that the laws are stated in."""
        return FLOP_PER_PARAMETER_TOKEN * self.N


def initial(shape: Shape, seed: int, device: str = "cpu") -> Weights:
    """Random weights, float32: each matrix keeps the size of what passes through it, and the two that write into the
    residual stream are smaller by the root of how many do, so that depth does not change its scale at the start.

    The same on every device for one seed.
    """
    import torch

    d, layers = shape.width, shape.layers
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int, std: float) -> Tensor:
        return (torch.randn(*size, generator=generator) * std).to(device)

    written = (2 * layers) ** -0.5
    return {
        "embedding": normal(shape.vocab, d, std=d**-0.5),
        "qkv": normal(layers, 3 * d, d, std=d**-0.5),
        "out": normal(layers, d, d, std=d**-0.5 * written),
        "up": normal(layers, 4 * d, d, std=d**-0.5),
        "down": normal(layers, d, 4 * d, std=(4 * d) ** -0.5 * written),
        "gains": torch.ones(layers, 2, d, device=device),
        "last_gain": torch.ones(d, device=device),
    }


@cache
def rotations(context: int, head: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Cosines and signed sines of the rotary positions, (context, 1, 1, head) each: x cos + swapped halves of x sin."""
    import torch

    turns = torch.arange(context, device=device)[:, None] * ROTARY_BASE ** (-torch.arange(0, head, 2, device=device) / head)
    cos, sin = turns.cos()[:, None, None], turns.sin()[:, None, None]
    return torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)


def attend(x: Tensor, qkv: Tensor, out: Tensor, heads: int, past: Past | None = None) -> tuple[Tensor, Past]:
    """Causal self-attention: x (batch, time, width) to the same, and the keys and values (batch, heads, time, head) so far.

    ``past``: keys and values of the tokens before x, which is then one token long.
    """
    import torch
    import torch.nn.functional as F

    batch, time, width = x.shape
    before = past[0].shape[2] if past else 0
    cos, sin = (table[before:] for table in rotations(before + time, width // heads, str(x.device)))
    qk, v = F.linear(x, qkv).view(batch, time, 3, heads, width // heads).split((2, 1), 2)
    qk = torch.addcmul(qk * cos, qk.roll(width // heads // 2, -1), sin)
    q, k, v = (part.squeeze(2).transpose(1, 2) for part in (*qk.split(1, 2), v))
    if past:
        k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=past is None)
    return F.linear(y.transpose(1, 2).reshape(batch, time, width), out), (k, v)


def forward(weights: Weights, tokens: Tensor, shape: Shape, past: list[Past] | None = None) -> tuple[Tensor, list[Past]]:
    """Logits of the next token, (batch, time, vocab), for tokens (batch, time); and keys and values of every layer.

    Give those back as ``past`` with the next token, (batch, 1), and nothing is computed twice.
    """
    import torch.nn.functional as F

    def norm(x: Tensor, gain: Tensor) -> Tensor:
        return F.layer_norm(x, (shape.width,), gain)

    x = F.embedding(tokens, weights["embedding"])
    layers: Any = zip(*(weights[name].unbind() for name in ("qkv", "out", "up", "down", "gains")), strict=True)
    kept = []
    for number, (qkv, out, up, down, gains) in enumerate(layers):
        before_attention, before_feed_forward = gains.unbind()
        read, keys_values = attend(norm(x, before_attention), qkv, out, shape.heads, past[number] if past else None)
        kept.append(keys_values)
        x = x + read
        x = x + F.linear(F.gelu(F.linear(norm(x, before_feed_forward), up)), down)
    return F.linear(norm(x, weights["last_gain"]), weights["embedding"]), kept


def loss_of(weights: Weights, windows: Tensor, shape: Shape, reduction: str = "mean", scored: Tensor | None = None) -> Tensor:
    """Cross-entropy in nats per token of windows (batch, time + 1): each token from those before it in its window.

    ``reduction`` "none" gives (batch, time). ``scored`` (batch, time) bool: which targets count.
    """
    import torch.nn.functional as F

    tokens, targets = windows[:, :-1], windows[:, 1:]
    if scored is not None:
        targets = targets.masked_fill(~scored, UNSCORED)
    logits = forward(weights, tokens, shape)[0].flatten(0, 1)
    losses = F.cross_entropy(logits, targets.flatten(), reduction=reduction, ignore_index=UNSCORED)
    return losses if reduction == "mean" else losses.view(targets.shape)
