"""A dump file as a stream of pages.

In: .xml, .bz2 (one stream or many) or .gz, told by its first bytes, never by its name. Out: the wiki's `SiteInfo`, then
one `Page` after the other; a page's elements are freed before the next one is read, so memory holds one page and a
buffer or two. XML entities stay unresolved, DTDs and the network out of reach. Decoding bz2 costs most: about
18 MB of XML a second, lxml reads ten times that.

What can be wrong with a file is told apart: not MediaWiki's XML, damaged, or ended too early. Only the last leaves
anything to go on with: `Dump.truncated` says where. A document type is refused as a whole: no export has one, and
a text with an entity left unresolved would end at it.
"""

from __future__ import annotations

import bz2
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from lxml import etree

from pipeline.corpus.titles import MAIN, SiteInfo, default_site, namespace_of
from pipeline.errors import PipelineError
from pipeline.records import Page

Made = TypeVar("Made")
READ = 1 << 17
BUFFER = 1 << 20
REDIRECT = re.compile(r"\s*#[^\W\d_]+\s?:?\s*\[\[\s*([^\[\]|{}\n]+)")
"""How a redirect begins in every language; only asked where the export says nothing."""
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
FORMATS = {
    b"7z\xbc\xaf": "a 7z archive",
    b"PK\x03\x04": "a zip archive",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"SQLite": "an SQLite database",
    b"PAR1": "a parquet file",
}
"""Files that people take for a dump."""


class Inflater:
    """The decompressed content of a file, stream after stream.

    `read` counts the bytes taken from the file; `ended_early` is set when the last stream had no end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.read = 0
        self.ended_early = False

    def __iter__(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            head = file.peek(8)[:8]
            if not head:
                raise PipelineError(f"{self.path} is empty: a MediaWiki XML dump was expected")
            for magic, kind in FORMATS.items():
                if head.startswith(magic):
                    raise PipelineError(
                        f"{self.path} is {kind}, not a dump this reads: unpack it to .xml, or pack it as .bz2 or .gz"
                    )
            if head.startswith(b"BZh"):
                yield from self.streams(file, bz2.BZ2Decompressor)
            elif head.startswith(b"\x1f\x8b"):
                yield from self.streams(file, Gunzip)
            else:
                while data := file.read(READ):
                    self.read += len(data)
                    yield data

    def streams(self, file: IO[bytes], make: Callable[[], Any]) -> Iterator[bytes]:
        """Decode one stream after the other; each ends where it says so."""
        decoder, rest = make(), b""
        while True:
            data = rest
            if not data and decoder.needs_input:
                data = file.read(READ)
                self.read += len(data)
                if not data:
                    self.ended_early = True
                    return
            try:
                text = decoder.decompress(data, BUFFER)
            except (OSError, zlib.error, EOFError) as error:
                raise PipelineError(
                    f"{self.path} is damaged somewhere before byte {self.read:,} of {self.size:,} ({error}): "
                    f"fetch it again, or check it with bzip2 -t or gzip -t"
                ) from error
            rest = b""
            if text:
                yield text
            if decoder.eof:
                # Padding with zeros after the last stream is allowed, as gzip allows it.
                rest = decoder.unused_data.lstrip(b"\0") or self.more(file).lstrip(b"\0")
                if not rest:
                    return
                decoder = make()

    def more(self, file: IO[bytes]) -> bytes:
        data = file.read(READ)
        self.read += len(data)
        return data


class Gunzip:
    """zlib's decoder for one gzip member, with bz2's interface."""

    needs_input = True

    def __init__(self) -> None:
        self.decoder = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, _size: int) -> bytes:
        return self.decoder.decompress(data)

    @property
    def eof(self) -> bool:
        return self.decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self.decoder.unused_data


class Dump:
    """One dump file: iterate over it for its pages, then ask for what was learnt on the way."""

    def __init__(self, path: Path) -> None:
        self.source = Inflater(path)
        self.path = path
        self.site = default_site("")
        self.has_site = False
        self.truncated = False
        self.last_title = ""

    @property
    def share(self) -> float:
        """How much of the file is read."""
        return self.source.read / max(1, self.source.size)

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages in file order.

        Raises:
            PipelineError: the file is empty, damaged or no MediaWiki export.
        """
        parser = etree.XMLPullParser(
            events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
        )
        state = Pages(self)
        try:
            for data in self.source:
                parser.feed(data)
                yield from state.pages(parser.read_events())
        except etree.XMLSyntaxError as error:
            yield from state.pages(parser.read_events())
            raise self.broken(error.msg, state.inside) from error
        try:
            parser.close()
        except etree.XMLSyntaxError as error:
            yield from state.pages(parser.read_events())
            if not state.inside:
                raise self.broken(error.msg, False) from error
            self.truncated = True
        self.truncated |= self.source.ended_early

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
            elif name == "siteinfo":
                self.dump.site = self.sound(site_info, element, self.root.get(LANGUAGE, ""))
                self.dump.has_site = True
            elif name == "page":
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
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def child_text(element: Any, name: str) -> str:
    for child in element:
        if local(child) == name:
            return child.text or ""
    return ""


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
                title = child.text or ""
            case "ns":
                namespace = int(child.text or "")
            case "id":
                number = child.text or ""
            case "redirect":
                redirect = child.get("title", "")
            case "revision":
                revision = child
    text = child_text(revision, "text") if revision is not None else ""
    if not redirect and text.lstrip()[:1] == "#" and (match := REDIRECT.match(text)):
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


def is_article(page: Page) -> bool:
    return page.namespace == MAIN and page.redirect is None
