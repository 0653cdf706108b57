"""Which pages become articles: titles to keep, titles to leave out, disambiguation pages, short ones. Pure.

A list of titles is a sorted array of their 64-bit hashes, 8 bytes a title, mapped into memory by every worker; that two
of ten million titles share one has a chance of 3 in a million. What a page is dropped for is the first that holds of
`leave_out`, `not_kept`, `disambiguation`, `short`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
REASONS = ("leave_out", "not_kept", "disambiguation", "short")


class LeftOut(Exception):
    """A page that is not wanted; the message is one of `REASONS`."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is wanted, as workers need it; the two methods raise LeftOut for a page that is not."""

    keep: Path | None
    """Hashes of the only titles wanted, as .npy; None for all."""
    leave_out: Path | None
    """Hashes of titles not wanted, whatever `keep` says."""
    disambiguation: Literal["keep", "drop"]
    min_characters: int

    @cached_property
    def kept(self) -> Hashes | None:
        return np.load(self.keep, mmap_mode="r") if self.keep else None

    @cached_property
    def left_out(self) -> Hashes | None:
        return np.load(self.leave_out, mmap_mode="r") if self.leave_out else None

    def by_title(self, title: str) -> None:
        if self.left_out is not None and holds(self.left_out, title):
            raise LeftOut("leave_out")
        if self.kept is not None and not holds(self.kept, title):
            raise LeftOut("not_kept")

    def by_content(self, *, text: str, is_disambiguation: bool) -> None:
        if is_disambiguation and self.disambiguation == "drop":
            raise LeftOut("disambiguation")
        if len(text) < self.min_characters:
            raise LeftOut("short")


def hashed(title: str) -> int:
    return int.from_bytes(hashlib.blake2b(title.encode(), digest_size=8).digest(), "little")


def hashes(titles: Iterable[str]) -> Hashes:
    """Sorted hashes of titles."""
    return np.unique(np.fromiter((hashed(title) for title in titles), dtype=np.uint64))


def holds(sorted_hashes: Hashes, title: str) -> bool:
    value = np.uint64(hashed(title))
    place = int(np.searchsorted(sorted_hashes, value))
    return place < len(sorted_hashes) and bool(sorted_hashes[place] == value)
