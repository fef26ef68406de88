"""How do the results of many processes, any of which may be killed at any moment, end in one file, each once?

A finished run is one line of JSON in ``runs.jsonl``, written under a lock and forced to the disk before the lock is given
back. A line that was torn by a crash has no end of line: it is cut off before the next is written, and its run counts as
not done. A run that stands there twice (two machines, a merged folder) is read once.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     journal = Journal(folder)
...     journal.append({"id": "a", "loss": 2.0})
...     journal.append({"id": "a", "loss": 2.0})
...     [row["id"] for row in journal.read()]
True
False
['a']
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Journal", "JournalError"]


class JournalError(ValueError):
    """A line of the journal cannot be one; the message names it."""


class Journal:
    """The finished runs of a folder: ``append`` one, ``read`` all. Many processes may do so at once.

    >>> Journal("nowhere").read()
    []
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / "runs.jsonl"

    def append(self, row: Mapping[str, Any]) -> bool:
        """Add a run, and return once the disk has it: True, or False if a run of this id is there already."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(dict(row), allow_nan=False, separators=(",", ":")).encode() + b"\n"
        with exclusively(self.path.with_suffix(".lock")):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            try:
                end = _whole_lines(descriptor)
                if any(one["id"] == row["id"] for one in self.read()):
                    return False
                os.ftruncate(descriptor, end)
                os.lseek(descriptor, end, os.SEEK_SET)
                written = 0
                while written < len(line):
                    written += os.write(descriptor, line[written:])
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return True

    def read(self) -> list[dict[str, Any]]:
        """Every run that was finished, each once, in the order of their ends. Raises JournalError for a line that is none."""
        if not self.path.exists():
            return []
        found: dict[str, dict[str, Any]] = {}
        whole = self.path.read_bytes().rpartition(b"\n")[0]
        for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
            try:
                row = json.loads(line)
                found.setdefault(row["id"], row)
            except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
                raise JournalError(f"{self.path}, line {number}: not a run ({line[:60]!r}); remove the line") from None
        return list(found.values())


def _whole_lines(descriptor: int) -> int:
    """Where the last whole line ends."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    end = size
    while end:
        start = max(0, end - 65536)
        os.lseek(descriptor, start, os.SEEK_SET)
        at = os.read(descriptor, end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


@contextmanager
def exclusively(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a lock that the system frees when its holder dies. Yields False, without waiting, if another holds it."""
    handle = path.open("a+b")
    try:
        yield _lock(handle, wait)
    finally:
        handle.close()


def _lock(handle: Any, wait: bool) -> bool:
    try:
        if os.name == "nt":  # pragma: no cover
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (BlockingIOError, PermissionError):
        return False
    return True


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """A name to write to; it becomes ``path`` when the block ends well and the disk has the bytes: old or new, never half."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield part
        with part.open("rb+") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
