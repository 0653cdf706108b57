"""Selection of the pages that become articles: by title lists, disambiguation and length.

A title list is a sorted array of 64-bit hashes, 8 bytes per title, which every worker maps into memory. The chance that
any two of ten million titles have the same hash is 3 in a million. A page that matches several rules is counted under
the first of `leave_out`, `not_kept`, `disambiguation`, `short`.
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

TitleHashes = NDArray[np.uint64]
DROP_REASONS = ("leave_out", "not_kept", "disambiguation", "short")


class PageDropped(Exception):
    """The page does not become an article; the message is one of `DROP_REASONS`."""


@dataclass(frozen=True, kw_only=True)
class PageFilter:
    """The rules for pages, in a form that can be sent to workers; the files are opened at first use."""

    keep_titles: Path | None
    """.npy file with the hashes of the only titles to keep; None keeps all."""
    leave_out_titles: Path | None
    """.npy file with the hashes of titles to drop, even if `keep_titles` has them."""
    disambiguation: Literal["keep", "drop"]
    min_characters: int

    @cached_property
    def keep_hashes(self) -> TitleHashes | None:
        """Hashes of the only titles to keep; None keeps all."""
        return np.load(self.keep_titles, mmap_mode="r") if self.keep_titles else None

    @cached_property
    def leave_out_hashes(self) -> TitleHashes | None:
        """Hashes of the titles to drop, or None."""
        return np.load(self.leave_out_titles, mmap_mode="r") if self.leave_out_titles else None

    def check_title(self, title: str) -> None:
        """Raise PageDropped if the title lists exclude the page."""
        if self.leave_out_hashes is not None and contains_title(self.leave_out_hashes, title):
            raise PageDropped("leave_out")
        if self.keep_hashes is not None and not contains_title(self.keep_hashes, title):
            raise PageDropped("not_kept")

    def check_content(self, *, text: str, is_disambiguation: bool) -> None:
        """Raise PageDropped if the page is an unwanted disambiguation page or too short."""
        if is_disambiguation and self.disambiguation == "drop":
            raise PageDropped("disambiguation")
        if len(text) < self.min_characters:
            raise PageDropped("short")


def title_hash(title: str) -> int:
    """Return the 64-bit hash of a title, the same in every process."""
    return int.from_bytes(hashlib.blake2b(title.encode(), digest_size=8).digest(), "little")


def sorted_title_hashes(titles: Iterable[str]) -> TitleHashes:
    """Return the distinct hashes of the titles in ascending order."""
    return np.unique(np.fromiter((title_hash(title) for title in titles), dtype=np.uint64))


def contains_title(sorted_hashes: TitleHashes, title: str) -> bool:
    """Whether the sorted hashes contain the title's."""
    value = np.uint64(title_hash(title))
    index = int(np.searchsorted(sorted_hashes, value))
    return index < len(sorted_hashes) and bool(sorted_hashes[index] == value)
