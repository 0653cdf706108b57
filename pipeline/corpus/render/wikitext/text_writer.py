"""Build a page's text from the markup that a parser finds. Pure.

Both parsers (`scanner`, `fallback_parser`) call the writer's methods in the order of the source. The result is one
string per page, in which mentions are between MENTION_START and MENTION_END, blocks end with BLOCK_END, and holes are
marked for `cleanup`. A link whose label contains markup, a media link and a hidden element each open a `Frame`. When it
closes, the text written since is turned into a mention or removed. So one pass is enough, even if brackets turn out to
be unbalanced.

Every link that begins is either in `titles` (kept) or in `drops` (with its reason), so the counts add up by
construction. Removing a frame also removes the links inside it from these lists and counts them under the new reason.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from pipeline.corpus.render.wikitext.apostrophes import count_markup, find_literal_apostrophe
from pipeline.corpus.render.wikitext.markup import (
    BLOCK_END,
    HEADING_MARK,
    HOLE,
    LINE_END,
    MENTION_END,
    MENTION_START,
    PLACEHOLDERS,
    ZERO_WIDTH,
    count_links,
)
from pipeline.corpus.titles import (
    FILE,
    MAIN,
    SiteInfo,
    Title,
    default_label,
    normalise_title,
    pipe_trick,
    title_case_function,
)

MAX_OPEN_FRAMES = 100
"""Maximum nesting depth; it bounds the work on hostile input. MediaWiki gives up at a far smaller depth."""
NON_MENTION_CHARACTERS = " \t\r\u00a0\u3000" + PLACEHOLDERS
"""Characters that a mention may not consist of entirely; `cleanup` moves them outside the mention."""
PLAIN_CHARACTER = (
    r"[A-Za-z0-9,()!?\-+*/\"\u00a1-\u167f\u1681-\u180d\u180f-\u1fff\u2010-\u2027\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufffc]"
)
PLAIN_TARGET = re.compile(rf"{PLAIN_CHARACTER}++(?:[ .']{PLAIN_CHARACTER}++)*+")
"""A target that needs no normalisation except the case of its first letter."""
LINK, MEDIA, EXTERNAL, ELEMENT = "link", "media", "external", "element"


@dataclass(frozen=True, slots=True)
class Frame:
    """An open link or element, and the lengths of the writer's lists when it began."""

    kind: str
    """LINK, MEDIA, EXTERNAL or ELEMENT."""
    name: str
    """A link's target as written, an element's name, an external link's address."""
    start: int
    """Offset in the source."""
    first_part: int
    first_title: int
    first_drop: int
    reason: str = ""
    """Reason for removing it once it closes; "" if it is kept."""


