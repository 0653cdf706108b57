"""Which pages are held out for validation: one rule, for Python and for SQL.

A page is held out when the first 32 bits of the md5 of its id lie under `share * 2**32`. The choice depends on the id
and the share alone: it survives a newer dump, another order of the files and any number of workers, and a larger share
holds out a superset of what a smaller one does. Hex digits of a fixed width compare like the numbers they write, so
both languages compare strings.
"""

from __future__ import annotations

import hashlib

DIGITS = 8
"""Hex digits compared, 4 bits each."""


def check_share(share: float, key: str) -> None:
    """Raise ValueError, naming the config's `key`, unless both sides of the split can have pages."""
    if not 0 < share < 1:
        raise ValueError(f"{key} is {share}: a share of the pages between 0 and 1, both excluded, is needed")


def threshold(share: float) -> str:
    """The first hash, as `DIGITS` hex digits, that is not held out."""
    return f"{int(share * 16**DIGITS):0{DIGITS}x}"


def is_validation(page_id: str, share: float) -> bool:
    """Whether the page is held out."""
    return hashlib.md5(page_id.encode(), usedforsecurity=False).hexdigest()[:DIGITS] < threshold(share)


def is_validation_sql(column: str, share: float) -> str:
    """The same rule as an SQL expression over the column of page ids."""
    return f"(substr(md5({column}), 1, {DIGITS}) < '{threshold(share)}')"
