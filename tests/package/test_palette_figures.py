"""Colours stay readable and apart on either theme, and no figure is finished without alt text."""

import itertools
import re

import numpy as np
import pytest

from scaling_helpers import figures, palette
from scaling_helpers.laws import HOFFMANN_2022

THEMES = {"light": palette.LIGHT, "dark": palette.DARK}
#: Linear-RGB matrices of Machado, Oliveira and Fernandes (2009) at full severity.
DEFICIENCIES = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "none": np.eye(3),
}


def linear(color):
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(color):
    return linear(color) @ [0.2126, 0.7152, 0.0722]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 1e-9))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("meaning", [*figures.SERIES, "text", "muted"])
def test_what_is_read_has_a_contrast_of_4_5(theme, meaning):
    colors = THEMES[theme]
    assert contrast(colors[meaning], colors["surface"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_axes_have_a_contrast_of_3(theme):
    assert contrast(THEMES[theme]["axis"], THEMES[theme]["surface"]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_first_three_series_stay_apart_under_every_color_vision(theme, deficiency):
    seen = [lab(np.clip(np.array(DEFICIENCIES[deficiency]) @ linear(THEMES[theme][m]), 0, 1)) for m in figures.SERIES[:3]]
    distances = [float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15, distances


def test_series_have_different_dashes_so_that_greyscale_keeps_them_apart():
    assert len(set(map(str, figures.DASHES))) == len(figures.SERIES)


def test_themed_colors_fall_back_to_light_and_plain_undoes_them():
    svg = f'<path stroke="{palette.LIGHT["law"]}"/>'
    assert palette.themed(svg) == '<path stroke="var(--ex-1, #14668f)"/>'
    assert palette.plain(palette.themed(svg)) == svg


def test_the_stylesheet_names_every_color_for_both_themes():
    sheet = palette.css()
    for meaning, variable in palette.VARIABLES.items():
        assert f"{variable}: {palette.LIGHT[meaning]};" in sheet
        assert f"{variable}: {palette.DARK[meaning]};" in sheet


ALT = "Three bowls of loss against model size, one below the other, with their lowest points joined by a line"


def draw(alt=ALT):
    return figures.isoflop_curves(HOFFMANN_2022, [1e20, 1e21, 1e22], alt=alt)


def test_a_figure_is_an_inline_svg_with_its_alt_text_and_no_color_of_its_own():
    html = draw()._repr_html_()
    assert f'role="img" tabindex="0" aria-label="{ALT}"' in html
    bare = set(re.findall(r"(?<!, )#[0-9a-f]{6}\b", html))
    assert not bare, "a colour that no theme can change"
    assert "<style" not in html, "an inline style sheet reaches the whole page"


def test_a_figure_has_the_same_bytes_every_time_and_ids_of_its_own():
    assert draw().svg == draw().svg
    ids = set(re.findall(r'id="([^"]+)"', draw().svg))
    other = set(re.findall(r'id="([^"]+)"', draw(ALT + " again").svg))
    assert ids and not ids & other
    used = set(re.findall(r"url\(#([^)]+)\)", draw().svg)) | set(re.findall(r'xlink:href="#([^"]+)"', draw().svg))
    assert used <= ids


@pytest.mark.parametrize("alt", ["", "A plot", "figure_of_isoflop_curves_for_several_budgets_v2.png"])
def test_a_figure_without_a_real_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="say in at least 40 characters"):
        draw(alt)


def test_a_figure_prints_as_its_alt_text():
    assert repr(draw()) == f"Picture: {ALT}"


def test_a_bad_budget_is_named():
    with pytest.raises(ValueError, match="C = -1 FLOP"):
        figures.isoflop_curves(HOFFMANN_2022, [1e20, -1.0], alt=ALT)


def test_paths_keep_a_hundredth_of_a_point_and_nothing_else_is_touched():
    rest = '<text x="1.23456">0.12345</text></svg>'
    svg = '<svg viewBox="0 0 1.23456 2"><path d="M 1.23456 -7.005 L 12 3.5"/>' + rest
    assert palette.coarse(svg) == '<svg viewBox="0 0 1.23456 2"><path d="M1.23,-7l10.77,10.5"/>' + rest


def absolute(path):
    """The corners of a path of ``M`` and ``l``."""
    steps = np.array([[float(number) for number in pair.split(",")] for pair in re.split("[Ml]", path)[1:]])
    return np.cumsum(steps, axis=0)


@pytest.mark.parametrize("shape", ["curve", "zigzag", "level", "loop"])
def test_a_thinned_line_stays_where_the_line_was(shape):
    x = np.linspace(0, 400, 161)
    y = {"curve": 300 / (1 + np.exp((x - 200) / 30)), "zigzag": np.random.default_rng(0).uniform(0, 300, 161)}
    across, up = (100 + 90 * np.cos(x / 60), 100 + 90 * np.sin(x / 60)) if shape == "loop" else (x, y.get(shape, 0 * x + 7.125))
    path = "M " + " L ".join(f"{a:.6f} {b:.6f}" for a, b in zip(across, up, strict=True))
    corners = absolute(re.search(' d="([^"]*)"', palette.coarse(f'<path d="{path}"/>'))[1])
    assert {"level": len(corners) == 2, "curve": len(corners) < 100}.get(shape, len(corners) > 100)
    starts, steps = corners[:-1], np.diff(corners, axis=0)
    for point in zip(across, up, strict=True):  # how far is the nearest piece of what is drawn?
        along = np.clip(np.sum((point - starts) * steps, axis=1) / np.sum(steps**2, axis=1), 0, 1)[:, None]
        assert np.min(np.linalg.norm(starts + along * steps - point, axis=1)) < 0.06  # 0.04, and a hundredth by rounding
    assert np.allclose(corners[[0, -1]], [[across[0], up[0]], [across[-1], up[-1]]], atol=0.006)


@pytest.mark.parametrize("path", ["M 0 3 C 0.8 3 1.6 2.7 2.1 2.1 Z", "M0,0h5v3h-5Z", "M1,2a3,3 0 1,1 1,0", "m1,1l2,2", "", "M1"])
def test_a_path_that_is_more_than_straight_lines_is_left_alone(path):
    assert palette.coarse(f'<path d="{path}"/>') == f'<path d="{path}"/>'


def test_every_piece_of_a_path_keeps_its_own_start_and_end():
    assert palette.coarse('<path d="M0,0L1,1L2,2ZM5,5L5,5M9,9L9,0L9,9"/>') == '<path d="M0,0l2,2ZM5,5l0,0M9,9l0,-9l0,9"/>'
