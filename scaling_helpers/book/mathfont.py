"""Which font draws the equations: a subset of STIX Two Math, made at build time.

A browser stretches brackets, roots and sums only with a font that has a MATH table, and few readers have one. STIX
Two Math (SIL Open Font Licence 1.1) comes inside the installed package ziamath. The subset keeps the MATH table with
all size variants and assemblies of the characters below, and the script-size and dotless forms.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from .folders import installed, made_static, write_if_changed

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FONT_FILE = "fonts/stix-two-math.woff2"

# First and last code point of what a maths book writes.
CHARACTERS: dict[str, list[tuple[int, int]]] = {
    "Latin": [(0x20, 0x7E), (0xA0, 0xFF)],
    "Greek": [(0x391, 0x3C9), (0x3D1, 0x3D6), (0x3F0, 0x3F5)],
    "accents": [(0x300, 0x30C), (0x332, 0x338), (0x20D0, 0x20D7)],
    "punctuation, primes, invisible operators": [(0x2010, 0x2044), (0x2057, 0x2057), (0x2061, 0x2064)],
    "letterlike": [(0x2102, 0x2102), (0x210A, 0x2138)],
    "arrows": [(0x2190, 0x2199), (0x21A6, 0x21A6), (0x21D0, 0x21D5)],
    "operators and relations": [(0x2200, 0x22FF)],
    "floor, ceiling, over- and underbraces": [(0x2308, 0x230B), (0x23B4, 0x23B5), (0x23DC, 0x23DF)],
    "brackets, long arrows": [(0x27E6, 0x27EB), (0x27F5, 0x27FA), (0x27FC, 0x27FC)],
    "large operators, slanted inequalities": [(0x2A00, 0x2A02), (0x2A7D, 0x2A7E), (0x2AAF, 0x2AB0)],
    "box, circle": [(0x25A0, 0x25A1), (0x25CB, 0x25CB), (0x25CF, 0x25CF)],
    "italic, the default of a variable": [(0x1D434, 0x1D467), (0x1D6E2, 0x1D71B), (0x1D6A4, 0x1D6A5)],
    "bold": [(0x1D400, 0x1D433), (0x1D6A8, 0x1D6E1), (0x1D7CE, 0x1D7D7)],
    "bold italic Latin": [(0x1D468, 0x1D49B)],
    "calligraphic": [(0x1D49C, 0x1D4B5), (0xFE00, 0xFE01)],
    "blackboard": [(0x1D538, 0x1D550), (0x1D7D8, 0x1D7D9)],
}


def code_points(ranges: Iterable[Iterable[tuple[int, int]]]) -> set[int]:
    """All code points of the given ranges, ends included."""
    return {point for group in ranges for first, last in group for point in range(first, last + 1)}


def full_font() -> bytes:
    """STIX Two Math as ziamath installs it."""
    return (installed("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf").read_bytes()


def subset_font(source: bytes) -> bytes:
    """The woff2 font with only `CHARACTERS`; the same bytes for the same input."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.layout_features = ["ssty", "dtls", "flac", "ccmp", "locl"]
    options.hinting = False
    options.name_IDs = [0, 1, 2, 5, 6, 13, 14]  # the names, the version, the licence and its address
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.drop_tables += ["DSIG"]
    font = TTFont(io.BytesIO(source), recalcTimestamp=False, lazy=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=code_points(CHARACTERS.values()))
    subsetter.subset(font)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def make_font(app: Sphinx) -> None:
    """Put the font among the files that go to ``_static``, unless it is there already."""
    import fontTools

    source = full_font()
    key = sha256(source + repr(CHARACTERS).encode() + fontTools.version.encode()).hexdigest()
    target = made_static(app) / FONT_FILE
    stamp = made_static(app).parent / "mathfont.key"
    if target.exists() and stamp.exists() and stamp.read_text() == key:
        return
    write_if_changed(target, subset_font(source))
    stamp.write_text(key)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", make_font)
