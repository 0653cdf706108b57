"""Make a larger dump from a small one: repeat its pages under new titles and ids, in Wikimedia's multistream format.

The first bz2 stream holds the header, each of the next ones 100 pages, the last one the end tag. The index of
`offset:id:title` lines is a second file. Links and redirects keep their targets, so they lead to pages of the first
copy. A repeated dump has no new words: a cache of words, in this project or in a peer, does better on it than on as
much new text.
"""

from __future__ import annotations

import bz2
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

PAGES_PER_STREAM = 100
PAGE = re.compile(r"  <page>\n.*?  </page>\n", re.DOTALL)
TITLE = re.compile(r"<title>(.*?)</title>")
ID_ELEMENT = re.compile(r"(<(?:id|parentid)>)(\d+)(</)")
TEXT = re.compile(r"<text[^>]*>(.*?)</text>", re.DOTALL)
NAME = "bench-pages-articles-multistream"


@dataclass(frozen=True, slots=True)
class RepeatedDump:
    """A repeated dump that has been written."""

    dump: Path
    index: Path
    pages: int
    articles: int
    wikitext_bytes: int
    """UTF-8 bytes of the wikitext of articles: pages of namespace 0 that are not redirects."""
    xml_bytes: int


def repeat_dump(source: Path, folder: Path, wikitext_bytes: int) -> RepeatedDump:
    """Write as many copies of `source` as needed for `wikitext_bytes` of article wikitext.

    Raises:
        ValueError: `source` holds no article.
    """
    opener = bz2.open if source.suffix == ".bz2" else open
    with opener(source, "rt", encoding="utf-8") as file:
        text = file.read()
    pages = PAGE.findall(text)
    copy_bytes = sum(map(article_bytes, pages))
    if not copy_bytes:
        raise ValueError(f"{source} holds no article to repeat")
    copies = -(-wikitext_bytes // copy_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    dump, index = folder / f"{NAME}.xml.bz2", folder / f"{NAME}-index.txt.bz2"
    xml_bytes = 0
    with open(dump, "wb") as out, bz2.open(index, "wt", encoding="utf-8") as lines:
        for stream in xml_streams(text[: text.index("  <page>\n")], pages, copies):
            for page in PAGE.findall(stream):
                lines.write(f"{out.tell()}:{ID_ELEMENT.search(page)[2]}:{html.unescape(TITLE.search(page)[1])}\n")  # type: ignore[index]
            xml_bytes += len(stream.encode())
            out.write(bz2.compress(stream.encode()))
    articles = copies * sum(map(is_article, pages))
    return RepeatedDump(dump, index, copies * len(pages), articles, copies * copy_bytes, xml_bytes)


def xml_streams(header: str, pages: list[str], copies: int) -> Iterator[str]:
    """Yield the XML of each stream."""
    yield header
    ids = count(1)
    group: list[str] = []
    for copy in range(copies):
        for page in pages:
            group.append(rename_page(page, copy, ids))
            if len(group) == PAGES_PER_STREAM:
                yield "".join(group)
                group = []
    if group:
        yield "".join(group)
    yield "</mediawiki>\n"


def rename_page(page: str, copy: int, ids: Iterator[int]) -> str:
    """Return the page with new ids (its own, its revision's, ...) and, except in the first copy, a new title."""
    head, mark, rest = page.partition("<text")
    if copy:
        head = TITLE.sub(lambda match: f"<title>{match[1]} (copy {copy + 1})</title>", head)
    return ID_ELEMENT.sub(lambda match: f"{match[1]}{next(ids)}{match[3]}", head) + mark + rest


def is_article(page: str) -> bool:
    """Whether a page is in namespace 0 and not a redirect."""
    return "<ns>0</ns>" in page and "<redirect " not in page


def article_bytes(page: str) -> int:
    """Return the UTF-8 bytes of an article's wikitext; 0 for any other page."""
    found = TEXT.search(page)
    return len(html.unescape(found[1]).encode()) if found and is_article(page) else 0
