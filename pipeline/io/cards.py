"""Parts that the dataset cards of several stages share: the table of counts and the Hub's size category."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.store.manifest import Counts

SIZE_CATEGORIES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)


def account_table(counts: Counts, nouns: Sequence[str]) -> str:
    """Return a Markdown table with one row per noun: how many were seen, kept and dropped, by reason.

    Args:
        counts: with the keys `<noun>.seen`, `<noun>.dropped.<reason>` and `<noun>.quarantined.<reason>`; all that were
            seen and not dropped or quarantined count as kept.
        nouns: the things to report, such as "pages" and "links".
    """
    lines = ["| | seen | kept | dropped |", "|---|---|---|---|"]
    for noun in nouns:
        drops = drop_counts(counts, noun)
        seen = counts.get(f"{noun}.seen", 0)
        kept = seen - sum(number for _, number in drops)
        dropped = ", ".join(f"{reason.replace('_', ' ')} {number:,}" for reason, number in drops) or "none"
        lines.append(f"| {noun} | {seen:,} | {kept:,} | {dropped} |")
    return "\n".join(lines)


def drop_counts(counts: Counts, noun: str) -> list[tuple[str, int]]:
    """Return (reason, number) of what was dropped or quarantined, the most frequent first."""
    prefixes = (f"{noun}.dropped.", f"{noun}.quarantined.")
    found = [
        (key.removeprefix(prefix), number)
        for prefix in prefixes
        for key, number in counts.items()
        if key.startswith(prefix) and number
    ]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def size_category(rows: int) -> str:
    """Return the Hub's size category for a number of rows."""
    return next((name for limit, name in SIZE_CATEGORIES if rows < limit), "n>10M")
