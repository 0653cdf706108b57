"""Files that appear under their name only when they are whole; JSON, digests and sizes of files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file that appears under its name only when the block ends well: written aside, synced, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(aside, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def remove_begun(folder: Path) -> None:
    """Remove what `written` had begun below a folder in which nobody is at work any more."""
    for aside in folder.rglob(".*.*"):
        if aside.suffix[1:].isdigit():
            aside.unlink()


def sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, survive a power cut; writing and renaming alone do not."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copied(source: Path, target: Path) -> None:
    """A copy of a small text file, written aside."""
    with atomic_write(target) as file:
        file.write(source.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys: the same value gives the same bytes."""
    with atomic_write(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")


def read_json(path: Path) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(folder: Path) -> int:
    """Bytes of the files below a folder, in which others may be at work."""
    total = 0
    for place, _, names in os.walk(folder):  # which passes over a folder that has just gone
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(place, name)).st_size
    return total