class TextWriter:
    """A builder of one page's text."""

    def __init__(self, site: SiteInfo) -> None:
        self.site = site
        self.capitalise = title_case_function(site)
        """Function that applies the wiki's rule for the first letter to a plain target."""
        self.parts: list[str] = []
        self.titles: list[str] = []
        """Titles of the mentions in `parts`, in order."""
        self.drops: list[tuple[str, int, int]] = []
        """(reason, number of links, number of source characters)"""
        self.frames: list[Frame] = []
        self.apostrophe_runs: list[tuple[int, int, str]] = []
        """Runs on the current line: (index in `parts`, length, up to two characters before it)."""
        self.in_list_item = False
        """Whether the current line is a list item; the item ends with the line."""

    def finish(self) -> str:
        """Close the page and return its text with marks; frames that are still open become plain text."""
        self.close_line()
        self.abandon_frames(LINK, EXTERNAL, MEDIA, ELEMENT)
        return "".join(self.parts)

    # ---- lines

    def end_line(self) -> None:
        """End a line within a paragraph; a list item ends with its line."""
        if self.in_list_item:
            self.end_block()
            return
        self.close_line()
        self.parts.append(LINE_END)

    def end_block(self) -> None:
        """End a paragraph or a list item, and give up its open links; a media caption may span blocks."""
        self.close_line()
        self.abandon_frames(LINK, EXTERNAL)
        self.parts.append(BLOCK_END)
        self.in_list_item = False

    def start_item(self) -> None:
        """Begin a list item."""
        self.end_block()
        self.in_list_item = True

    def add_heading(self, source: str) -> None:
        """Drop a heading, and give up the open links and captions before it."""
        self.close_line()
        self.abandon_frames(LINK, EXTERNAL, MEDIA)
        self.count_drop("heading", count_links(source), len(source))
        self.parts.append(BLOCK_END + HEADING_MARK)
        self.in_list_item = False

    def close_line(self) -> None:
        """Resolve the line's apostrophes, and give up an external link that the line does not close."""
        if self.apostrophe_runs:
            if len(self.apostrophe_runs) > 1:
                chosen = find_literal_apostrophe([run[1:] for run in self.apostrophe_runs])
                if chosen is not None:
                    self.parts[self.apostrophe_runs[chosen][0]] += "'"
            self.apostrophe_runs.clear()
        if self.frames and self.frames[-1].kind == EXTERNAL:
            frame = self.frames.pop()
            self.parts[frame.first_part] = "[" + frame.name

    def add_apostrophes(self, length: int, before: str) -> None:
        """Add a run of apostrophes; `before` is the two characters before it on its line, or fewer."""
        self.apostrophe_runs.append((len(self.parts), length, before))
        self.parts.append("'" * (length - count_markup(length)))

    # ---- links

    def resolve_target(self, raw: str) -> tuple[str, str]:
        """Return (title, "") for a link to an article, else ("", reason for dropping the link)."""
        if is_plain_target(raw):
            return self.capitalise(raw), ""
        title = normalise_title(raw.replace(ZERO_WIDTH, "").replace(HOLE, ""), self.site)
        reason = link_drop_reason(title)
        return ("", reason) if reason or title is None else (title.text, "")

    def add_link(self, raw: str, label: str | None, trail: str) -> None:
        """Add a whole link whose label is plain text, or None if the link has no label."""
        if is_plain_target(raw) and (label is None or label.strip()):  # fast path for nearly all links
            self.add_mention(label or raw, self.capitalise(raw), "", trail)
            return
        title, reason = self.resolve_target(raw)
        if reason in CUT_LINK_MARKS:
            self.count_drop(reason, 1, 4 + len(raw) + len(label or ""))
            self.parts.append(CUT_LINK_MARKS[reason] + trail)
            return
        if label is None:
            label = default_label(raw.replace(ZERO_WIDTH, "")).replace("''", "")
        elif not label or label.isspace():
            label = pipe_trick(raw)
        self.add_mention(label, title, reason, trail)

    def add_mention(self, label: str, title: str, reason: str, trail: str) -> None:
        """Add a link's label: as a mention, or as plain text if there is a `reason` to drop the link."""
        if not reason and not label.strip(NON_MENTION_CHARACTERS):
            reason = "empty"
        if reason:
            self.count_drop(reason, 1, 0)
            self.parts.append(label + trail)
        else:
            self.parts.append(f"{MENTION_START}{label}{trail}{MENTION_END}")
            self.titles.append(title)

    def open_link(self, raw: str, start: int) -> None:
        """Open the frame of a link whose label follows; `start` is its offset in the source."""
        _, reason = self.resolve_target(raw)
        self.open_frame(MEDIA if reason == "media" else LINK, raw, start, reason if reason in CUT_LINK_MARKS else "")

    def close_link(self, source: str, trail: str) -> None:
        """Close the innermost frame, which is a link; `source` is the link's wikitext."""
        frame = self.frames.pop()
        if frame.reason:
            self.cut_frame(frame, frame.reason, source)
            self.parts.append(CUT_LINK_MARKS[frame.reason] + trail)
            return
        title, reason = self.resolve_target(frame.name)
        label = "".join(self.parts[frame.first_part :])
        if MENTION_START in label:
            reason = "nested"  # MediaWiki keeps the inner link and shows the outer one as text
        elif BLOCK_END in label:
            reason = "unbalanced"
        elif not label.strip(NON_MENTION_CHARACTERS):
            reason = reason or "empty"
        if LINE_END in label:
            self.parts[frame.first_part :] = [
                " " if part == LINE_END else part for part in self.parts[frame.first_part :]
            ]
        if reason:
            self.count_drop(reason, 1, 0)
            self.parts.append(trail)
        else:
            # Do not join the parts: apostrophe_runs refers to them by index.
            self.parts[frame.first_part] = MENTION_START
            self.parts.append(trail + MENTION_END)
            self.titles.append(title)

    def open_external(self, address: str, start: int) -> None:
        """Open the frame of an external link in brackets; a label may follow."""
        self.open_frame(EXTERNAL, address, start)

    def close_external(self) -> None:
        """Close the innermost frame, which is an external link; without a label it becomes a HOLE."""
        frame = self.frames.pop()
        if not "".join(self.parts[frame.first_part :]).strip(NON_MENTION_CHARACTERS):
            self.parts.append(HOLE)

    # ---- frames and cuts

    def open_frame(self, kind: str, name: str, start: int, reason: str = "") -> None:
        """Open a frame; beyond MAX_OPEN_FRAMES nothing is opened, and a link is dropped."""
        if len(self.frames) >= MAX_OPEN_FRAMES:
            if kind in (LINK, MEDIA):
                self.count_drop("unbalanced", 1, 0)
            return
        self.frames.append(Frame(kind, name, start, len(self.parts), len(self.titles), len(self.drops), reason))
        self.parts.append("")

    def cut_frame(self, frame: Frame, reason: str, source: str) -> None:
        """Remove everything written since the frame began, and count the frame's source as dropped."""
        del self.parts[frame.first_part :], self.titles[frame.first_title :], self.drops[frame.first_drop :]
        while self.frames and self.frames[-1].first_part >= frame.first_part:
            self.frames.pop()
        self.apostrophe_runs = [run for run in self.apostrophe_runs if run[0] < frame.first_part]
        self.count_drop(reason, count_links(source), len(source))

    def abandon_frames(self, *kinds: str) -> None:
        """Turn open frames of these kinds into plain text, from the innermost outwards up to one of another kind."""
        while self.frames and self.frames[-1].kind in kinds:
            if self.frames.pop().kind in (LINK, MEDIA):
                self.count_drop("unbalanced", 1, 0)

    def count_drop(self, reason: str, links: int, characters: int) -> None:
        """Record dropped links and source characters."""
        self.drops.append((reason, links, characters))


CUT_LINK_MARKS = {"category": ZERO_WIDTH, "interlanguage": ZERO_WIDTH, "media": HOLE}
"""Drop reason -> the mark that replaces the link, for links whose label is removed too."""


def is_plain_target(target: str) -> bool:
    """Whether a target is already a normalised title except for the case of its first letter, as 19 of 20 are."""
    return (
        PLAIN_TARGET.fullmatch(target) is not None
        and len(target) < 60
        and (target.isascii() or unicodedata.is_normalized("NFC", target))
    )


def link_drop_reason(title: Title | None) -> str:
    """Return the reason why a link does not lead to an article, or "" if it does."""
    if title is None:
        return "invalid"
    if title.hidden:
        return "interlanguage" if title.interwiki else "category"
    if title.interwiki:
        return "interwiki"
    if title.namespace == FILE and not title.colon:
        return "media"
    if title.namespace != MAIN:
        return "namespace"
    return "" if title.text else "section"
