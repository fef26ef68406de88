"""Which published laws are there, in one place?

>>> one = catalogue()["kaplan-2020"]
>>> one.form
'((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D'
>>> one.answers["loss"]
('N', 'D')
>>> one.origin.citation
'Kaplan et al. 2020, arXiv:2001.08361, Eq 1.5, Table 2'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from . import domains, kaplan, overtraining, parametric, repeated

__all__ = ["catalogue"]


def _published() -> Iterator[Any]:
    yield from parametric.LAWS.values()
    yield from parametric.SARDANA_2024.values()
    yield repeated.MUENNIGHOFF_2023_REPEATED
    yield from (getattr(kaplan, name) for name in kaplan.__all__ if name.startswith("KAPLAN_2020"))
    yield from overtraining.GADRE_2024.values()
    yield from overtraining.GADRE_2024_ERROR.values()
    for domain in domains.HENIGHAN_2020.values():
        yield domain
        yield from (law for law in (domain.size, domain.compute) if law is not None)


@cache
def catalogue() -> Mapping[str, Any]:
    """Every published law with its constants: ``origin.id`` -> the law.

    Each has ``origin`` (citation, estimator, digits, fitted ranges, units), ``form`` (its formula in words) and
    ``answers``: the name of each method that computes something -> the quantities it takes, in order. Laws with a
    ``loss`` of ("N", "D") fit wherever a law of size and data is asked for.

    >>> [id for id, law in catalogue().items() if "U" in law.answers.get("loss", ())]
    ['muennighoff-2023/repeated']
    """
    return MappingProxyType({law.origin.id: law for law in _published()})
