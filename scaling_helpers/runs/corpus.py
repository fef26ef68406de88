"""Which text are our own models trained on, and how does anyone get the same bytes? Python source from the package index.

``corpus.csv`` beside this file is frozen: wheels of permissively licensed projects, pure Python, each by its SHA-256.
:func:`download` fetches them with pip, which checks the hashes and asks whatever index it is configured for;
:func:`build` makes two files of bytes of them, the same on every machine:

1. Members ``*.py`` of each wheel in the order of the manifest, by name. Left out are files that nobody wrote for this
   project or nobody wrote at all, since they are near-copies of each other: vendored copies, database migrations, protocol
   buffers, files that say that they are generated, tables of data (long lines, few letters, more than 100,000 bytes).
   The reasons and their counts stand in :attr:`Corpus.dropped`.
2. A project gives at most :data:`MOST_OF_ONE` bytes, files chosen by their hash, so that no project sets the style.
3. Exact duplicates are dropped. Near-duplicates stay (they are what real text is like), but a group of them lies on one
   side of the split into training and validation text, else the validation loss would reward memory.
4. Files follow each other in the order of their hashes, a zero byte after each. A token is a byte.

Near-duplicates are found from the hashed lines of each file, of which the 32 smallest are kept (a bottom-k sketch: Broder
1997, "On the resemblance and containment of documents"). That takes forty lines and half a minute here; a library
for it would bring more code than it saves.

>>> sources = manifest()
>>> len({one.project for one in sources}) == len(sources)
True
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DIGEST", "MOST_OF_ONE", "Corpus", "CorpusError", "Source", "build", "download", "manifest", "near_duplicates", "open_corpus",
]  # fmt: skip

#: Bytes that one project may give.
MOST_OF_ONE = 8_000_000
#: One file in this many is validation text.
VALIDATION_SHARE = 32
#: Line hashes that a file's sketch keeps, and the share of the smaller sketch that makes two files near-duplicates.
SKETCH = 32
ALIKE = 0.5
#: Lines in more files than this are licences and idioms; they say nothing about copying.
COMMON = 40
#: Follows each file.
END_OF_FILE = b"\0"
#: Names the text that the manifest and the rules above give: runs on other text are other runs.
DIGEST = "102bfb9a4483"

_COLUMNS = ("project", "version", "file", "sha256", "bytes", "licence")
_NOT_OWN = re.compile(r"(^|/)(_?vendor(ed)?|third_party|thirdparty|extern(al|als)?|site-packages|_distutils_hack|migrations)/")
_MACHINE_MADE = re.compile(rb"(auto-?|automatically )generated|generated (by|from|using)|do not (edit|modify)|@generated", re.I)

Bytes = NDArray[np.uint8]


class CorpusError(ValueError):
    """The text is not there, or is not the text it should be; the message says which and what to do."""


@dataclass(frozen=True)
class Source:
    """One wheel of the manifest: ``file`` as the index names it, ``sha256`` and ``bytes`` of it, ``licence`` as it declares.

    >>> manifest()[0].file.endswith(".whl")
    True
    """

    project: str
    version: str
    file: str
    sha256: str
    bytes: int
    licence: str


@dataclass(frozen=True)
class Corpus:
    """Text ready to be trained on: ``train`` and ``valid`` are bytes (n,), memory-mapped.

    valid_files: where each file of the validation text begins, ascending. digest: names the text (12 hex digits), for run
    ids. dropped: reason -> files left out. projects: project -> bytes it gave.

    >>> tiny = Corpus(np.zeros(8, np.uint8), np.zeros(4, np.uint8), np.array([0]), "0" * 12, {}, {})
    >>> tiny.unique_tokens
    8
    """

    train: Bytes
    valid: Bytes
    valid_files: NDArray[np.int64]
    digest: str
    dropped: Mapping[str, int]
    projects: Mapping[str, int]

    @property
    def unique_tokens(self) -> int:
        """U: tokens of training text, each there once."""
        return len(self.train)


def manifest(path: Path | None = None) -> tuple[Source, ...]:
    """The wheels that the corpus is made of, in their order; from another CSV of the same columns if ``path`` is given.

    Raises CorpusError naming the line and column of what cannot be.

    >>> sum(one.bytes for one in manifest()) > 1e8
    True
    """
    path = path or Path(__file__).with_name("corpus.csv")
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            raise CorpusError(f"{path.name} has columns {reader.fieldnames}; they must be {', '.join(_COLUMNS)}")
        found = []
        for line, row in enumerate(reader, start=2):
            for column in _COLUMNS:
                if not row[column]:
                    raise CorpusError(f"{path.name}, line {line}: {column} is empty")
            if not re.fullmatch(r"[0-9a-f]{64}", row["sha256"]):
                raise CorpusError(f"{path.name}, line {line}: sha256 = {row['sha256']!r} is not 64 hexadecimal digits")
            if not row["bytes"].isdigit():
                raise CorpusError(f"{path.name}, line {line}: bytes = {row['bytes']!r} is not a whole number")
            found.append(Source(row["project"], row["version"], row["file"], row["sha256"], int(row["bytes"]), row["licence"]))
    return tuple(found)


# ---- getting it -----------------------------------------------------------------------------------------------------


def download(folder: str | Path, sources: Sequence[Source] | None = None) -> None:
    """Fetch the wheels of the manifest that ``folder`` does not hold yet, with pip, by hash.

    The wheels are pure Python, so any platform gets the same files; nothing of them is installed or run. Raises CorpusError
    if pip fails or a file is not the one of the manifest.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     download(folder, [])  # nothing is absent: pip is not asked
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sources = manifest() if sources is None else sources
    absent = [one for one in sources if not _is_there(folder / one.file, one)]
    if absent:
        wanted = "".join(f"{one.project}=={one.version} --hash=sha256:{one.sha256}\n" for one in absent)
        with tempfile.TemporaryDirectory() as made:
            (Path(made) / "wheels.txt").write_text(wanted)
            tags = ["--platform", "any", "--python-version", "3.11", "--implementation", "py", "--abi", "none"]
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
            done = subprocess.run([*pip, *tags, "--dest", str(folder), "--requirement", f"{made}/wheels.txt"],
                                  capture_output=True, text=True)  # fmt: skip
        if done.returncode:
            raise CorpusError(f"pip could not download the corpus:\n{done.stderr.strip()[-2000:]}")
    for one in sources:
        if not _is_there(folder / one.file, one):
            raise CorpusError(f"{folder / one.file} is absent, or not the file of the manifest: remove it and download again")


