"""Runs of apostrophes: which are marks of bold and italics, and which are apostrophes. Pure.

MediaWiki's rule, a line at a time: runs of two, three and five are marks, of four an apostrophe and three, of more
apostrophes and five. Where both kinds are left open at the line's end, one mark of bold is an apostrophe and a mark of
italics: "l'''amour''" is l'amour.
"""

from __future__ import annotations

from collections.abc import Sequence

Run = tuple[int, str]
"""A run's length, and the two characters before it on its line."""


def marks(length: int) -> int:
    """How many of a run's apostrophes are marks; the first ones of the run are what is left."""
    return length if length <= 3 else 3 if length == 4 else 5


def apostrophe(runs: Sequence[Run]) -> int | None:
    """The run of a line whose first mark is an apostrophe after all; None where the marks are paired."""
    if all(length == 2 for length, _ in runs):
        return None
    sizes = [marks(length) for length, _ in runs]
    bold = sum(size in (3, 5) for size in sizes)
    italic = sum(size in (2, 5) for size in sizes)
    if not (bold % 2 and italic % 2):
        return None
    ranked: dict[int, int] = {}
    for index, (size, (_, before)) in enumerate(zip(sizes, runs, strict=True)):
        if size == 3:
            # First choice: behind a single letter; then behind a word; last behind a space.
            rank = 2 if before[-1:] in ("", " ") else 0 if before[:1] == " " or len(before) == 1 else 1
            ranked.setdefault(rank, index)
    return ranked[min(ranked)] if ranked else None
