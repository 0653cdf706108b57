"""The call of a template, the type of its renderer, and factories for the simplest renderers. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a template: its name in lower case and its arguments, already expanded and stripped."""

    name: str
    positional: tuple[str, ...]
    named: dict[str, str]

    def get(self, number: int) -> str:
        """Return a positional argument, counted from 1; "" if absent."""
        text = self.positional[number - 1] if number <= len(self.positional) else ""
        return text or self.named.get(str(number), "")

    @property
    def last(self) -> str:
        """The last positional argument that is not empty, or else the argument named "2"."""
        return next((text for text in reversed(self.positional) if text), "") or self.named.get("2", "")


Renderer = Callable[[Call], str]
"""A function that returns wikitext, so that a link in an argument stays a link; "" if there is nothing to show."""


def entries(renderer: Renderer, names: str) -> dict[str, Renderer]:
    """Return a table in which each of the comma-separated names has this renderer."""
    return {name.strip(): renderer for name in names.split(",")}


def argument(number: int) -> Renderer:
    """Return a renderer that shows one positional argument."""
    return lambda call: call.get(number)


def literal(text: str) -> Renderer:
    """Return a renderer that always shows this text."""
    return lambda call: text


def between(before: str, after: str) -> Renderer:
    """Return a renderer that shows the first argument between two texts, or nothing without it."""
    return lambda call: f"{before}{call.get(1)}{after}" if call.get(1) else ""


def with_prefix(prefix: str) -> Renderer:
    """Return a renderer that shows a prefix, a space and the first argument, or the prefix alone without it."""
    return lambda call: f"{prefix} {call.get(1)}".strip()


def join_arguments(separator: str) -> Renderer:
    """Return a renderer that joins all positional arguments that are not empty."""
    return lambda call: separator.join(part for part in call.positional if part)


def last_argument(call: Call) -> str:
    """Render the last positional argument that is not empty."""
    return call.last


def wrapped_text(call: Call) -> str:
    """Render the text inside a formatting template, which is the argument 1, `text` or `content`."""
    return call.get(1) or call.named.get("text") or call.named.get("content") or ""


def wikilink(title: str, label: str) -> str:
    """Return a link; "" without a title."""
    return f"[[{title}|{label}]]" if title and label and title != label else f"[[{title}]]" if title else ""
