"""The reference of the package has every public name, with words, an example, and links that lead somewhere."""

import doctest
import sys
import types

import docutils.core
import docutils.utils
import pytest
from docutils.parsers.rst import roles

import scaling_helpers
from scaling_helpers.book import api

MODULES = [name for name in api.listed() if name in api.all_modules()]


def rst_faults(text: str) -> list[str]:
    """What docutils finds wrong with a docstring; the roles of the Python domain are taken as they are."""
    roles.register_local_role("py:obj", lambda name, raw, text, *_rest: ([docutils.nodes.literal(raw, text)], []))
    found: list[str] = []
    settings = {"report_level": 5, "halt_level": 5, "file_insertion_enabled": False, "raw_enabled": False}
    publisher = docutils.core.publish_doctree(text, settings_overrides=settings)
    found += [message.astext() for message in publisher.findall(docutils.nodes.system_message)]
    return found


def test_every_public_name_has_words_an_example_and_links_that_lead_somewhere():
    assert not api.faults(), "\n".join(api.faults())


@pytest.mark.parametrize("module", MODULES)
def test_the_docstrings_are_sound_markup(module):
    found = []
    for one in api.names(module):
        texts = [api.words(one)]
        if isinstance(one.value, type):
            texts += [value.__doc__ or "" for _, _, value in api.members(one)]
        for text in texts:
            found += [f"{one.path}: {fault}" for fault in rst_faults(api.tidy(text, [], api.spaces_of(one)))]
    assert not found, "\n".join(found)


def test_unsound_markup_is_found():
    assert rst_faults("An *open emphasis.") and rst_faults("A list:\n  * one\nback.") and not rst_faults("Sound ``code``.")


def test_each_name_stands_in_one_place_and_its_other_paths_lead_there():
    everything = api.everything()
    assert len({one.path for one in everything}) == len(everything)
    (law,) = [one for one in everything if one.name == "ChinchillaLaw"]
    assert law.path == "scaling_helpers.laws.ChinchillaLaw"
    assert {"scaling_helpers.ChinchillaLaw", law.value.__module__ + ".ChinchillaLaw"} <= set(api.aliases(law))
    shown = {one.name for one in everything}
    modules = {name for name, value in vars(scaling_helpers).items() if isinstance(value, types.ModuleType)}
    assert set(scaling_helpers.__all__) - modules <= shown | {name.partition(".")[0] for name in api.listed()}


# ---- the gate sees what it is for -----------------------------------------------------------------------------------


PLANTED = '''
"""Why?"""
__all__ = ["BARE", "SAID", "Kind", "bare", "shown", "unshown", "lost"]
BARE = 1
#: Said above.
SAID = (1.0, 2.0)

class Kind:
    """A kind.

    >>> Kind().twice(2)
    4
    """
    def twice(self, n: int, *, by: "float" = 2) -> float:
        """Twice :func:`shown` and :data:`SAID`; not :func:`inner`."""
        return n * by

def bare(x): return x

def inner(): "Inner."

def shown(f=lambda x: x + 1, /, *rest, key: int = 3, **more):
    """Shown.

    f: a function.
        and more of it.
    key, more: the rest, with kind="pairs".

    >>> shown()
    """

def unshown():
    """Words only."""

def lost():
    """See :func:`nonesuch`.

    >>> 1
    1
    """
'''


@pytest.fixture
def planted(monkeypatch, tmp_path):
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    import planted  # type: ignore[import-not-found]

    monkeypatch.delitem(sys.modules, "planted")
    modules = {**api.all_modules(), "planted": planted}
    monkeypatch.setattr(api, "all_modules", lambda: modules)
    monkeypatch.setattr(api, "PAGES", {"planted": ("planted",)})
    api.names.cache_clear()
    yield planted
    api.names.cache_clear()


def test_what_is_missing_is_named(planted):
    faults = api.faults()
    for start in (
        "scaling_helpers.planted.BARE: no docstring",
        "scaling_helpers.planted.bare: no docstring",
        "scaling_helpers.planted.unshown: no example",
        "scaling_helpers.planted.lost: :func:`nonesuch` leads nowhere",
        "laws: on no page",
    ):
        assert any(fault.startswith(start) for fault in faults), start
    quiet = ("planted.SAID", "planted.Kind", "planted.shown")
    assert not [fault for fault in faults if fault.startswith(tuple(f"scaling_helpers.{name}" for name in quiet))]


def test_a_name_is_written_as_its_source_has_it(planted):
    said = api.section("planted")
    shown = said["scaling_helpers.planted.shown"]
    assert "shown(f=lambda x: x + 1, /, *rest, key: int = 3, **more)" in shown
    assert "* ``f``: a function.\n     and more of it.\n   * ``key``, ``more``: the rest, with ``kind=\"pairs\"``." in shown
    assert "Said above.\n\n   Value: ``(1.0, 2.0)``." in said["scaling_helpers.planted.SAID"]
    kind = said["scaling_helpers.planted.Kind"]
    assert "twice(n: int, *, by: float = 2) -> float" in kind
    assert ":py:obj:`shown() <scaling_helpers.planted.shown>`" in kind
    assert ":py:obj:`SAID <scaling_helpers.planted.SAID>`" in kind and "``inner()``" in kind


def test_a_law_shows_its_constants_and_its_origin():
    text = api.section("laws")["scaling_helpers.laws.BESIROGLU_2024"]
    law = scaling_helpers.BESIROGLU_2024
    assert f"``E = {law.E!r}``, ``A = {law.A!r}``" in text and law.origin.citation in text


def test_help_of_a_command_has_one_width_and_leaves_the_environment_alone(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    narrow = api.command_help("optimal")
    monkeypatch.delenv("COLUMNS")
    assert api.command_help("optimal") == narrow and max(map(len, narrow.splitlines())) > 60
    assert "COLUMNS" not in __import__("os").environ


def test_a_doctest_that_fails_is_reported():
    (test,) = doctest.DocTestFinder().find(type("T", (), {"__doc__": ">>> 1 + 1\n3"}), "planted")
    assert doctest.DocTestRunner(verbose=False).run(test, out=lambda _text: None).failed == 1
