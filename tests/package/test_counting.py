"""The counts of parameters and FLOP are those that were published, weight by weight."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers import facts
from scaling_helpers.counting import CONVENTIONS, HOFFMANN_2022_MODELS, MODELS, FlopPerToken, Transformer
from scaling_helpers.laws import BESIROGLU_2024
from scaling_helpers.optimum import minimise
from scaling_helpers.trace import derivative, evaluate, variable


def weights(layers, d, heads, vocab, *, kv=None, hd=None, ffn=None, gated=False, tied=True, pos=0, experts=1, bias=False, norm=0):
    """Every tensor of a model as (rows, columns): a list made by hand, to be summed."""
    hd, kv, ffn = hd or d // heads, kv or heads, ffn or 4 * d
    tensors = [(vocab, d), (pos, d)] + ([] if tied else [(vocab, d)])
    for _ in range(layers):
        tensors += [(d, heads * hd), (d, kv * hd), (d, kv * hd), (heads * hd, d)] + [(1, d)] * 2 * norm
        tensors += [(d, experts)] if experts > 1 else []
        tensors += [(1, heads * hd), (1, kv * hd), (1, kv * hd), (1, d)] if bias else []
        for _ in range(experts):
            tensors += [(d, ffn)] * (2 if gated else 1) + [(ffn, d)] + ([(1, ffn), (1, d)] if bias else [])
    return tensors + [(1, d)] * norm


@pytest.mark.parametrize(
    ("key", "tensors", "total"),
    [
        ("gpt-2", weights(12, 768, 12, 50257, pos=1024, bias=True, norm=2), 124_439_808),
        ("gpt-3", weights(96, 12288, 96, 50257, pos=2048, bias=True, norm=2), 174_604_259_328),
        ("llama-3-8b", weights(32, 4096, 32, 128256, kv=8, ffn=14336, gated=True, tied=False, norm=1), 8_030_261_248),
        ("llama-3-70b", weights(80, 8192, 64, 128256, kv=8, ffn=28672, gated=True, tied=False, norm=1), 70_553_706_496),
        ("llama-3.1-405b", weights(126, 16384, 128, 128256, kv=8, ffn=53248, gated=True, tied=False, norm=1), 405_853_388_800),
        (
            "mixtral-8x7b",
            weights(32, 4096, 32, 32000, kv=8, ffn=14336, gated=True, tied=False, experts=8, norm=1),
            46_702_792_704,
        ),
    ],
)
def test_a_models_parameters_are_the_sum_of_its_tensors(key, tensors, total):
    assert MODELS[key].parameters.total == sum(rows * columns for rows, columns in tensors) == total


@pytest.mark.parametrize("key", MODELS)
def test_the_counts_round_to_the_published_sizes(key):
    published = facts.table("configs")[key]["params"]
    if published:
        assert MODELS[key].parameters.total == pytest.approx(float(published), rel=0.02)


def test_a_mixture_uses_two_of_its_eight_experts():
    counted = MODELS["mixtral-8x7b"].parameters
    assert (round(counted.total / 1e9), round(counted.active / 1e9)) == (47, 13)
    dense = MODELS["gpt-3"].parameters
    assert dense.active == dense.total


def test_llama_3s_inner_widths_follow_from_its_repositorys_rule():
    """multiple_of and ffn_dim_multiplier of models/sku_list.py, through the rule of the reference implementation."""
    for key, multiplier, multiple in (("llama-3-8b", 1.3, 1024), ("llama-3-70b", 1.3, 4096), ("llama-3.1-405b", 1.2, 4096)):
        inner = int(multiplier * int(2 * 4 * MODELS[key].width / 3))
        assert MODELS[key].ffn_width == multiple * math.ceil(inner / multiple)


@pytest.mark.parametrize("key", HOFFMANN_2022_MODELS)
def test_the_fifty_sizes_of_table_a9_are_one_embedding_of_32_000_relative_positions_and_the_layers(key):
    """Within half a million, the printed digits, or 0.2%, for the biases and norms that the count leaves out."""
    printed = float(facts.table("hoffmann_configs")[key]["params"])
    counted = HOFFMANN_2022_MODELS[key].parameters.total
    assert counted == pytest.approx(printed, rel=0.002, abs=0.5e6)
    without_positions = counted - HOFFMANN_2022_MODELS[key].layers * HOFFMANN_2022_MODELS[key].width ** 2
    assert without_positions < printed * 0.975


def a4():
    for row_id, row in facts.table("hoffmann_flop_ratio").items():
        shape = (int(row["layers"]), int(row["width"]))
        (model,) = (one for one in HOFFMANN_2022_MODELS.values() if (one.layers, one.width) == shape)
        yield row_id, float(row["ratio"]), model


def test_table_a4_comes_out_to_its_digits_without_embeddings_and_output_layer():
    assert len(list(a4())) == 6
    for row_id, printed, model in a4():
        assert round(model.over_6n("hoffmann-blocks"), 2) == printed, row_id


def test_with_all_that_appendix_f_lists_the_smallest_model_costs_1_6_times_6_nd():
    ratios = [model.over_6n("hoffmann") for _, _, model in a4()]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx(1.58, abs=0.01) and ratios[-1] == pytest.approx(1.03, abs=0.005)


def appendix_f(layers, d, heads, k, ffn, vocab, s):
    """App F term by term for a whole sequence of s tokens."""
    layer = 2 * 3 * s * d * k * heads + 2 * s * s * k * heads + 3 * heads * s * s + 2 * s * s * k * heads
    layer += 2 * s * k * heads * d + 2 * s * (d * ffn + d * ffn)
    return 2 * s * vocab * d + layers * layer + 2 * s * d * vocab


@given(st.integers(1, 100), st.integers(1, 64), st.integers(8, 256), st.integers(1, 200_000), st.integers(1, 20_000))
def test_the_count_of_appendix_f_is_its_formula(layers, heads, k, vocab, s):
    model = Transformer(layers, heads * k, heads, vocab, context=s)
    by_hand = appendix_f(layers, heads * k, heads, k, 4 * heads * k, vocab, s)
    assert model.forward("hoffmann").total * s == pytest.approx(by_hand, rel=1e-12)
    assert model.training_flop("hoffmann") == 3 * model.forward("hoffmann").total


@given(st.integers(1, 100), st.integers(1, 64), st.integers(8, 256), st.integers(1, 20_000))
def test_kaplans_count_is_2n_plus_2_layers_context_and_width(layers, heads, k, s):
    d = heads * k
    model = Transformer(layers, d, heads, 50257, context=s)
    N = 12 * layers * d * d
    assert model.parameters.non_embedding == N
    assert model.forward("kaplan").total == 2 * N + 2 * layers * s * d


@given(
    st.integers(1, 8), st.integers(1, 4), st.integers(1, 4), st.integers(1, 30), st.integers(1, 50), st.booleans(), st.booleans()
)
def test_the_exact_count_is_what_multiplying_the_matrices_takes(layers, kv, share, s, vocab, gated, tied):
    """Counted by walking through a small model, one product of a row and a column at a time."""
    heads, hd, ffn = kv * share, 3, 7
    d = heads * hd + 1
    model = Transformer(layers, d, heads, vocab, s, hd, kv, ffn, gated=gated, tied=tied, experts=3, active_experts=2)
    adds = 0
    for position in range(1, s + 1):
        for _ in range(layers):
            adds += d * heads * hd + 2 * d * kv * hd + heads * hd * d  # queries, keys, values, out
            adds += 2 * sum(heads * hd for _seen in range(position))  # scores and values over what is seen
            adds += d * 3 + 2 * (3 if gated else 2) * d * ffn  # router and two experts
        adds += d * vocab
    assert model.forward().total * s == pytest.approx(2 * adds, rel=1e-12)


@pytest.mark.parametrize("key", MODELS)
def test_a_long_context_costs_more_and_a_short_one_hardly_anything(key):
    model = MODELS[key]
    for convention in CONVENTIONS:
        costs = [model.training_flop(convention, context) for context in (1, 1e3, 1e5)]
        assert costs[0] < costs[1] < costs[2]
    # Without attention's products and the output layer, a token costs 6 FLOP for each weight it meets.
    parts = model.forward(context=1)
    met = model.parameters.active - model.parameters.embedding - model.parameters.positions - model.parameters.head
    assert parts.total - parts.attention - parts.head == pytest.approx(2 * met, rel=2e-3)


def test_6nd_is_within_two_percent_for_gpt_3_and_a_sixth_short_for_small_models():
    assert MODELS["gpt-3"].over_6n() == pytest.approx(1.014, abs=1e-3)
    assert MODELS["gpt-3-small"].over_6n() == pytest.approx(1.137, abs=1e-3)
    assert HOFFMANN_2022_MODELS["74m"].over_6n() > 1.15


def test_gpt_3s_compute_is_that_of_6nd_with_its_exact_size():
    size = MODELS["gpt-3"].parameters.total
    assert float(f"{6 * size * 300e9:.3g}") == facts.get("results/gpt3-compute").value


# ---- the cost of a token as a function of N ----

families = st.builds(
    FlopPerToken,
    vocab=st.sampled_from([0.0, 32_000.0, 256_000.0]),
    context=st.sampled_from([0.0, 2048.0, 131_072.0]),
    aspect=st.floats(20, 300),
    embeddings=st.booleans(),
)
sizes = st.floats(6, 13).map(lambda exponent: 10.0**exponent)


@given(families, sizes)
def test_the_cost_of_a_token_is_that_of_the_model_of_this_size(family, N):
    d = family.width(N)
    layers = d / family.aspect
    assert 12 * layers * d * d + (family.vocab * d if family.embeddings else 0) == pytest.approx(N, rel=1e-9)
    by_hand = 6 * (12 * layers * d * d + family.vocab * d) + 3 * 2 * 2 * layers * d * family.context / 2
    assert family(N) == pytest.approx(by_hand, rel=1e-12)
    assert family(2 * N) > family(N)


@given(families, sizes)
def test_the_cost_of_a_token_traces_and_has_the_slope_of_a_difference(family, N):
    traced = family(variable("N"))
    assert evaluate(traced, {"N": N}) == pytest.approx(family(N), rel=1e-13)
    slope = evaluate(derivative(traced, "N"), {"N": N})
    assert slope == pytest.approx((family(N * 1.0001) - family(N * 0.9999)) / (0.0002 * N), rel=1e-5)


def test_with_no_vocabulary_and_no_context_a_token_costs_6n():
    assert FlopPerToken()(1e9) == pytest.approx(6e9, rel=1e-12)


def test_the_family_costs_what_a_transformer_of_its_shape_costs():
    model = Transformer(layers=32, width=4096, heads=32, vocab=32000, context=2048)
    family = FlopPerToken(vocab=32000, context=2048, aspect=128)
    assert family(model.parameters.non_embedding) == pytest.approx(model.training_flop(), rel=1e-4)  # (context + 1) / 2


@pytest.mark.parametrize("C", [1e18, 1e21, 1e24])
def test_the_optimum_under_the_exact_cost_spends_the_budget_and_nears_6nd_as_it_grows(C):
    family = FlopPerToken(vocab=50257, context=2048)
    best = minimise(BESIROGLU_2024.loss, C, flop_per_token=family)
    assert best.D * family(best.N) == pytest.approx(C, rel=1e-10)
    for factor in (0.98, 1.02):
        other = best.N * factor
        assert BESIROGLU_2024.loss(other, C / family(other)) > best.loss
    assert family(best.N) / (6 * best.N) < {1e18: 1.9, 1e21: 1.2, 1e24: 1.05}[C]


def test_arrays_of_sizes_have_arrays_of_costs():
    costs = FlopPerToken(vocab=32000, context=2048, embeddings=True)(np.array([1e8, 1e9]))
    assert costs.shape == (2,) and costs[0] < costs[1]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Transformer(0, 768, 12, 50257), ValueError, "layers = 0: it must be a whole number of at least 1"),
        (lambda: Transformer(12, 768.5, 12, 50257), ValueError, "width = 768.5"),
        (lambda: Transformer(12, math.nan, 12, 50257), ValueError, "width = nan"),
        (lambda: Transformer(True, 768, 12, 50257), TypeError, "layers must be a whole number, got True"),
        (lambda: Transformer(12, "768", 12, 50257), TypeError, "width must be a whole number"),
        (lambda: Transformer(12, 768, 11, 50257), ValueError, "width = 768 does not divide into heads = 11: give head_dim"),
        (lambda: Transformer(12, 768, 12, 50257, kv_heads=5), ValueError, "not a multiple of kv_heads = 5"),
        (lambda: Transformer(12, 768, 12, 50257, active_experts=2), ValueError, "active_experts = 2 is more than experts = 1"),
        (lambda: Transformer(12, 768, 12, 50257, norm_vectors=3), ValueError, "norm_vectors = 3"),
        (lambda: Transformer(12, 768, 12, 50257, tied=1), TypeError, "tied must be True or False"),
        (lambda: MODELS["gpt-2"].forward("flops"), ValueError, "unknown convention 'flops'; known: exact, kaplan"),
        (lambda: MODELS["gpt-2"].forward(context=-1), ValueError, "context = -1"),
        (lambda: MODELS["gpt-2"].over_6n(N=0), ValueError, "N = 0"),
        (lambda: FlopPerToken(vocab=-1.0), ValueError, "vocab = -1"),
        (lambda: FlopPerToken(aspect=0.0), ValueError, "aspect = 0"),
        (lambda: FlopPerToken()(0.0), ValueError, "N = 0"),
    ],
)
def test_no_model_is_made_from_nonsense(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_every_kind_of_weight_is_counted_once():
    for model in itertools.chain(MODELS.values(), HOFFMANN_2022_MODELS.values()):
        p = model.parameters
        assert p.non_embedding == p.attention + p.feed_forward + p.router + p.norms
        assert 0 < p.active <= p.total
