"""The input of a prediction: a text with the spans of its mentions and of the words that are hidden from the model.

`markup.py` reads it from marked text, `encode.py` turns it into the model's ids. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.dataset.sentences import Span


@dataclass(frozen=True, slots=True)
class EntitySpan:
    """A mention `text[start:end]`."""

    start: int
    end: int
    title: str | None = None
    """Title of the entity that the model is given; None for an entity that it predicts."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its mentions and hidden words. Spans are half-open and count code points.

    Raises:
        ValueError: a span is outside the text, blank, or not after the one before it; a mention crosses a line break;
            or a hidden word is neither inside one mention nor outside all.
    """

    text: str
    mentions: tuple[EntitySpan, ...] = ()
    """In text order."""
    hidden: tuple[Span, ...] = ()
    """In text order: the model sees each as one `<mask>`, and predicts the token there."""

    def __post_init__(self) -> None:
        mentions = [(mention.start, mention.end) for mention in self.mentions]
        check_spans("the mention", mentions, self.text)
        check_spans("the hidden word", self.hidden, self.text)
        for start, end in mentions:
            if "\n" in self.text[start:end].strip():
                raise ValueError(f"the mention {(start, end)} crosses a line break: {self.text[start:end]!r}")
        for start, end in self.hidden:
            for first, last in mentions:
                if start < last and first < end and not first <= start < end <= last:
                    raise ValueError(
                        f"the hidden word {(start, end)} is only partly inside the mention {(first, last)}: it must be "
                        "inside or outside"
                    )


def check_spans(what: str, spans: Iterable[Span], text: str) -> None:
    """Raise ValueError unless the spans are in the text and in its order, do not overlap, and have visible characters.

    Args:
        what: a name for the spans, for the message.
        spans: half-open, in code points.
        text: the text.
    """
    previous: Span | None = None
    for start, end in spans:
        if not 0 <= start <= end <= len(text):
            raise ValueError(f"{what} {(start, end)} is outside the text, which has {len(text)} characters")
        if not text[start:end].strip():
            raise ValueError(f"{what} {(start, end)} has no visible character: {text[start:end]!r}")
        if previous is not None and start < previous[1]:
            raise ValueError(
                f"{what} {(start, end)} overlaps or precedes {previous}: the spans must be in text order, without "
                "overlaps"
            )
        previous = (start, end)
