"""The text being made, piece by piece: what a link, a line's end, an element or a quotation mark does to it. Pure.

A parser, whichever it is (`scan`, `second`), says what it finds in the order of the source; out comes one string per
page in which mentions stand between OPEN and CLOSE, blocks end with BLOCK, and holes are marked for `tidy`. Links whose
label has markup of its own, media and hidden elements are open `Frame`s until they end: then what was written since is
turned into a mention, or cut. So a page is gone through once, whatever turns out about its brackets.

Every link that begins is in `titles` (kept) or in `drops` (with its reason), so the account adds up by construction;
a cut takes back what it swallows, and counts it anew.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from pipeline.corpus.render.wikitext.markup import BLOCK, CLOSE, HOLE, LEAD, LINE, NOTHING, OPEN, UNSEEN, links_in
from pipeline.corpus.render.wikitext.quotes import apostrophe, marks
from pipeline.corpus.titles import FILE, MAIN, SiteInfo, Title, case_rule, normalise_title, pipe_trick, shown_title

MAX_OPEN = 100
"""Frames in frames; MediaWiki gives up at far fewer, and the work on hostile input is bounded by it."""
EDGE = " \t\r\u00a0\u3000" + UNSEEN
"""What no mention consists of alone; `tidy` puts what stands at its ends outside of it."""
USUAL = (
    r"[A-Za-z0-9,()!?\-+*/\"\u00a1-\u167f\u1681-\u180d\u180f-\u1fff\u2010-\u2027\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufffc]"
)
PLAIN = re.compile(rf"{USUAL}++(?:[ .']{USUAL}++)*+")
"""A target that needs no more thought than a capital letter."""
LINK, MEDIA, EXTERNAL, ELEMENT = "link", "media", "external", "element"


@dataclass(frozen=True, slots=True)
class Frame:
    """Something open, and how long the lists of the writer were when it began."""

    kind: str
    """LINK, MEDIA, EXTERNAL or ELEMENT."""
    name: str
    """A link's target as written, an element's name, an external link's address."""
    start: int
    """Where it begins in the source."""
    parts: int
    titles: int
    drops: int
    reason: str = ""
    """Why it will be cut, if it ends; "" for what stays."""


