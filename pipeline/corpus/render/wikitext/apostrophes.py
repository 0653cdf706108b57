"""Decide which apostrophes in a run are bold or italic markup and which are text. Pure functions.

MediaWiki's rule, applied to each line: a run of two (italic), three (bold) or five (both) is markup; a run of four is
an apostrophe and three of markup; a longer run is apostrophes and five of markup. If both bold and italic are still
open at the end of the line, one bold run is read as an apostrophe followed by an italic run: "l'''amour''" is l'amour.
"""

from __future__ import annotations

from collections.abc import Sequence

Run = tuple[int, str]
"""(length of the run, up to two characters before it on its line)"""


def count_markup(length: int) -> int:
    """Return how many apostrophes of a run are markup; the others are text and come first in the run."""
    return length if length <= 3 else 3 if length == 4 else 5


def find_literal_apostrophe(runs: Sequence[Run]) -> int | None:
    """Return the index of the bold run whose first apostrophe is text; None if all markup of the line is paired."""
    if all(length == 2 for length, _ in runs):
        return None
    sizes = [count_markup(length) for length, _ in runs]
    bold = sum(size in (3, 5) for size in sizes)
    italic = sum(size in (2, 5) for size in sizes)
    if not (bold % 2 and italic % 2):
        return None
    ranked: dict[int, int] = {}
    for index, (size, (_, before)) in enumerate(zip(sizes, runs, strict=True)):
        if size == 3:
            # MediaWiki prefers a run after a single letter, then one after a word, then one after a space.
            rank = 2 if before[-1:] in ("", " ") else 0 if before[:1] == " " or len(before) == 1 else 1
            ranked.setdefault(rank, index)
    return ranked[min(ranked)] if ranked else None
