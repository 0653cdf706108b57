"""Read the markup of `make predict`: a text in which brackets mark mentions. Pure.

[[Keio University]]         the entity of this mention is predicted
[[_]]   [[_ _]]             so is this one, and its words are hidden: one `<mask>` for each _
[[Keio University|Keio]]    the entity of the mention "Keio" is given, as in wikitext: title first
<mask>                      a hidden word, predicted; it may be inside a mention

A hidden word is one token for the model. It stands for a whole word only if the tokenizer has that word as a token.
Other single brackets and bars are ordinary text. There is no escape for the marks: a text that contains them as text
is passed to the model as a `Passage`.
"""

from __future__ import annotations

import re

from pipeline.dataset.sentences import Span
from pipeline.errors import PipelineError
from pipeline.inference.passage import EntitySpan, Passage
from pipeline.vocab.specials import MASK

OPEN, CLOSE, BAR = "[[", "]]", "|"
MARK = re.compile(r"\[\[(?!\[)|\]\]")
"""The opening bracket is the last two of "[[[", as in wikitext."""
HIDDEN_MENTION = re.compile(r"_(?:\s+_)*")
HELP = "a mention is written [[Keio University]], a hidden one [[_]], one with a given entity [[Title|mention]]"
EXCERPT = 40
"""Number of characters of the text in a message."""


def parse_markup(marked: str) -> Passage:
    """Return the text without its brackets, with the spans of mentions and hidden words.

    Raises:
        PipelineError: brackets are unbalanced or nested, or a mention is empty or crosses a line break.
    """
    text = ""
    mentions: list[EntitySpan] = []
    opened = position = 0  # `opened`: the end of the bracket that opens the current mention; 0 outside mentions
    for mark in MARK.finditer(marked):
        if mark[0] == OPEN:
            if opened:
                raise at(
                    marked, mark.start(), f"is inside the mention that begins at character {opened - 1}, and mentions "
                    "cannot be nested",
                )  # fmt: skip
            text += marked[position : mark.start()]
            opened = mark.end()
        else:
            if not opened:
                raise at(marked, mark.start(), "has no [[ before it")
            title, mention = split_mention(marked[opened : mark.start()], marked, opened - len(OPEN))
            mentions.append(EntitySpan(len(text), len(text) + len(mention), title))
            text += mention
            opened = 0
        position = mark.end()
    if opened:
        raise at(marked, opened - len(OPEN), "has no ]] after it")
    text += marked[position:]
    return Passage(text, tuple(mentions), tuple(find_masks(text)))


def split_mention(content: str, marked: str, start: int) -> tuple[str | None, str]:
    """Return the given title, or None, and the mention; each _ of a hidden mention is `<mask>`.

    Args:
        content: the text between the brackets.
        marked: the whole text, for the message.
        start: the position of the opening bracket, for the message.
    """
    head, bar, tail = content.partition(BAR)
    title, mention = (head.strip(), tail) if bar else (None, content)
    if not mention.strip() or title == "":
        raise at(marked, start, "opens a mention without text or without a title")
    if "\n" in mention.strip():
        raise at(marked, start, "opens a mention that crosses a line break")
    if HIDDEN_MENTION.fullmatch(mention.strip()):
        mention = mention.replace("_", MASK)
    return title, mention


def find_masks(text: str) -> list[Span]:
    """Return the span of every `<mask>`."""
    return [match.span() for match in re.finditer(re.escape(MASK), text)]


def at(marked: str, position: int, problem: str) -> PipelineError:
    """Return the error about the bracket at a position."""
    excerpt = marked[position : position + EXCERPT]
    shown = excerpt + ("..." if position + EXCERPT < len(marked) else "")
    return PipelineError(
        f"the {marked[position : position + 2]} at character {position + 1} of the text {problem}: {shown!r}\n{HELP}"
    )
