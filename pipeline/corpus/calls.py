"""A template's use, and what renders it."""

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
