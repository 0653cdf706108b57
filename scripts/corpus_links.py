"""How many of the source's links are in the corpus: `python -m scripts.corpus_links DUMP...`.

Counted are the links that a reader meets in the prose and the list lines of a page: outside of comments, references,
templates, tables, pictures' captions, headings and galleries; to articles, so no category, no other language, no
section of the same page. Each must be in the corpus with its title and its exact mention (label and trail, without
marks of bold). The rest is listed with the reason; of a label with a template in it only what the template made is
unknown here. A span is wrong if it is empty, has white space at an end, goes over a line's end or overlaps the last.

The last line is JSON; `--list` prints each link that is not there.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pipeline.corpus.render.page import Rendered
from pipeline.corpus.xml.dump_reader import Dump
from scripts.corpus_pages import COMMENT, INVISIBLE, QUOTES, REFERENCE, SPACE, TAG, pages

CUT = re.compile(
    r"<(gallery|math|nowiki|pre|timeline|score|imagemap|syntaxhighlight|source|code|references)\b[^<>]*(?<!/)>.*?</\1\s*>",
    re.DOTALL | re.IGNORECASE,
)
TEMPLATE = re.compile(r"\{\{(?:[^{}]|\{(?!\{)|\}(?!\}))*\}\}")
TABLE = re.compile(r"^[ :*#]*\{\|(?:(?!^[ :*#]*\{\|).)*?(?:^[ ]*\|\}|</table\s*>)", re.DOTALL | re.MULTILINE)
HTML_TABLE = re.compile(r"<table\b[^<>]*>(?:(?!<table\b).)*?</table\s*>", re.DOTALL | re.IGNORECASE)
OPEN_TABLE = re.compile(r"^[ :*#]*\{\|.*?(?=^=|\Z)", re.DOTALL | re.MULTILINE)
"""One that is never closed ends with its section."""
LINK = r"\[\[([^\[\]|{}<>\n]+)(?:\|([^\[\]]*))?\]\]"
HEADING = re.compile(r"^=.*=\s*$", re.MULTILINE)
GAP = "\x00"
WHITE = re.compile(r"[ \t\r\n\u00a0\u2000-\u200a\u202f]+")
"""White space, but for the ideographic space, which is a character."""


def prose(source: str, media: re.Pattern[str]) -> str:
    """The source without all that is not prose or list; templates leave a GAP."""
    text = CUT.sub("", REFERENCE.sub("", COMMENT.sub("", source)))
    for pattern, leaves in ((TEMPLATE, GAP), (HTML_TABLE, "\n\n"), (TABLE, "\n\n"), (OPEN_TABLE, "")):
        while True:
            text, count = pattern.subn(leaves, text)
            if not count:
                break
    text = without_media(text, media)
    return HEADING.sub("", text)


def without_media(text: str, media: re.Pattern[str]) -> str:
    """Cut pictures with their captions, brackets counted."""
    parts, end = [], 0
    for match in media.finditer(text):
        if match.start() < end:
            continue
        depth = 0
        for bracket in re.finditer(r"\[\[|\]\]", text[match.start() :]):
            depth += 1 if bracket[0] == "[[" else -1
            if depth == 0:
                parts.append(text[end : match.start()])
                end = match.start() + bracket.end()
                break
    return "".join(parts) + text[end:]


def shown(label: str) -> str:
    """What a reader sees of a label."""
    text = INVISIBLE.sub("", html.unescape(TAG.sub("", QUOTES.sub("", label))))
    return WHITE.sub(" ", text.replace(GAP, " ")).strip()


def target(raw: str) -> str:
    """A link's title, as the wiki has it."""
    name = html.unescape(urllib.parse.unquote(raw) if "%" in raw else raw).partition("#")[0]
    name = SPACE.sub(" ", INVISIBLE.sub("", name).replace("_", " ")).strip().removeprefix(":").strip()
    first = name[:1].upper()
    return (first if len(first) == 1 else name[:1]) + name[1:]


def elsewhere(names: Iterable[str]) -> re.Pattern[str]:
    """Targets outside of the articles: namespaces, other languages, other wikis."""
    known = "|".join(map(re.escape, {*names, "Image", "File", "Category", "Wikipedia", "Help", "User", "Special"}))
    return re.compile(rf"\s*:?\s*(?:(?:{known})\s*:|[a-z][a-z-]{{0,11}}:(?=\S|$))", re.IGNORECASE)


def measured(path: Path, trail_letters: str, listed: bool) -> dict[str, float]:
    """Count, and print, the links of one dump."""
    dump = Dump(path)
    next(iter(dump))
    names = [name for name in dump.site.namespaces.values() if name]
    other = elsewhere(names)
    files = "|".join(map(re.escape, {"Image", "File", "画像", dump.site.namespaces.get(6, "File")}))
    media = re.compile(rf"\[\[\s*(?:{files})\s*:", re.IGNORECASE)
    seen = there = wrong = 0
    reasons: Counter[str] = Counter()
    for page, made in pages(path):
        wrong += wrong_spans(page.title, made)
        kept = Counter((link.title, made.text[link.start : link.end]) for link in made.links)
        text = prose(page.text, media)
        for match in re.finditer(f"{LINK}({trail_letters})", text):
            raw, label, trail = match[1], match[2], match[3]
            title, mention = target(raw), shown(raw if label is None else label) + trail
            if other.match(raw) or not title:
                continue
            seen += 1
            if kept[title, mention] > 0:
                kept[title, mention] -= 1
                there += 1
                continue
            same = [have for (name, have), count in kept.items() if count > 0 and name == title]
            reason = why_not(label, mention, bool(same))
            reasons[reason] += 1
            if listed:
                excerpt = text[max(0, match.start() - 60) : match.end() + 30]
                print(f"{reason}\t{page.title}\t{excerpt!r}\tthere is {same[:3]}")
    print(f"{path.name}: {seen:,} links in prose and lists, {there:,} in the corpus with their mention")
    print(f"  {wrong} spans wrong; not there: {dict(reasons.most_common())}")
    return {"links": seen, "recall": round(100 * there / max(1, seen), 3), "spans_wrong": wrong}


def why_not(label: str | None, mention: str, same: bool) -> str:
    if label and GAP in label:
        return "a template in the label" + ("" if same else ", which showed nothing")
    if not mention:
        return "no mention"
    return "another mention" if same else "absent"


def wrong_spans(title: str, made: Rendered) -> int:
    """How many spans are empty, have white space at an end, go over a line's end or overlap."""
    wrong = end = 0
    for link in made.links:
        mention = made.text[link.start : link.end]
        if not mention or mention != mention.strip() or "\n" in mention or link.start < end:
            wrong += 1
            print(f"wrong span\t{title}\t{mention!r}\t{link.title}")
        end = link.end
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--trail", default="[a-z]*", help="letters that a link swallows, as the wiki's language has it")
    parser.add_argument("--list", action="store_true", help="print each link that is not there")
    args = parser.parse_args()
    print(json.dumps({path.name: measured(path, args.trail, args.list) for path in args.dumps}))


if __name__ == "__main__":
    main()
