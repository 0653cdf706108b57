"""The rule that holds out pages for validation, in Python and in SQL.

A page is held out when the first 32 bits of the MD5 of its id are below `share * 2**32`. The choice depends only on the
id and the share: it is the same for a newer dump, another order of the files and any number of workers, and a larger
share holds out a superset of the pages of a smaller one. Hex digits of a fixed width sort like the numbers they
represent, so both languages compare strings.
"""

from __future__ import annotations

import hashlib

HASH_DIGITS = 8
"""Number of hex digits that are compared, 4 bits each."""


def check_share(share: float) -> None:
    """Raise ValueError unless the share is between 0 and 1, both excluded."""
    if not 0 < share < 1:
        raise ValueError(f"validation_share is {share}: it must be between 0 and 1, both excluded")


def hash_threshold(share: float) -> str:
    """Return the lowest hash that is not held out, as `HASH_DIGITS` hex digits."""
    return f"{int(share * 16**HASH_DIGITS):0{HASH_DIGITS}x}"


def is_held_out(page_id: str, share: float) -> bool:
    """Whether the page is held out."""
    return hashlib.md5(page_id.encode(), usedforsecurity=False).hexdigest()[:HASH_DIGITS] < hash_threshold(share)


def is_held_out_sql(column: str, share: float) -> str:
    """Return the same rule as an SQL expression over the column of page ids."""
    return f"(substr(md5({column}), 1, {HASH_DIGITS}) < '{hash_threshold(share)}')"
