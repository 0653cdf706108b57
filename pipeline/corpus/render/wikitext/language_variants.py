"""Resolve language variants, "-{zh-hans:计算机; zh-hant:電腦}-", on wikis that are read in several scripts. Pure.

A reader sees one of the forms. This module keeps the first one on every wiki, so that the text does not mix scripts.
Rules that only instruct the converter are removed.
"""

from __future__ import annotations

import re

VARIANT = re.compile(r"-\{(?!\{)([^{}]*)\}-")
MAX_DEPTH = 4
"""Maximum nesting depth of variants."""
SILENT_FLAGS = frozenset("HT-D")
"""Flags of rules without visible text: H adds a rule for the page, - removes one, T converts the title, D describes."""
FIRST_FORM = re.compile(r"(?:^|;)\s*(?:[a-zA-Z-]{2,20}\s*=>)?\s*[a-zA-Z]{2,3}(?:-[a-zA-Z]{2,8})*\s*:([^;]*)")


def pick_language_variants(text: str) -> str:
    """Replace each variant by its first form, innermost variants first."""
    for _ in range(MAX_DEPTH):
        if "-{" not in text:
            break
        text, count = VARIANT.subn(visible_form, text)
        if not count:
            break
    return text


def visible_form(match: re.Match[str]) -> str:
    """Return the first form of one variant; "" for a rule without visible text."""
    flags, bar, rule = match[1].partition("|")
    if not bar or "[[" in flags:
        flags, rule = "", match[1]
    if not SILENT_FLAGS.isdisjoint(flag.strip() for flag in flags.split(";")):
        return ""
    first = FIRST_FORM.match(rule)
    return first[1].strip() if first else rule