def _is_there(path: Path, one: Source) -> bool:
    if not path.is_file() or path.stat().st_size != one.bytes:
        return False
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() == one.sha256


# ---- from wheels to two files of bytes ------------------------------------------------------------------------------


def build(wheels: str | Path, folder: str | Path, sources: Sequence[Source] | None = None) -> Corpus:
    """Make ``train.bin``, ``valid.bin`` and ``corpus.json`` in ``folder`` from the wheels in ``wheels``, and open them.

    The bytes depend on the manifest alone. Raises CorpusError for a wheel that is absent or another.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     build(folder, folder, []).unique_tokens
    0
    """
    wheels, folder = Path(wheels), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    dropped: Counter[str] = Counter()
    texts: dict[str, bytes] = {}  # by SHA-256, which makes exact duplicates one
    owner: dict[str, str] = {}
    for one in manifest() if sources is None else sources:
        if not _is_there(wheels / one.file, one):
            raise CorpusError(f"{wheels / one.file} is absent, or not the file of the manifest: download the corpus first")
        own = {}
        for name, text in _members(wheels / one.file):
            reason = why_not(name, text)
            key = hashlib.sha256(text).hexdigest()
            if not reason and (key in texts or key in own):
                reason = "exact duplicate"
            if reason:
                dropped[reason] += 1
            else:
                own[key] = text
        size = 0
        for key in sorted(own):  # by hash: a sample of the project's files that is the same everywhere
            if size + len(own[key]) > MOST_OF_ONE:
                dropped["project's share is full"] += 1
                continue
            texts[key], owner[key] = own[key], one.project
            size += len(own[key])
    keys = sorted(texts)
    group = near_duplicates([texts[key] for key in keys])
    held = [int(hashlib.sha256(keys[first].encode()).hexdigest(), 16) % VALIDATION_SHARE == 0 for first in group]
    sides = {name: [key for key, out in zip(keys, held, strict=True) if out == (name == "valid")] for name in ("train", "valid")}
    digest = hashlib.sha256()
    for name, members in sides.items():
        with (folder / f"{name}.bin.part").open("wb") as handle:
            for key in members:
                handle.write(texts[key] + END_OF_FILE)
                digest.update(key.encode())
        (folder / f"{name}.bin.part").replace(folder / f"{name}.bin")
        digest.update(name.encode())
    starts = np.cumsum([0, *(len(texts[key]) + len(END_OF_FILE) for key in sides["valid"])])[:-1]
    given = Counter(dict.fromkeys(dict.fromkeys(owner.values()), 0))
    for key in keys:
        given[owner[key]] += len(texts[key])
    card = {
        "digest": digest.hexdigest()[:12],
        "files": {name: len(members) for name, members in sides.items()},
        "near_duplicate_groups": int(sum(1 for size in Counter(group).values() if size > 1)),
        "files_in_groups": int(sum(size for size in Counter(group).values() if size > 1)),
        "dropped": dict(sorted(dropped.items())),
        "projects": dict(given),
        "valid_files": starts.tolist(),
    }
    part = folder / "corpus.json.part"
    part.write_text(json.dumps(card, indent=1))
    part.replace(folder / "corpus.json")  # last: a folder with this file is complete
    return open_corpus(folder)


