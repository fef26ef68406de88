"""A law says so when it is asked about what its runs never saw, to whoever asked, and to nobody else."""

import threading
import warnings

import numpy as np
import pytest

from scaling_helpers import explorers, figures, laws, optimum
from scaling_helpers.laws import (
    BESIROGLU_2024,
    GADRE_2024,
    KAPLAN_2020,
    MUENNIGHOFF_2023,
    ExtrapolationWarning,
    KaplanLaw,
    Origin,
    PowerLaw,
    extrapolating,
    outside,
)
from scaling_helpers.optimum import minimise
from scaling_helpers.trace import variable


def test_a_value_beyond_the_runs_is_named_with_the_law_and_the_range():
    says = r"Kaplan 2020, L\(N, D\) extrapolates: N = 1\.75e\+11 parameters, and its runs had 768 to 1\.5e\+09"
    with pytest.warns(ExtrapolationWarning, match=says) as caught:
        KAPLAN_2020.loss(175e9, 1e10)
    assert len(caught) == 1
    assert caught[0].filename == __file__, "the warning points at the line of the caller"


def test_each_quantity_beyond_its_range_is_said_once_for_an_array():
    with pytest.warns(ExtrapolationWarning) as caught:
        KAPLAN_2020.loss(np.geomspace(1e2, 1e8, 50), np.full(50, 1e12))
    assert [str(one.message).split(": ")[1].split(" ")[0] for one in caught] == ["N", "D"]


@pytest.mark.parametrize(
    ("ask", "symbols"),
    [
        (lambda: BESIROGLU_2024.loss(70e9, 1.4e12), ["N", "D"]),
        (lambda: BESIROGLU_2024.optimal(5.76e23), ["N", "D"]),
        (lambda: BESIROGLU_2024.optimal(1e21), []),
        (lambda: BESIROGLU_2024.tokens_for_loss(8e9, 2.0), ["D"]),
        (lambda: BESIROGLU_2024.compute_for_loss(1.95), ["N", "D"]),
        (lambda: BESIROGLU_2024.compute_for_loss(2.6), []),
        (lambda: GADRE_2024["c4"].loss(1e9, 2e12), ["D", "D/N"]),
        (lambda: GADRE_2024["c4"].loss(1e9, 2e10), []),
        (lambda: MUENNIGHOFF_2023.loss(1e15, 1e18), []),  # its range is in no source of ours
    ],
)
def test_every_answer_of_a_law_is_held_against_its_runs(ask, symbols):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ask()
    assert [str(one.message).split("extrapolates: ")[1].split(" ")[0] for one in caught] == symbols
    assert all(one.category is ExtrapolationWarning and one.filename == __file__ for one in caught)


def test_within_the_runs_and_for_tracers_and_own_laws_nothing_is_said():
    own = KaplanLaw(PowerLaw(5e13, 0.08), PowerLaw(2e13, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KAPLAN_2020.loss(1e9, 1e10)
        KAPLAN_2020.loss(768, 2.3e10)
        KAPLAN_2020.loss(variable("n"), variable("d"))
        KAPLAN_2020.loss(variable("n"), 1e10)
        own.loss(1e12, 1e13)


def test_on_purpose_is_silent_and_ends_with_the_block_even_by_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with extrapolating():
            KAPLAN_2020.loss(1e12, 1e13)
            with extrapolating():
                pass
            KAPLAN_2020.loss(1e12, 1e13)
        with pytest.raises(RuntimeError), extrapolating():
            raise RuntimeError
    with pytest.warns(ExtrapolationWarning):
        KAPLAN_2020.loss(1e12, 1e13)


def test_what_one_thread_does_on_purpose_another_is_still_told():
    heard = []

    def ask():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            KAPLAN_2020.loss(1e12, 1e13)
        heard.extend(caught)

    with extrapolating():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert len(heard) == 2


def test_the_package_itself_is_not_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ExtrapolationWarning)
        minimise(KAPLAN_2020.loss, 1e25)
        explorers.isoflop().readouts()
        optimum.break_even(BESIROGLU_2024, 7e9, 1e13)
        optimum.closed_form(BESIROGLU_2024, 1e26)
        figures.isoflop_curves(BESIROGLU_2024, [1e21, 1e23], alt="Two bowl-shaped curves of loss against size.")


def test_outside_answers_without_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert outside(KAPLAN_2020, N=1e9, D=1e10) == []
        assert len(outside(KAPLAN_2020, N=1e12, D=1e13)) == 2
        assert outside(KAPLAN_2020, N=variable("n"), D=[]) == []
        assert outside(PowerLaw(1.0, 0.5), x=1e300) == []
    origin = Origin("x", "X", "somewhere", "some", "two", ratio_range=(5.0, 640.0), compute_range=(1e18, 1e21))
    law = PowerLaw(1.0, 0.5, origin=origin)
    assert outside(law, N=1e9, D=1e12) == ["X extrapolates: D/N = 1000 tokens per parameter, and its runs had 5 to 640"]
    assert outside(law, C=1e17) == ["X extrapolates: C = 1e+17 FLOP, and its runs had 1e+18 to 1e+21"]
    assert outside(law, N=variable("n"), D=1e12) == []


def test_a_value_computed_from_the_end_of_the_range_is_within_it():
    assert outside(KAPLAN_2020, N=1.5e9 * (1 + 1e-12)) == []


@pytest.mark.parametrize("name", [name for name in laws.__all__ if hasattr(getattr(laws, name), "origin")])
def test_every_published_object_says_where_it_comes_from(name):
    law = getattr(laws, name)
    if isinstance(law, type) or law.origin is None:
        return
    origin = law.origin
    assert "arXiv:" in origin.citation and origin.estimator and origin.digits and origin.title and origin.conventions
    for low, high, _unit in origin.ranges.values():
        assert 0 < low < high
