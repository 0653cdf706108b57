"""Pair the braces of a wikitext and split a template at its own bars. Pure."""

from __future__ import annotations

import re

BRACES = re.compile(r"\{\{(?P<leaf>[^{}]++\}\}(?!\}))|\{\{+|\}\}+")
"""A template that contains no braces, or a run of braces."""
BARS = re.compile(r"\{\{+|\}\}+|\[\[|\]\]|\|")
"""A bar, or something that may enclose bars."""


def find_outermost(text: str) -> tuple[list[tuple[int, int]], bool]:
    """Return the spans of the outermost templates and parameters, and whether any braces are unpaired.

    Runs of braces are paired from the inside out, as MediaWiki does: two or three braces at a time.
    """
    found: list[tuple[int, int]] = []
    stack: list[tuple[int, int]] = []
    """Start and length of each open run."""
    stray = False
    for match in BRACES.finditer(text):
        if match["leaf"]:
            found.append(match.span())
            continue
        run, at = len(match[0]), match.start()
        if match[0][0] == "{":
            stack.append((at, run))
            continue
        while match[0][0] == "}" and run >= 2 and stack:
            start, opened = stack.pop()
            taken = min(run, opened, 3)
            if opened - taken >= 2:
                stack.append((start, opened - taken))
            at, run = at + taken, run - taken
            found.append((start + opened - taken, at))
        stray = stray or run >= 2
    outer: list[tuple[int, int]] = []
    limit = len(text)
    for span in reversed(found):  # sorted by their ends; two spans are disjoint, or one contains the other
        if span[1] <= limit:
            outer.append(span)
            limit = span[0]
    outer.reverse()
    return outer, stray or bool(stack)


def split_arguments(body: str) -> list[str]:
    """Split a template's body at its own bars, not at those of a link or a template inside it."""
    if "|" not in body:
        return [body]
    parts, depth, end = [], 0, 0
    for match in BARS.finditer(body):
        token = match[0]
        if token == "|":
            if depth == 0:
                parts.append(body[end : match.start()])
                end = match.end()
        elif token[0] in "{[":
            depth += len(token) // 2
        else:
            depth = max(0, depth - len(token) // 2)
    return [*parts, body[end:]]
