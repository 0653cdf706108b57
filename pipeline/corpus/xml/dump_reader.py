"""A dump file, or a piece of one, as a stream of pages.

In: what `pieces.PieceXml` gives. Out: the wiki's `SiteInfo`, then one `Page` after the other; a page's elements are
freed before the next one is read, so memory holds one page and a buffer or two. XML entities stay unresolved, DTDs and
the network out of reach. lxml reads 200 MB a second, ten times what decoding bz2 gives.

What can be wrong with a file is told apart: not MediaWiki's XML, damaged, or ended too early. Only the last leaves
anything to go on with: `Dump.truncated` says where. A document type is refused as a whole: no export has one, and
a text with an entity left unresolved would end at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from lxml import etree

from pipeline.corpus.titles import SiteInfo, default_site, namespace_of
from pipeline.corpus.xml.pieces import Piece, PieceXml
from pipeline.errors import PipelineError
from pipeline.records import Page

Made = TypeVar("Made")
REDIRECT = re.compile(r"\s*#[^\W\d_][^\s\[\]{}|<>#:]*\s?:?\s*\[\[\s*([^\[\]|{}\n]+)")
"""How a redirect begins in every language, vowel signs and all; only asked where the export does not say."""
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


class Dump:
    """One dump file, or a piece of it: iterate over its pages, then ask for what was learnt on the way.

    Args:
        site: the wiki, where it is known already; else the file's header is asked.
    """

    def __init__(
        self, path: Path, start: int = 0, end: int | None = None, *, threads: int = 1, site: SiteInfo | None = None
    ) -> None:
        piece = Piece(path, start, path.stat().st_size if end is None else end)
        self.xml = PieceXml(piece, threads=threads)
        self.source = self.xml.source
        self.path = path
        self.site = site or default_site("")
        self.has_site = site is not None
        self.truncated = False
        self.last_title = ""

    @property
    def share(self) -> float:
        """How much of it is read."""
        return (self.source.read - self.source.start) / max(1, self.source.end - self.source.start)

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages in file order.

        Raises:
            PipelineError: the file is empty, damaged or no MediaWiki export.
        """
        parser = etree.XMLPullParser(
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=True,
            remove_comments=True,
            remove_pis=True,
        )
        state = Pages(self)
        try:
            for data in self.xml:
                parser.feed(data)
                yield from state.pages(parser.read_events())
        except etree.XMLSyntaxError as error:
            yield from state.pages(parser.read_events())
            raise self.broken(error.msg, state.inside) from error
        try:
            parser.close()
        except etree.XMLSyntaxError as error:
            yield from state.pages(parser.read_events())
            if not state.inside and not self.xml.ended_early:
                raise self.broken(error.msg, False) from error
            self.truncated = self.xml.reaches_end
        self.truncated |= self.xml.ended_early

    @property
    def place(self) -> str:
        return f"after the page {self.last_title!r}" if self.last_title else "before the first page"

    def broken(self, problem: str, inside: bool) -> PipelineError:
        problem = " ".join(problem.split())  # some of libxml2's have line ends
        if not inside:
            return PipelineError(
                f"{self.path} is no MediaWiki XML dump ({problem}): a dump begins with <mediawiki>; "
                f"take a pages-articles file, as .xml, .xml.bz2 or .xml.gz"
            )
        return PipelineError(
            f"{self.path} holds damaged XML at about byte {self.source.read:,} of {self.source.size:,}, "
            f"{self.place} ({problem}): fetch it again"
        )


def header_site(path: Path) -> SiteInfo | None:
    """The wiki as the file's header has it; None for a file without one."""
    dump = Dump(path)
    next(iter(dump), None)
    return dump.site if dump.has_site else None


class Pages:
    """Turns parser events into pages, and forgets the elements."""

    def __init__(self, dump: Dump) -> None:
        self.dump = dump
        self.inside = False
        self.root: Any = None

    def pages(self, events: Any) -> Iterator[Page]:
        for event, element in events:
            name = local(element)
            if event == "start":
                if not self.inside:
                    if name != "mediawiki":
                        raise self.dump.broken(f"it begins with <{name}>", False)
                    if element.getroottree().docinfo.doctype:
                        raise self.dump.broken("it has a document type, <!DOCTYPE, whose entities are not read", False)
                    self.inside, self.root = True, element
            elif name == "siteinfo" and not self.dump.has_site:
                self.dump.site = self.sound(site_info, element, self.root.get(LANGUAGE, ""))
                self.dump.has_site = True
            elif name == "page":
                if (parent := element.getparent()) is not self.root:
                    raise self.dump.broken(f"<page> stands in <{local(parent)}>, which has no end", True)
                page = self.sound(read_page, element, self.dump.site)
                self.dump.last_title = page.title
                element.clear()
                # The emptied elements before this one still hang on the root; without this they add up.
                while element.getprevious() is not None:
                    del self.root[0]
                yield page

    def sound(self, read: Callable[[Any, Any], Made], element: Any, context: Any) -> Made:
        """What `read` makes of the element; a number that is none is damage like any other."""
        try:
            return read(element, context)
        except ValueError as error:
            raise self.dump.broken(f"in <{local(element)}>: {error}", True) from error


def local(element: Any) -> str:
    """An element's name without the namespace, which differs from one export version to the next."""
    return str(element.tag).rpartition("}")[2]


def child_text(element: Any, name: str) -> str:
    for child in element:
        if local(child) == name:
            return own_text(child)
    return ""


def own_text(element: Any) -> str:
    """All of an element's text; "" for none.

    Raises:
        ValueError: it holds an element, at which the text would end for us.
    """
    if len(element):
        raise ValueError(f"<{local(element)}> holds the element <{local(element[0])}>: a text's < is &lt;")
    return element.text or ""


def site_info(element: Any, language: str) -> SiteInfo:
    names = {
        int(child.get("key", "")): child.text or ""
        for group in element
        if local(group) == "namespaces"
        for child in group
        if local(child) == "namespace"
    }
    return SiteInfo(
        dbname=child_text(element, "dbname"),
        language=language,
        base=child_text(element, "base"),
        first_letter=child_text(element, "case") != "case-sensitive",
        namespaces=names or default_site(language).namespaces,
    )


def read_page(element: Any, site: SiteInfo) -> Page:
    """One <page>; of several revisions the last one counts."""
    title, namespace, number, redirect, revision = "", None, "", None, None
    for child in element:
        match local(child):
            case "title":
                title = own_text(child)
            case "ns":
                namespace = int(own_text(child))
            case "id":
                number = own_text(child)
            case "redirect":
                redirect = child.get("title", "")
            case "revision":
                revision = child
    text = child_text(revision, "text") if revision is not None else ""
    told = redirect or (redirect is None and namespace is not None)  # versions with <ns> have every target
    if not told and text.lstrip()[:1] == "#" and (match := REDIRECT.match(text)):
        redirect = match[1]
    return Page(
        id=number,
        revision=child_text(revision, "id") if revision is not None else "",
        title=title,
        namespace=namespace if namespace is not None else namespace_of(title, site),
        redirect=redirect,
        model=(child_text(revision, "model") if revision is not None else "") or "wikitext",
        text=text,
    )
