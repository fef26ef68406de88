"""The server behind `make lab`. Python rather than JSON, so that each setting can say why."""

import json
import re
from pathlib import Path

from pybtex.database import Entry, parse_file
from traitlets.config import get_config

from scaling_helpers import facts, numbers
from scaling_helpers.book.roles import FORMAT_OF_UNIT, describe

LAB = Path(__file__).resolve().parent
BOOK = LAB.parent


def fact_texts() -> dict[str, tuple[str, str]]:
    """Facts as the book prints them and what their tooltips say, by what one writes in {fact}`...`.

    All in their usual format, and in another where a page has asked for it.
    """
    written = {path for table in facts.TABLES for path in facts.paths(table)}
    for page in BOOK.glob("[!._]*/*.md"):
        found = re.findall(r"\{fact\}`([^`]+)`", page.read_text(encoding="utf-8"))
        written |= {text.replace(r"\|", "|") for text in found}  # a table wants its bars escaped
    texts = {}
    for text in written:
        path, _, kind = (part.strip() for part in text.partition("|"))
        fact = facts.get(path)
        kind = kind or FORMAT_OF_UNIT.get(fact.unit, "plain")
        tip = "\n".join(f"{term}: {line}" for term, line in describe(fact, kind))
        texts[text] = (numbers.format(fact.value, kind), tip)
    return texts


def reference_text(entry: Entry) -> dict[str, str]:
    """Authors as they stand in a sentence, year and title."""
    names = [" ".join(person.last_names) or str(person) for person in entry.persons["author"]]
    authors = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return {"authors": authors, "year": entry.fields["year"], "title": entry.fields["title"].replace("{", "").replace("}", "")}


c = get_config()

# The file browser starts among the chapters.
c.LabApp.default_url = "/lab/tree/chapters"
# In a container one is root, and the server refuses without this; it still listens on this machine only, with a token.
c.ServerApp.allow_root = True
# A reader who has no network is asked nothing and waits for nothing.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
# Language servers are looked for with npm, which writes into the home folder; the book brings none.
c.LanguageServerManager.autodetect = False
# Saving a chapter keeps what was edited, and not the version of what saved it.
c.JupytextConfiguration.notebook_metadata_filter = "-jupytext.text_representation.jupytext_version"
# The book's own roles and citations: see labextensions/book-prose.
c.LabApp.extra_labextensions_path = [str(LAB / "labextensions")]
references = parse_file(str(BOOK / "references.bib"), "bibtex").entries
prose = {"facts": fact_texts(), "references": {key: reference_text(entry) for key, entry in references.items()}}
c.ServerApp.tornado_settings = {"page_config_data": {"bookProse": json.dumps(prose)}}
