"""What can be wrong with a page that a browser shows? Each function returns its faults in words, none when all is well.

They take any page, so that test_faults.py can show each of them a page with the fault.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from benchmarks.pages import BUDGETS, Weight

if TYPE_CHECKING:
    from playwright.sync_api import Page

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CONTRAST = ["color-contrast"]
#: Of these, a page has hundreds that look alike.
REPEATED = "p, li, tr, dt, dd, pre, math, figure svg, .picture svg"
LEAST_ALT = 40

_SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= room) return null;
  const clipped = (e) => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== "visible") return true;
    return false;
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > room + 1 && !clipped(e))
    .slice(0, 5)
    .map((e) => `${e.localName}.${e.getAttribute("class") ?? ""} ends at ${Math.round(e.getBoundingClientRect().right)}`);
}"""

# Text outside code, formulas and scripts.
_PROSE = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest("pre, code, script, style, noscript, textarea, annotation, option")
      ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.push(walker.currentNode.data);
  return texts.join("\\n");
}"""

_MATHS = """async () => {
  await document.fonts.ready;
  const faults = [];
  const formulas = [...document.querySelectorAll("math")].filter((m) => m.checkVisibility());
  const bare = (family) => family.replace(/"/g, "").trim();
  const faces = new Set([...document.fonts].filter((f) => f.status === "loaded").map((f) => bare(f.family)));
  for (const family of new Set(formulas.map((m) => bare(getComputedStyle(m).fontFamily.split(",")[0]))))
    if (!faces.has(family)) faults.push(`formulas want the font ${family}; loaded are ${[...faces].join(", ") || "none"}`);
  for (const m of formulas) {
    const box = m.getBoundingClientRect();
    const source = (m.querySelector("annotation")?.textContent ?? m.textContent).trim().slice(0, 60);
    if (box.width < 2 || box.height < 4) faults.push(`a formula takes no room: ${source}`);
    if (m.querySelector("merror")) faults.push(`a formula holds an error: ${source}`);
    // A bracket around a fraction that does not stretch means that the font's MATH table does no work.
    for (const fence of m.querySelectorAll("mo[form=prefix], mo[fence], mo[stretchy=true]")) {
      const fraction = [...fence.parentElement.children].find((e) => e.localName === "mfrac");
      if (!fraction || !/^[([{|]$/.test(fence.textContent.trim())) continue;
      if (fence.getAttribute("stretchy") === "false") continue;
      if (fence.getBoundingClientRect().height < 0.75 * fraction.getBoundingClientRect().height)
        faults.push(`a bracket does not stretch to its content: ${source}`);
    }
  }
  for (const e of document.querySelectorAll(".math-error")) faults.push(`LaTeX was not understood: ${e.textContent}`);
  return faults;
}"""

_FONTS = """async () => {
  await document.fonts.ready;
  return [...document.fonts].filter((f) => f.status === "error").map((f) => `the font ${f.family} did not load`);
}"""

_ICONS = """async () => {
  await document.fonts.ready;
  const seen = {};
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility()) continue;
    for (const where of ["::before", "::after"]) {
      const style = getComputedStyle(e, where);
      const content = style.content.match(/^"(.)"$/u);
      if (!content || !/font ?awesome/i.test(style.fontFamily)) continue;
      seen[content[1].codePointAt(0)] = [style.fontWeight, style.fontFamily];
    }
  }
  const covers = (face, point) => face.unicodeRange.split(",").some((part) => {
    const [first, last] = part.trim().replace("U+", "").split("-");
    return point >= parseInt(first.replaceAll("?", "0"), 16) && point <= parseInt((last ?? first).replaceAll("?", "F"), 16);
  });
  const loaded = [...document.fonts].filter((face) => face.status === "loaded");
  return Object.entries(seen).map(([point, [weight, family]]) => ({ point: Number(point), ready: loaded.some((face) =>
    family.includes(face.family.replace(/"/g, "")) && face.weight === weight && covers(face, Number(point))) }));
}"""

_PICTURES = """() => {
  const main = document.querySelector("main") ?? document.body;
  const faults = [];
  const named = [];
  const say = (e) => e.outerHTML.replace(/\\s+/g, " ").slice(0, 100);
  for (const e of document.querySelectorAll("img"))
    if (!e.hasAttribute("alt")) faults.push(`a picture has no alt attribute: ${say(e)}`);
  for (const e of main.querySelectorAll("img[alt]")) if (!e.closest("a.logo")) named.push([e.getAttribute("alt"), say(e)]);
  for (const e of main.querySelectorAll("[role=img]")) if (!e.closest("[hidden], [aria-hidden=true]"))
    named.push([e.getAttribute("aria-label") ?? e.querySelector("title")?.textContent ?? "", say(e)]);
  for (const e of main.querySelectorAll("svg:not(svg svg), canvas, object, embed"))
    if (!e.closest("[role=img], [aria-hidden=true], button, a")) faults.push(`a drawing without a name: ${say(e)}`);
  for (const e of main.querySelectorAll("figure.explorer"))
    if (!e.querySelector("[role=img]:not([hidden])")) faults.push(`an explorer without a named picture: #${e.id}`);
  return { faults, named };
}"""


# Marks what of `again` shows text only in looks that the page has shown before. A look is all that contrast depends on:
# the text's own paint, size and weight, and every ground behind it. What axe does not judge (hidden, disabled, too small to
# see) shows nothing.
_SEEN = """([within, again]) => {
  const root = document.querySelector(within);
  const grounds = new Map();
  const ground = (e) => {
    if (!e) return "";
    if (!grounds.has(e)) {
      const { backgroundColor, backgroundImage, opacity, filter, mixBlendMode } = getComputedStyle(e);
      const own = [backgroundColor, backgroundImage, opacity, filter, mixBlendMode].join();
      grounds.set(e, ground(e.parentElement) + (own === "rgba(0, 0, 0, 0),none,1,none,normal" ? "" : `/${own}`));
    }
    return grounds.get(e);
  };
  const judged = (e) => {
    const box = e.getBoundingClientRect();
    return box.width > 3 && box.height > 3 && e.checkVisibility({ visibilityProperty: true, opacityProperty: true })
      && !e.closest("[aria-hidden=true], [aria-disabled=true], :disabled, label, .visually-hidden, .explorer-unseen");
  };
  const looks = (e) => [e, ...e.querySelectorAll("*")]
    .filter((part) => [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((part) => {
      const { color, fill, stroke, fontSize, fontWeight, textShadow, webkitTextFillColor } = getComputedStyle(part);
      return [part, [color, fill, stroke, fontSize, fontWeight, textShadow, webkitTextFillColor, ground(part)].join("|")];
    });
  const seen = new Set();
  for (const e of root.querySelectorAll("[data-seen]")) e.removeAttribute("data-seen");
  for (const e of root.querySelectorAll(again)) {
    if (e.parentElement.closest("[data-seen]")) continue;
    const parts = looks(e);
    if (parts.every(([, look]) => seen.has(look))) e.setAttribute("data-seen", "");
    else for (const [part, look] of parts) if (judged(part)) seen.add(look);
  }
}"""


def axe(page: Page, within: str = "html", *, colours: bool = True, structure: bool = True) -> list[str]:
    """Violations of WCAG 2.2 A and AA that axe-core finds in what is visible now inside the element ``within``.

    Contrast takes nine tenths of the time. It is measured apart, and not again on paragraphs, rows, code, formulas and
    drawings that show nothing but looks judged before on the same page. ``colours=False`` leaves it out, and
    ``structure=False`` all else.
    """
    from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    rest = {"runOnly": {"type": "tag", "values": WCAG}, "rules": {rule: {"enabled": False} for rule in CONTRAST}}
    runs = [({"include": [[within]]}, rest)] if structure else []
    if colours:
        page.evaluate(_SEEN, [within, REPEATED])
        once = {"include": [[within]], "exclude": [["[data-seen]"]]}
        runs.append((once, {"runOnly": {"type": "rule", "values": CONTRAST}}))
    run = "([where, options]) => axe.run(where, options).then((results) => results.violations)"
    found: list[dict[str, Any]] = []
    for where, options in runs:
        found += page.evaluate(run, [where, {**options, "resultTypes": ["violations"], "preload": False}])
    return [
        f"axe {rule['id']}: {node['target']} {' '.join(node['failureSummary'].split())[:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


def sideways(page: Page) -> list[str]:
    """The page is wider than its window."""
    sticking_out = page.evaluate(_SIDEWAYS)
    if sticking_out is None:
        return []
    return [f"scrolls sideways at {page.evaluate('innerWidth')} px: {'; '.join(sticking_out) or 'no element sticks out'}"]


def raw_tex(text: str) -> list[str]:
    """LaTeX in running text: a command, or dollars around something that is no price."""
    patterns = (r"\\[a-zA-Z]{2,}", r"\$\$", r"\$[^$\n]*[\\^_{][^$\n]*\$", r"\\[\(\[]")
    return [f"raw TeX: {text[max(0, hit.start() - 20) : hit.end() + 20]!r}" for p in patterns for hit in re.finditer(p, text)]


def formulas(page: Page) -> list[str]:
    """What keeps equations from being read: raw TeX, an error, no room, no font, brackets that do not stretch."""
    return [*raw_tex(page.evaluate(_PROSE)), *page.evaluate(_MATHS)]


def fonts(page: Page) -> list[str]:
    """Fonts that the page asked for in vain."""
    return list(page.evaluate(_FONTS))


def icons(page: Page, drawn: set[int]) -> list[str]:
    """Icons that show an empty box: their font is not loaded, or has no such glyph. ``drawn``: the glyphs it has."""
    return [
        f"the icon U+{icon['point']:04X} has no glyph in the site's fonts"
        if icon["ready"]
        else f"the font of the icon U+{icon['point']:04X} is not loaded"
        for icon in page.evaluate(_ICONS)
        if not icon["ready"] or icon["point"] not in drawn
    ]


def pictures(page: Page) -> list[str]:
    """Pictures that say nothing to who cannot see them."""
    found = page.evaluate(_PICTURES)
    return [*found["faults"], *alternatives(tuple(pair) for pair in found["named"])]


def alternatives(named: Iterable[tuple[str, str]]) -> list[str]:
    """Faults of alternative texts, given as (text, what it belongs to)."""
    faults = []
    pairs = [(" ".join(text.split()), where) for text, where in named]
    for text, where in pairs:
        real = len(re.findall(r"[^\W_]", text))
        if re.search(r"\.(png|svg|jpe?g|gif|webp|pdf)\b|^[\w./-]*[_/][\w./-]*$", text, re.IGNORECASE):
            faults.append(f"the alternative text is a file's name: {text!r} of {where}")
        elif real < LEAST_ALT or len(set(text.lower().split())) < 6:
            faults.append(f"the alternative text says too little ({real} letters and digits): {text!r} of {where}")
    for text, count in Counter(text for text, _ in pairs).items():
        if count > 1:
            faults.append(f"{count} pictures have the same alternative text {text!r}")
    return faults


def overweight(page: str, weight: Weight) -> list[str]:
    """What ``page`` weighs beyond its budgets."""
    budgets = BUDGETS["bytes"]
    limits = {"own": budgets["page_own"], "shared": budgets["page_shared"], "explorers": budgets["explorers_shared"]}
    return [
        f"{page}: {getattr(weight, kind)[1]:,} bytes gzipped ({kind}), budget {limit:,.0f}"
        for kind, limit in limits.items()
        if getattr(weight, kind)[1] > limit
    ]
