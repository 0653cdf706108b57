"""Language variants, "-{zh-hans:计算机; zh-hant:電腦}-", of wikis that are read in several scripts. Pure.

A reader sees one of the forms; here it is the first, whichever the wiki, so that a text is not a mixture of all. Rules
that only tell the converter something show nothing.
"""

from __future__ import annotations

import re

VARIANT = re.compile(r"-\{(?!\{)([^{}]*)\}-")
MAX_DEPTH = 4
"""Variants in variants."""
SILENT_FLAGS = frozenset("HT-D")
"""H adds a rule for the whole page, - takes one away, T converts the title, D describes."""
FORM = re.compile(r"(?:^|;)\s*(?:[a-zA-Z-]{2,20}\s*=>)?\s*[a-zA-Z]{2,3}(?:-[a-zA-Z]{2,8})*\s*:([^;]*)")


def one_variant(text: str) -> str:
    """The text with one form of each; the innermost first."""
    for _ in range(MAX_DEPTH):
        if "-{" not in text:
            break
        text, count = VARIANT.subn(form, text)
        if not count:
            break
    return text


def form(match: re.Match[str]) -> str:
    flags, bar, rule = match[1].partition("|")
    if not bar or "[[" in flags:
        flags, rule = "", match[1]
    if not SILENT_FLAGS.isdisjoint(flag.strip() for flag in flags.split(";")):
        return ""
    first = FORM.match(rule)
    return first[1].strip() if first else rule
