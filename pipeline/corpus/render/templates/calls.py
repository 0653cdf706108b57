"""A template's use, what renders it, and the makers of the simplest renderers. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A template's use: its name in lower case and its arguments, already expanded and stripped."""

    name: str
    positional: tuple[str, ...]
    named: dict[str, str]

    def get(self, number: int) -> str:
        """The positional argument, counted from 1; "" if absent."""
        text = self.positional[number - 1] if number <= len(self.positional) else ""
        return text or self.named.get(str(number), "")

    @property
    def last(self) -> str:
        """The last positional argument that is not empty."""
        return next((text for text in reversed(self.positional) if text), "") or self.named.get("2", "")


Renderer = Callable[[Call], str]
"""Gives wikitext, so that a link in an argument stays a link; "" for nothing to show."""


def table(renderer: Renderer, names: str) -> dict[str, Renderer]:
    """One renderer under several names, separated by commas."""
    return {name.strip(): renderer for name in names.split(",")}


def argument(number: int) -> Renderer:
    return lambda call: call.get(number)


def literal(text: str) -> Renderer:
    return lambda call: text


def between(before: str, after: str) -> Renderer:
    """The first argument between two texts; nothing without it."""
    return lambda call: f"{before}{call.get(1)}{after}" if call.get(1) else ""


def joined(separator: str) -> Renderer:
    return lambda call: separator.join(part for part in call.positional if part)


def last(call: Call) -> str:
    return call.last


def wrapped(call: Call) -> str:
    """A wrapper of what is shown, whichever way that is given."""
    return call.get(1) or call.named.get("text") or call.named.get("content") or ""


def linked(title: str, label: str) -> str:
    """A link; nothing without a title."""
    return f"[[{title}|{label}]]" if title and label and title != label else f"[[{title}]]" if title else ""
