"""Which colour means what? One palette for figures and explorers, in light, dark and print.

Every colour is written into figures as ``var(--ex-1, #hex)``: the page's theme decides, and where there is no page
(a notebook elsewhere, a picture) the light value stands. On their surface the colours reach 4.5:1; the first three
stay apart under the common colour-vision deficiencies. Both are computed in the tests.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping

__all__ = ["DARK", "LIGHT", "SURFACE", "VARIABLES", "coarse", "color", "css", "plain", "themed"]

#: Meaning -> CSS variable. law: the law and its optimum; other: a second law; you: the reader's or a real model.
VARIABLES: Mapping[str, str] = {
    "law": "--ex-1",
    "other": "--ex-2",
    "you": "--ex-3",
    "fourth": "--ex-4",
    "fifth": "--ex-5",
    "sixth": "--ex-6",
    "text": "--ex-text",
    "muted": "--ex-muted",
    "axis": "--ex-axis",
    "grid": "--ex-grid",
    "surface": "--ex-surface",
}
#: Meaning -> colour on a light surface.
LIGHT: Mapping[str, str] = {
    "law": "#14668f",
    "other": "#9333d6",
    "you": "#b8480b",
    "fourth": "#00755c",
    "fifth": "#7d5c00",
    "sixth": "#4d5866",
    "text": "#1c232b",
    "muted": "#55606d",
    "axis": "#7b8794",
    "grid": "#e6eaee",
    "surface": "#ffffff",
}
#: Meaning -> colour on a dark surface.
DARK: Mapping[str, str] = {
    "law": "#4b9ff2",
    "other": "#e8b5dc",
    "you": "#fb8148",
    "fourth": "#4ecfa3",
    "fifth": "#e6c04a",
    "sixth": "#aab4c2",
    "text": "#e8ecf1",
    "muted": "#a7b1be",
    "axis": "#78838f",
    "grid": "#272e38",
    "surface": "#171b22",
}
#: The card or page behind the figures, by theme.
SURFACE = {"light": LIGHT["surface"], "dark": DARK["surface"]}


def color(meaning: str) -> str:
    """The CSS colour for ``meaning``: follows the page's theme, light where there is none. KeyError if unknown.

    >>> color("law")
    'var(--ex-1, #14668f)'
    """
    return f"var({VARIABLES[meaning]}, {LIGHT[meaning]})"


def plain(svg: str) -> str:
    """Replace every themed colour in an SVG by its light value, for renderers that know no CSS variables.

    >>> plain('<path stroke="var(--ex-1, #14668f)"/>')
    '<path stroke="#14668f"/>'
    """
    for meaning in LIGHT:
        svg = svg.replace(color(meaning), LIGHT[meaning])
    return svg


def themed(svg: str) -> str:
    """The inverse of :func:`plain`: make the palette's light colours in an SVG follow the page's theme.

    >>> themed('<path stroke="#14668f"/>')
    '<path stroke="var(--ex-1, #14668f)"/>'
    """
    for meaning, value in LIGHT.items():
        svg = svg.replace(value, color(meaning))
    return svg


#: How far, in points, a drawn line may leave the computed one: a fraction of what the eye or a screen can tell.
_TOLERANCE = 0.04

_Point = tuple[float, float]


def coarse(svg: str) -> str:
    """Paths to a hundredth of a point, in steps, without points on a straight line between others: half of the bytes.

    >>> coarse('<path d="M 1.23456 2.5 L 3.98765 4"/>')
    '<path d="M1.23,2.5l2.76,1.5"/>'
    >>> coarse('<path d="M0 0 L1 1.01 L2 2 L3 9Z"/>')
    '<path d="M0,0l2,2l1,7Z"/>'
    """

    def rounded(path: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{round(float(number[0]), 2):g}", path[0])

    return re.sub(r'(?<= d=")[^"]*', lambda path: _thinned(rounded(path)), svg)


def _thinned(path: str) -> str:
    """The same path with fewer points, if it is made of straight lines with absolute coordinates."""
    if not re.fullmatch(r"\s*M[\sMLZz\d.,e+-]*", path):
        return path
    pieces = []
    for piece in re.findall(r"M[^M]*", path):
        body, closed = re.subn(r"[Zz]\s*$", "", piece)
        numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", body)]
        if len(numbers) % 2 or "Z" in body or "z" in body:
            return path
        kept = _corners(list(zip(numbers[::2], numbers[1::2], strict=True)))
        steps = "".join(f"l{x1 - x0:.2f},{y1 - y0:.2f}" for (x0, y0), (x1, y1) in itertools.pairwise(kept))
        pieces.append(f"M{kept[0][0]:g},{kept[0][1]:g}" + re.sub(r"\.?0+(?=[,l]|$)", "", steps) + "Z" * closed)
    return "".join(pieces)


def _distance(point: _Point, start: _Point, end: _Point) -> float:
    """From a point to the nearest place on the line from ``start`` to ``end``."""
    across, up = end[0] - start[0], end[1] - start[1]
    square = across**2 + up**2
    along = ((point[0] - start[0]) * across + (point[1] - start[1]) * up) / square if square > 0 else 0.0
    along = min(max(along, 0.0), 1.0)
    return math.hypot(point[0] - start[0] - along * across, point[1] - start[1] - along * up)


def _corners(points: list[_Point]) -> list[_Point]:
    """Ramer, Douglas and Peucker's choice of points: no other lies farther than the tolerance from the lines between them."""
    kept, waiting = {0, len(points) - 1}, [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        away = [_distance(point, points[first], points[last]) for point in points[first + 1 : last]]
        if away and max(away) > _TOLERANCE:
            middle = first + 1 + away.index(max(away))
            kept.add(middle)
            waiting += [(first, middle), (middle, last)]
    return [points[index] for index in sorted(kept)]


def css() -> str:
    """The palette as a stylesheet: by the book's theme switch, by JupyterLab's, or else by the reader's system.

    >>> css().splitlines()[:2]
    [':root {', '  --ex-1: #14668f;']
    """

    def block(selector: str, values: Mapping[str, str]) -> str:
        lines = "".join(f"  {VARIABLES[meaning]}: {value};\n" for meaning, value in values.items())
        return f"{selector} {{\n{lines}}}\n"

    by_switch = 'html[data-theme="dark"], body[data-jp-theme-light="false"]'
    by_system = 'html:not([data-theme]) body:not([data-jp-theme-light])'
    return (
        block(":root", LIGHT)
        + f"@media screen {{\n{block(by_switch, DARK)}}}\n"
        + f"@media screen and (prefers-color-scheme: dark) {{\n{block(by_system, DARK)}}}\n"
    )
