"""Which problems does the sampled model solve? Sums of three-digit numbers, whose answers anyone can check.

A problem is written ``a123+456+789=``; the answer ends in the sum and a semicolon. The number of terms is its difficulty. The
first letter says how much the model may write before the sum, which is what it pays for thinking in sequence:

====== ======================= ==========================
letter scratchpad              answer to the problem above
====== ======================= ==========================
``a``  none                    ``1368;``
``b``  every other running sum ``1368;``, with more terms ``579,...;``
``c``  every running sum       ``579,1368;``
====== ======================= ==========================

Without a scratchpad a small model is soon out of its depth: its chance of the right sum falls from all to one in thousands
as terms are added, which is the range that repeated sampling is about.

>>> problem = Problem((123, 456, 789), "c")
>>> problem.prompt, problem.answer
('c123+456+789=', '579,1368;')
>>> is_right(problem, "579,1368;"), is_right(problem, "580,1368;"), is_right(problem, "1369;")
(True, True, False)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALPHABET", "CONTEXT", "SCRATCHPADS", "Problem", "decode", "encode", "examples", "is_right", "problems"]

#: Kinds of token; the last ends an answer and fills what is left of a window.
ALPHABET = "0123456789+=,abc;"
#: How much may be written before the sum: letter -> running sums are written after this many terms, 0 for never.
SCRATCHPADS = {"a": 0, "b": 2, "c": 1}
#: Terms of the easiest and the hardest problems.
FEWEST, MOST = 2, 8
#: Tokens of the longest problem with its answer.
CONTEXT = 4 * MOST + 1 + 5 * (MOST - 1)
_SUM = re.compile(r"(?:\d+,)*(\d+);")
_PROBLEM_STREAM, _TRAINING_STREAM = 1, 2


@dataclass(frozen=True)
class Problem:
    """Numbers to add, and the letter of the scratchpad.

    >>> Problem((5, 17)).prompt
    'a005+017='
    """

    terms: tuple[int, ...]
    scratchpad: str = "a"

    @property
    def prompt(self) -> str:
        """What the model is given."""
        return self.scratchpad + "+".join(f"{term:03d}" for term in self.terms) + "="

    @property
    def answer(self) -> str:
        """What it was taught to write."""
        every = SCRATCHPADS[self.scratchpad]
        running = list(accumulate(self.terms))[1:]
        shown = [total for step, total in enumerate(running[:-1], start=1) if every and step % every == 0]
        return ",".join(str(total) for total in [*shown, running[-1]]) + ";"


def is_right(problem: Problem, answer: str) -> bool:
    """Whether an answer ends in the sum. What it wrote before does not count: only the result is verified.

    >>> is_right(Problem((1, 2)), "3"), is_right(Problem((1, 2)), "03;")
    (False, False)
    """
    found = _SUM.fullmatch(answer)
    return bool(found) and found[1] == str(sum(problem.terms))  # type: ignore[index]


def encode(text: str) -> list[int]:
    """Tokens of a text.

    >>> encode("10=")
    [1, 0, 11]
    """
    return [ALPHABET.index(letter) for letter in text]


def decode(tokens: NDArray[np.int64] | list[int]) -> str:
    """The text of tokens.

    >>> decode(encode("a12+3="))
    'a12+3='
    """
    return "".join(ALPHABET[token] for token in tokens)


def problems(terms: int, count: int, seed: int = 0, scratchpad: str = "a") -> list[Problem]:
    """``count`` different problems of ``terms`` terms; the same ones for every scratchpad.

    Raises ValueError for a number of terms or a scratchpad that there is not.

    >>> [one.terms for one in problems(2, 2)] == [one.terms for one in problems(2, 2, scratchpad="c")]
    True
    """
    if not FEWEST <= terms <= MOST:
        raise ValueError(f"terms = {terms}: problems have {FEWEST} to {MOST}")
    if scratchpad not in SCRATCHPADS:
        raise ValueError(f"scratchpad = {scratchpad!r}; there are {', '.join(SCRATCHPADS)}")
    draw = np.random.default_rng([seed, _PROBLEM_STREAM, terms])
    found: dict[tuple[int, ...], None] = {}
    while len(found) < count:
        found.setdefault(tuple(int(term) for term in draw.integers(0, 1000, terms)))
    return [Problem(numbers, scratchpad) for numbers in found]


def examples(count: int, seed: int, step: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Training windows (count, CONTEXT + 1) of solved problems, and which of their targets are part of an answer.

    Terms and scratchpads are drawn evenly. There are so many problems that a training run meets those of the study hardly
    ever, but for those of two terms.

    >>> windows, scored = examples(4, 0, 0)
    >>> windows.shape == (4, CONTEXT + 1), scored.shape == (4, CONTEXT)
    (True, True)
    """
    draw = np.random.default_rng([seed, _TRAINING_STREAM, step])
    windows = np.full((count, CONTEXT + 1), ALPHABET.index(";"))
    scored = np.zeros((count, CONTEXT), bool)
    sizes, letters = draw.integers(FEWEST, MOST + 1, count), draw.integers(0, len(SCRATCHPADS), count)
    numbers = draw.integers(0, 1000, (count, MOST))
    for row in range(count):
        problem = Problem(tuple(int(term) for term in numbers[row, : sizes[row]]), list(SCRATCHPADS)[letters[row]])
        asked, answer = encode(problem.prompt), encode(problem.answer)
        windows[row, : len(asked) + len(answer)] = asked + answer
        scored[row, len(asked) - 1 : len(asked) + len(answer) - 1] = True
    return windows, scored