def open_corpus(folder: str | Path) -> Corpus:
    """The corpus that :func:`build` made in ``folder``. Raises CorpusError if there is none.

    >>> open_corpus("nowhere")
    Traceback (most recent call last):
    ...
    scaling_helpers.runs.corpus.CorpusError: there is no corpus in nowhere: `scaling train` makes it
    """
    folder = Path(folder)
    if not (folder / "corpus.json").is_file():
        raise CorpusError(f"there is no corpus in {folder}: `scaling train` makes it")
    card: dict[str, Any] = json.loads((folder / "corpus.json").read_text())
    train, valid = (_mapped(folder / f"{name}.bin") for name in ("train", "valid"))
    return Corpus(train, valid, np.array(card["valid_files"]), card["digest"], card["dropped"], card["projects"])


def _mapped(path: Path) -> Bytes:
    return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)


def _members(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py"):
                yield name, archive.read(name)


def why_not(name: str, text: bytes) -> str:
    """Why a file is left out; empty if it is not.

    >>> why_not("pip/_vendor/rich/box.py", b"")
    'vendored or migration'
    >>> why_not("a.py", b"import this\\n" * 40)
    ''
    """
    if _NOT_OWN.search(name):
        return "vendored or migration"
    if name.endswith(("_pb2.py", "_pb2_grpc.py")) or _MACHINE_MADE.search(b"\n".join(text.split(b"\n", 12)[:12])):
        return "says that it is generated"
    if len(text) < 200:
        return "under 200 bytes"
    if len(text) > 100_000:
        return "over 100,000 bytes"
    if b"\0" in text:
        return "holds a zero byte"
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    if max(map(len, text.split(b"\n"))) > 1000:
        return "a line over 1,000 bytes"
    letters = np.frombuffer(text, np.uint8) | 32
    if np.mean((letters >= ord("a")) & (letters <= ord("z"))) < 0.35:
        return "few letters: a table of data"
    return ""


def near_duplicates(texts: Sequence[bytes]) -> list[int]:
    """For each text the number of the first text of its group; a text like no other is its own group.

    Two texts are alike if their sketches share half of the smaller one; a group is what such pairs connect.

    >>> poem, other = (b"".join(b"this is line number %d\\n" % i for i in range(first, first + 30)) for first in (0, 100))
    >>> near_duplicates([poem, other, poem.replace(b"number 7", b"seven")])
    [0, 1, 0]
    """
    lines = [_line_hashes(text) for text in texts]
    seen = Counter(value for one in lines for value in one)
    sketches = [sorted(value for value in one if seen[value] <= COMMON)[:SKETCH] for one in lines]
    holders: dict[int, list[int]] = defaultdict(list)
    for number, sketch in enumerate(sketches):
        for value in sketch:
            holders[value].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        shared.update((a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :])
    first = list(range(len(texts)))

    def root(number: int) -> int:
        while first[number] != number:
            first[number] = first[first[number]]
            number = first[number]
        return number

    for (a, b), count in shared.items():
        if count >= ALIKE * min(len(sketches[a]), len(sketches[b])):
            low, high = sorted((root(a), root(b)))
            first[high] = low
    return [root(number) for number in range(len(texts))]


def _line_hashes(text: bytes) -> set[int]:
    """Hashes of the lines that could tell a text: spaces at the ends and short lines do not count."""
    return {_spread(zlib.crc32(line)) for line in map(bytes.strip, text.split(b"\n")) if len(line) >= 12}


def _spread(value: int) -> int:
    """A 32-bit mix (Fibonacci hashing), so that the smallest are a fair sample whatever the CRC favours."""
    return (value * 2654435769) & 0xFFFFFFFF


def licences(sources: Iterable[Source]) -> Mapping[str, int]:
    """How many wheels declare which licence.

    >>> licences(manifest()[:1]) == {manifest()[0].licence: 1}
    True
    """
    return Counter(one.licence for one in sources)


def default_folder() -> Path:
    """Where text, checkpoints and new runs are kept unless told otherwise: in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return (Path(base) if base else Path.home() / ".cache") / "scaling-helpers"