class Writer:
    """One page's text in the making."""

    def __init__(self, site: SiteInfo) -> None:
        self.site = site
        self.cased = case_rule(site)
        """A plain target -> as the wiki's titles begin."""
        self.parts: list[str] = []
        self.titles: list[str] = []
        """The targets of the mentions in `parts`, in their order."""
        self.drops: list[tuple[str, int, int]] = []
        """Reason, links, characters of source."""
        self.frames: list[Frame] = []
        self.quotes: list[tuple[int, int, str]] = []
        """The line's runs of apostrophes: index in `parts`, length, what stands before."""
        self.listed = False
        """Whether the line is a list's item, which ends with it."""

    def marked(self) -> str:
        """The page's text with its marks; what is still open was not what it seemed."""
        self.line_over()
        self.abandon(LINK, EXTERNAL, MEDIA, ELEMENT)
        return "".join(self.parts)

    # ---- lines

    def line(self) -> None:
        """A line ends, and its paragraph goes on."""
        if self.listed:
            self.block()
            return
        self.line_over()
        self.parts.append(LINE)

    def block(self) -> None:
        """A paragraph or an item ends, and with it the links open in it; a caption goes on."""
        self.line_over()
        self.abandon(LINK, EXTERNAL)
        self.parts.append(BLOCK)
        self.listed = False

    def item(self) -> None:
        """An item of a list begins."""
        self.block()
        self.listed = True

    def heading(self, source: str) -> None:
        """A heading: it is no text, and nothing goes on behind it."""
        self.line_over()
        self.abandon(LINK, EXTERNAL, MEDIA)
        self.drop("heading", links_in(source), len(source))
        self.parts.append(BLOCK + LEAD)
        self.listed = False

    def line_over(self) -> None:
        """Give the line's quotation marks their meaning; an external link does not go over a line's end."""
        if self.quotes:
            if len(self.quotes) > 1:
                chosen = apostrophe([run[1:] for run in self.quotes])
                if chosen is not None:
                    self.parts[self.quotes[chosen][0]] += "'"
            self.quotes.clear()
        if self.frames and self.frames[-1].kind == EXTERNAL:
            frame = self.frames.pop()
            self.parts[frame.parts] = "[" + frame.name

    def quote(self, length: int, before: str) -> None:
        """A run of apostrophes; `before` are the two characters before it on its line."""
        self.quotes.append((len(self.parts), length, before))
        self.parts.append("'" * (length - marks(length)))

    # ---- links

    def target(self, raw: str) -> tuple[str, str]:
        """(title, "") for a link to an article, else ("", the reason why it is none)."""
        if is_plain(raw):
            return self.cased(raw), ""
        title = normalise_title(raw.replace(NOTHING, "").replace(HOLE, ""), self.site)
        reason = refusal(title)
        return ("", reason) if reason or title is None else (title.text, "")

    def link(self, raw: str, label: str | None, trail: str) -> None:
        """A whole link whose label, None if it has none, is plain text."""
        if is_plain(raw) and (label is None or label.strip()):  # nearly all
            self.mention(label or raw, self.cased(raw), "", trail)
            return
        title, reason = self.target(raw)
        if reason in CUT:
            self.drop(reason, 1, 4 + len(raw) + len(label or ""))
            self.parts.append(CUT[reason] + trail)
            return
        if label is None:
            label = shown_title(raw.replace(NOTHING, "")).replace("''", "")
        elif not label or label.isspace():
            label = pipe_trick(raw)
        self.mention(label, title, reason, trail)

    def mention(self, label: str, title: str, reason: str, trail: str) -> None:
        """Write a link's label, as a mention if `reason` does not stand against it."""
        if not reason and not label.strip(EDGE):
            reason = "empty"
        if reason:
            self.drop(reason, 1, 0)
            self.parts.append(label + trail)
        else:
            self.parts.append(f"{OPEN}{label}{trail}{CLOSE}")
            self.titles.append(title)

    def open_link(self, raw: str, start: int) -> None:
        """A link whose label follows; it begins at `start` of the source."""
        _, reason = self.target(raw)
        self.open(MEDIA if reason == "media" else LINK, raw, start, reason if reason in CUT else "")

    def close_link(self, source: str, trail: str) -> None:
        """The innermost frame, a link, ends; `source` is all of it."""
        frame = self.frames.pop()
        if frame.reason:
            self.cut(frame, frame.reason, source)
            self.parts.append(CUT[frame.reason] + trail)
            return
        title, reason = self.target(frame.name)
        label = "".join(self.parts[frame.parts :])
        if OPEN in label:
            reason = "nested"  # the inner one works, the outer one is only text around it
        elif BLOCK in label:
            reason = "unbalanced"
        elif not label.strip(EDGE):
            reason = reason or "empty"
        if LINE in label:
            self.parts[frame.parts :] = [" " if part == LINE else part for part in self.parts[frame.parts :]]
        if reason:
            self.drop(reason, 1, 0)
            self.parts.append(trail)
        else:
            # The pieces stay as they are: the line's quotation marks know them by their places.
            self.parts[frame.parts] = OPEN
            self.parts.append(trail + CLOSE)
            self.titles.append(title)

    def open_external(self, address: str, start: int) -> None:
        """An external link in brackets, whose label may follow."""
        self.open(EXTERNAL, address, start)

    def close_external(self) -> None:
        """The innermost frame, an external link, ends: without a label it shows a number, a hole for us."""
        frame = self.frames.pop()
        if not "".join(self.parts[frame.parts :]).strip(EDGE):
            self.parts.append(HOLE)

    # ---- frames and cuts

    def open(self, kind: str, name: str, start: int, reason: str = "") -> None:
        """Begin a frame; one too many is no frame, and a link in it no link."""
        if len(self.frames) >= MAX_OPEN:
            if kind in (LINK, MEDIA):
                self.drop("unbalanced", 1, 0)
            return
        self.frames.append(Frame(kind, name, start, len(self.parts), len(self.titles), len(self.drops), reason))
        self.parts.append("")

    def cut(self, frame: Frame, reason: str, source: str) -> None:
        """Take back what was written since the frame began, and count its source instead."""
        del self.parts[frame.parts :], self.titles[frame.titles :], self.drops[frame.drops :]
        while self.frames and self.frames[-1].parts >= frame.parts:
            self.frames.pop()
        self.quotes = [run for run in self.quotes if run[0] < frame.parts]
        self.drop(reason, links_in(source), len(source))

    def abandon(self, *kinds: str) -> None:
        """Give up the open frames of these kinds, up to the innermost one of another kind."""
        while self.frames and self.frames[-1].kind in kinds:
            if self.frames.pop().kind in (LINK, MEDIA):
                self.drop("unbalanced", 1, 0)

    def drop(self, reason: str, links: int, characters: int) -> None:
        self.drops.append((reason, links, characters))


CUT = {"category": NOTHING, "interlanguage": NOTHING, "media": HOLE}
"""Why a link shows nothing of itself, and what it leaves."""


def is_plain(target: str) -> bool:
    """Whether a target, 19 of 20, is a title as it stands, but for its first letter's case."""
    return (
        PLAIN.fullmatch(target) is not None
        and len(target) < 60
        and (target.isascii() or unicodedata.is_normalized("NFC", target))
    )


def refusal(title: Title | None) -> str:
    """Why a link is no link to an article; "" for one that is."""
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
