"""What must hold of the built book and needs no browser: links, equations, the same bytes twice, nothing stale."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml  # type: ignore[import-untyped]
from bs4 import BeautifulSoup, Tag

from benchmarks.pages import pages

from ..conftest import ROOT, build_book
from .test_sphinx_side import MAY_DIFFER, differences

NOT_SOURCE = (
    ".venv",
    ".git",
    "_build",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    ".coverage*",
    ".ipynb_checkpoints",
    "*.egg-info",
)


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def attribute(tag: Tag, name: str) -> str:
    return str(tag.get(name) or "")


# ---- links and references -------------------------------------------------------------------------------------------


def broken_links(site: Path, page: str) -> list[str]:
    """Links and files that ``page`` names and the site does not have."""
    path = site / page
    faults = []
    for tag in parsed(path).find_all(["a", "link", "script", "img"]):
        target = attribute(tag, "href") or attribute(tag, "src")
        parts = urlsplit(target)
        if parts.scheme or parts.netloc or not target:
            continue
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if file.is_dir():
            file /= "index.html"
        if not file.exists():
            faults.append(f"{page}: {target} does not exist")
        elif parts.fragment and file.suffix == ".html" and not has_anchor(file, unquote(parts.fragment).split("?")[0]):
            faults.append(f"{page}: {target} has no such place")
    return faults


@cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(attribute(tag, "id") for tag in parsed(path).find_all(id=True))


def has_anchor(path: Path, name: str) -> bool:
    return name in anchors(path) or name == "top"


def test_every_link_of_the_site_leads_somewhere(book_html: Path) -> None:
    faults = [fault for page in pages(book_html) for fault in broken_links(book_html, page)]
    assert not faults, "\n".join(faults)


def test_a_broken_link_is_reported(tmp_path: Path) -> None:
    body = '<p id="here">x</p><a href="#here">a</a><a href="#there">b</a><a href="gone.html">c</a><img alt="" src="gone.png">'
    (tmp_path / "a.html").write_text(body, encoding="utf-8")
    faults = broken_links(tmp_path, "a.html")
    assert [fault.split()[1] for fault in faults] == ["#there", "gone.html", "gone.png"]


def equation_faults(site: Path, page: str) -> list[str]:
    """Numbers of equations that repeat, and references whose number is not their equation's."""
    path = site / page
    soup = parsed(path)
    faults = []
    numbers = [number.get_text().split(")")[0].strip("(") for number in soup.select(".math-block .eqno")]
    faults += [f"{page}: two equations ({number})" for number, count in Counter(numbers).items() if count > 1]
    labelled = soup.select(".math-block[id]")
    faults += [f"{page}: a labelled equation has no number: {block['id']}" for block in labelled if not block.select(".eqno")]
    for link in soup.select("main a.reference"):
        parts = urlsplit(attribute(link, "href"))
        if not parts.fragment.startswith("equation-"):
            continue
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        target = parsed(file).find(id=parts.fragment) if file.exists() else None
        number = target.select_one(".eqno") if isinstance(target, Tag) else None
        wanted = number.get_text().split(")")[0] + ")" if number else "an equation"
        if wanted not in link.get_text():
            faults.append(f"{page}: {link.get_text()!r} leads to {parts.fragment}, which is {wanted}")
    return faults


def test_equations_are_numbered_once_and_references_carry_their_numbers(book_html: Path) -> None:
    faults = [fault for page in pages(book_html) for fault in equation_faults(book_html, page)]
    assert not faults, "\n".join(faults)


def test_a_wrong_equation_number_is_reported(tmp_path: Path) -> None:
    block = '<div class="math-block" id="equation-{0}"><span class="eqno">({1})<a>#</a></span></div>'
    refer = '<main><a class="reference" href="#equation-{0}">({1})</a></main>'
    cases = {
        "good": block.format("a", 1) + block.format("b", 2) + refer.format("b", 2),
        "twice": block.format("a", 1) + block.format("b", 1),
        "other": block.format("a", 1) + block.format("b", 2) + refer.format("a", 2),
        "gone": refer.format("c", 1),
        "none": '<div class="math-block" id="equation-a"></div>',
    }
    for name, body in cases.items():
        (tmp_path / f"{name}.html").write_text(body, encoding="utf-8")
    assert not equation_faults(tmp_path, "good.html")
    assert all(equation_faults(tmp_path, f"{name}.html") for name in cases if name != "good")


