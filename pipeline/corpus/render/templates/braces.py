"""Which braces of a text belong together, and which bars of a template are its own. Pure."""

from __future__ import annotations

import re

BRACES = re.compile(r"\{\{(?P<leaf>[^{}]++\}\}(?!\}))|\{\{+|\}\}+")
"""A template without braces in it, or a run of braces."""
BARS = re.compile(r"\{\{+|\}\}+|\[\[|\]\]|\|")


def outermost(text: str) -> tuple[list[tuple[int, int]], bool]:
    """Spans of the outermost templates and parameters, of pairs of equal runs of braces, the innermost paired first;
    and whether any braces have no partner."""
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
    for span in reversed(found):  # by their ends; two of them are apart, or one holds the other
        if span[1] <= limit:
            outer.append(span)
            limit = span[0]
    outer.reverse()
    return outer, stray or bool(stack)


def split_arguments(body: str) -> list[str]:
    """The parts between the bars that belong to this template, not to a link or a template in it."""
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
