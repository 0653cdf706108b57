"""Measure how many of the source's links are in the corpus.

Usage: `python -m scripts.corpus_links DUMP...`

The script counts links to articles in the prose and list lines of a page. It leaves out comments, references,
templates, tables, picture captions, headings and galleries, and links to categories, other languages and sections of
the same page. Each link must be in the corpus with its title and its exact mention (label and trail, without bold or
italic markup). The others are counted by reason; if a label contains a template, this script cannot know the text of
the template. A span is wrong if it is empty, begins or ends with white space, contains a line break, or overlaps the
previous one.

The last line of the output is JSON; `--list` prints each missing link.
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

from pipeline.corpus.render.page import RenderedPage
from pipeline.corpus.xml.dump_reader import DumpReader
from scripts.corpus_pages import COMMENT, INVISIBLE_CHARACTERS, QUOTES, REFERENCE, SPACE, TAG, render_articles

CUT_TAGS = re.compile(
    r"<(gallery|math|nowiki|pre|timeline|score|imagemap|syntaxhighlight|source|code|references)\b[^<>]*(?<!/)>.*?</\1\s*>",
    re.DOTALL | re.IGNORECASE,
)
TEMPLATE = re.compile(r"\{\{(?:[^{}]|\{(?!\{)|\}(?!\}))*\}\}")
TABLE = re.compile(r"^[ :*#]*\{\|(?:(?!^[ :*#]*\{\|).)*?(?:^[ ]*\|\}|</table\s*>)", re.DOTALL | re.MULTILINE)
HTML_TABLE = re.compile(r"<table\b[^<>]*>(?:(?!<table\b).)*?</table\s*>", re.DOTALL | re.IGNORECASE)
OPEN_TABLE = re.compile(r"^[ :*#]*\{\|.*?(?=^=|\Z)", re.DOTALL | re.MULTILINE)
"""A table that is never closed; it ends with its section."""
LINK = r"\[\[([^\[\]|{}<>\n]+)(?:\|([^\[\]]*))?\]\]"
HEADING = re.compile(r"^=.*=\s*$", re.MULTILINE)
GAP = "\x00"
WHITE_SPACE = re.compile(r"[ \t\r\n\u00a0\u2000-\u200a\u202f]+")
"""White space except the ideographic space, which counts as a character."""


def extract_prose(source: str, media: re.Pattern[str]) -> str:
    """Remove everything except prose and lists; a GAP replaces each template."""
    text = CUT_TAGS.sub("", REFERENCE.sub("", COMMENT.sub("", source)))
    for pattern, replacement in ((TEMPLATE, GAP), (HTML_TABLE, "\n\n"), (TABLE, "\n\n"), (OPEN_TABLE, "")):
        while True:
            text, count = pattern.subn(replacement, text)
            if not count:
                break
    text = remove_media(text, media)
    return HEADING.sub("", text)


def remove_media(text: str, media: re.Pattern[str]) -> str:
    """Remove pictures with their captions, by counting brackets."""
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


def visible_text(label: str) -> str:
    """Return a label as a reader sees it."""
    text = INVISIBLE_CHARACTERS.sub("", html.unescape(TAG.sub("", QUOTES.sub("", label))))
    return WHITE_SPACE.sub(" ", text.replace(GAP, " ")).strip()


def link_title(raw: str) -> str:
    """Return the normalised title that a link's target leads to."""
    name = html.unescape(urllib.parse.unquote(raw) if "%" in raw else raw).partition("#")[0]
    name = SPACE.sub(" ", INVISIBLE_CHARACTERS.sub("", name).replace("_", " ")).strip().removeprefix(":").strip()
    first = name[:1].upper()
    return (first if len(first) == 1 else name[:1]) + name[1:]


def non_article_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for targets that are not articles: other namespaces, languages and wikis."""
    known = "|".join(map(re.escape, {*names, "Image", "File", "Category", "Wikipedia", "Help", "User", "Special"}))
    return re.compile(rf"\s*:?\s*(?:(?:{known})\s*:|[a-z][a-z-]{{0,11}}:(?=\S|$))", re.IGNORECASE)


def measure_dump(path: Path, trail_letters: str, print_missing: bool) -> dict[str, float]:
    """Count the links of one dump and print a summary."""
    dump = DumpReader(path)
    next(iter(dump))
    names = [name for name in dump.site.namespaces.values() if name]
    non_article = non_article_pattern(names)
    files = "|".join(map(re.escape, {"Image", "File", "画像", dump.site.namespaces.get(6, "File")}))
    media = re.compile(rf"\[\[\s*(?:{files})\s*:", re.IGNORECASE)
    seen = found = wrong = 0
    reasons: Counter[str] = Counter()
    for page, rendered in render_articles(path):
        wrong += count_wrong_spans(page.title, rendered)
        kept = Counter((link.title, rendered.text[link.start : link.end]) for link in rendered.links)
        text = extract_prose(page.text, media)
        for match in re.finditer(f"{LINK}({trail_letters})", text):
            raw, label, trail = match[1], match[2], match[3]
            title, mention = link_title(raw), visible_text(raw if label is None else label) + trail
            if non_article.match(raw) or not title:
                continue
            seen += 1
            if kept[title, mention] > 0:
                kept[title, mention] -= 1
                found += 1
                continue
            same_title = [other for (name, other), count in kept.items() if count > 0 and name == title]
            reason = miss_reason(label, mention, bool(same_title))
            reasons[reason] += 1
            if print_missing:
                excerpt = text[max(0, match.start() - 60) : match.end() + 30]
                print(f"{reason}\t{page.title}\t{excerpt!r}\tmentions of the same title: {same_title[:3]}")
    print(f"{path.name}: {seen:,} links in prose and lists, {found:,} in the corpus with their mention")
    print(f"  {wrong} wrong spans; missing links by reason: {dict(reasons.most_common())}")
    return {"links": seen, "recall": round(100 * found / max(1, seen), 3), "spans_wrong": wrong}


def miss_reason(label: str | None, mention: str, title_is_linked: bool) -> str:
    """Return why a link is not in the corpus, given whether the page has another link to the same title."""
    if label and GAP in label:
        return "a template in the label" + ("" if title_is_linked else ", which showed nothing")
    if not mention:
        return "no mention"
    return "another mention" if title_is_linked else "absent"


def count_wrong_spans(title: str, rendered: RenderedPage) -> int:
    """Print and count the spans that are empty, begin or end with white space, contain a line break or overlap."""
    wrong = end = 0
    for link in rendered.links:
        mention = rendered.text[link.start : link.end]
        if not mention or mention != mention.strip() or "\n" in mention or link.start < end:
            wrong += 1
            print(f"wrong span\t{title}\t{mention!r}\t{link.title}")
        end = link.end
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--trail", default="[a-z]*", help="pattern of a link's trail in the wiki's language")
    parser.add_argument("--list", action="store_true", help="print each missing link")
    args = parser.parse_args()
    print(json.dumps({path.name: measure_dump(path, args.trail, args.list) for path in args.dumps}))


if __name__ == "__main__":
    main()