def formulas_in(source: Path) -> int:
    """How many displayed equations a chapter's source has, code aside."""
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".ipynb":
        text = "\n\n".join(one.source for one in nbformat.reads(text, as_version=4).cells if one.cell_type == "markdown")
    text = re.sub(r"^(`{3,}|:{3,})\{code-cell\}.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    directives = re.findall(r"^\s*(?:`{3,}|:{3,})\{math\}", text, re.MULTILINE)
    return len(directives) + len(re.findall(r"^\s*\$\$", text, re.MULTILINE)) // 2


def test_every_displayed_equation_of_the_sources_is_mathml_in_its_page(book_html: Path) -> None:
    counted = 0
    for page in pages(book_html):
        for source in (ROOT / page).with_suffix(".md"), (ROOT / page).with_suffix(".ipynb"):
            if source.exists():
                wanted = formulas_in(source)
                found = len(parsed(book_html / page).select(".math-block math"))
                assert found == wanted, f"{page} shows {found} of the {wanted} equations of {source.name}"
                counted += found
    assert counted > 0


def test_ids_are_unique_on_every_page(book_html: Path) -> None:
    for page in pages(book_html):
        seen = Counter(attribute(tag, "id") for tag in parsed(book_html / page).find_all(id=True))
        assert not (repeated := [name for name, count in seen.items() if count > 1]), f"{page}: {repeated}"


def test_nothing_of_this_machine_or_of_another_host_is_in_the_site(book_html: Path) -> None:
    for path in book_html.rglob("*"):
        if path.suffix in {".html", ".js", ".css", ".ipynb", ".json"}:
            text = path.read_text(encoding="utf-8")
            assert str(ROOT) not in text, path
            assert str(Path.home()) + "/" not in text or Path.home() == Path("/"), path
    configuration = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert configuration["sphinx"]["config"]["html_copy_source"] is False


# ---- the same bytes twice, nothing stale ----------------------------------------------------------------------------


def test_no_cell_of_a_page_writes_to_the_error_stream(book_html: Path) -> None:
    """A warning in a page is noise to its reader, and carries the number of a process, which no second build repeats."""
    assert [page for page in pages(book_html) if parsed(book_html / page).select(".output.stderr")] == []


#: A role that was cut off, as by a bar in a table, stays in the page as text.
LEFT_OVER = re.compile(r"\{(?:fact|live|explore|glue:text|ref|eq|numref|doc|term|cite:[tp])\}")


def test_no_role_is_left_as_text(book_html: Path) -> None:
    found = []
    for path in sorted(book_html.glob("*/*.html")):
        article = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select_one("article.bd-article")
        for code in article.select("pre, code, script") if article else []:
            code.decompose()
        found += [f"{path.name}: {match[0]}" for match in LEFT_OVER.finditer(article.get_text() if article else "")]
    assert not found, found
    assert LEFT_OVER.search("GPT-3 has {fact}`models/gpt-3/params")


@pytest.mark.long
def test_two_clean_builds_of_the_book_give_the_same_bytes(tmp_path: Path) -> None:
    sites = []
    for folder in ("one", "another folder, of another name"):
        copy = tmp_path / folder
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_SOURCE))
        done = build_book(copy)
        assert done.returncode == 0, done.stdout[-6000:]
        sites.append(copy / "_build" / "html")
    assert not differences(*sites)


def test_a_byte_that_differs_is_reported(tmp_path: Path) -> None:
    for tree, text in (("a", "one"), ("b", "two")):
        (tmp_path / tree).mkdir()
        (tmp_path / tree / "same.html").write_text("same", encoding="utf-8")
        (tmp_path / tree / "page.html").write_text(text, encoding="utf-8")
    (tmp_path / "b" / "more.js").touch()
    assert differences(tmp_path / "a", tmp_path / "b") == ["more.js", "page.html"]


def test_what_is_excused_from_being_the_same_exists(book_html: Path) -> None:
    assert all((book_html / name).exists() and reason for name, reason in MAY_DIFFER.items())


def test_a_term_of_the_glossary_shows_its_definition_where_it_is_used(book_html: Path) -> None:
    page = (book_html / "chapters" / "chinchilla.html").read_text(encoding="utf-8")
    links = re.findall(r'<a class="reference internal" href="\.\./appendix/glossary\.html#term-[^"]*"([^>]*)>', page)
    assert len(links) >= 10
    for link in links:
        (title,) = re.findall(r'title="([^"]+)"', link)
        assert len(title) > 30 and "\\" not in title, title


def test_every_public_name_has_its_place_in_the_reference(book_html: Path) -> None:
    from scaling_helpers.book import api

    places = {path.stem: anchors(path) for path in (book_html / "appendix" / "api").glob("*.html")}
    assert set(places) == set(api.PAGES)
    for page, modules in api.PAGES.items():
        for name in [one for module in modules if module in api.all_modules() for one in api.names(module)]:
            assert name.path in places[page], f"{page} lacks {name.path}"
    contents = (book_html / "appendix" / "api.html").read_text(encoding="utf-8")
    assert [one.path for one in api.everything() if f'#{one.path}"' not in contents] == []


def test_the_reference_is_the_only_page_whose_text_need_not_be_traced(book_html: Path) -> None:
    exempt = {page for page in pages(book_html) if parsed(book_html / page).select("article .api")}
    assert exempt == {page for page in pages(book_html) if page.startswith("appendix/api")}
