"""What the dataset cards of several stages have in common: the account as a table, and a size in the Hub's words."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.store.manifest import Counts

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def account_table(counts: Counts, nouns: Sequence[str]) -> str:
    """A Markdown table: for each noun what was seen, what of it was kept, and what was dropped, by reason.

    Args:
        counts: `<noun>.seen`, `<noun>.kept[.kind]` or kinds named in another way, `<noun>.dropped.<reason>`.
    """
    lines = ["| | seen | kept | dropped |", "|---|---|---|---|"]
    for noun in nouns:
        drops = reasons(counts, noun)
        seen = counts.get(f"{noun}.seen", 0)
        kept = seen - sum(number for _, number in drops)
        told = ", ".join(f"{reason.replace('_', ' ')} {number:,}" for reason, number in drops) or "none"
        lines.append(f"| {noun} | {seen:,} | {kept:,} | {told} |")
    return "\n".join(lines)


def reasons(counts: Counts, noun: str) -> list[tuple[str, int]]:
    """Why things were lost and how many, the most frequent first."""
    prefixes = (f"{noun}.dropped.", f"{noun}.quarantined.")
    found = [
        (key.removeprefix(prefix), number)
        for prefix in prefixes
        for key, number in counts.items()
        if key.startswith(prefix) and number
    ]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    return next((name for limit, name in SIZES if rows < limit), "n>10M")
