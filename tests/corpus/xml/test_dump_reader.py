"""Dump files: formats, damage, truncation, old schemas."""

import bz2
import gzip
from pathlib import Path

import pytest

from pipeline.corpus.xml.dump_reader import DumpReader
from pipeline.errors import PipelineError

XML = (Path(__file__).parents[2] / "fixtures" / "wiki.xml").read_bytes()
THIRD = len(XML) // 3


def write_dump(folder: Path, data: bytes, name: str = "file") -> DumpReader:
    (folder / name).write_bytes(data)
    return DumpReader(folder / name)


@pytest.mark.parametrize(
    "data",
    [
        XML,
        bz2.compress(XML),
        gzip.compress(XML),
        bz2.compress(XML[:THIRD]) + bz2.compress(XML[THIRD:]),
        gzip.compress(XML[:THIRD]) + gzip.compress(XML[THIRD:]) + b"\0\0",
        b"\xff\xfe" + ('<?xml version="1.0" encoding="utf-16"?>' + XML.decode()).encode("utf-16-le"),
    ],
    ids=["xml", "bz2", "gz", "bz2 of two streams", "gz of two members", "utf-16"],
)
def test_every_format_gives_the_same_pages(tmp_path: Path, data: bytes) -> None:
    reader = write_dump(tmp_path, data)
    pages = list(reader)
    assert [page.id for page in pages] == [str(number) for number in range(1, 14)]
    assert [page.namespace for page in pages] == [0] * 10 + [10, 1, 0]
    assert [page.redirect for page in pages if page.redirect] == ["Beacon", "Lighthouse", "Train oil", "Whale oil"]
    assert (pages[0].revision, pages[0].title, pages[12].model) == ("101", "Lighthouse", "json")
    assert (reader.site.dbname, reader.site.language, reader.site.first_letter) == ("testwiki", "en", True)
    assert not reader.truncated
    assert reader.progress == 1.0


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress], ids=["xml", "bz2", "gz"])
def test_a_file_without_its_end_is_truncated(tmp_path: Path, pack: type[bytes]) -> None:
    end = XML.index(b"</page>", XML.index(b"<title>Tower")) + len("</page>")
    reader = write_dump(tmp_path, pack(XML[:end]))
    assert [page.title for page in reader] == ["Lighthouse", "Tower"]
    assert (reader.truncated, reader.last_title) == (True, "Tower")


def test_a_stream_without_its_end_is_truncated(tmp_path: Path) -> None:
    packed = gzip.compress(XML, compresslevel=1)
    reader = write_dump(tmp_path, packed[: len(packed) * 3 // 4])
    assert list(reader)
    assert reader.truncated


def test_old_schema_without_siteinfo_ns_and_redirect(tmp_path: Path) -> None:
    text = "<page><title>{}</title><id>1</id><revision><id>2</id><text>{}</text></revision></page>"
    pages = [text.format(*pair) for pair in [("A", "#REDIRECT [[B c]]"), ("Talk:A", "x"), ("Star Trek: B", "# [[x]]")]]
    reader = write_dump(tmp_path, f'<mediawiki version="0.3">{"".join(pages)}</mediawiki>'.encode())
    assert [(page.namespace, page.redirect) for page in reader] == [(0, "B c"), (1, None), (0, None)]
    assert not reader.has_site


PAGE = "<page><title>A</title><ns>0</ns><revision><text>x &e; y</text></revision></page>"
BOMB = '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 8}">' for before, name in zip("bcdfghij", "cdfghije", strict=True)
)


@pytest.mark.parametrize(
    "declared", ['<!ENTITY e SYSTEM "file:///etc/passwd">', '<!ENTITY e "much">', BOMB], ids=["file", "text", "bomb"]
)
def test_entities_are_not_resolved_and_do_not_cut_a_text(tmp_path: Path, declared: str) -> None:
    reader = write_dump(tmp_path, f"<!DOCTYPE m [{declared}]><mediawiki>{PAGE}</mediawiki>".encode())
    with pytest.raises(PipelineError, match=r"is not a MediaWiki XML dump \(it has a document type"):
        list(reader)


def test_comments_do_not_cut_a_text(tmp_path: Path) -> None:
    page = "<page><title>A<?x?></title><ns>0</ns><revision><text>x <!-- y --> <![CDATA[<z>]]></text></revision></page>"
    (found,) = write_dump(tmp_path, f"<mediawiki>{page}</mediawiki>".encode())
    assert (found.title, found.text) == ("A", "x  <z>")


CORRUPT = bytearray(bz2.compress(XML))
CORRUPT[len(CORRUPT) // 2] ^= 255


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is not a MediaWiki XML dump"),
        (b"<html><body/></html>", "begins with <html>"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
        (bytes(CORRUPT), "is damaged somewhere before byte"),
        (XML.replace(b"</title>", b"</name>", 1), r"contains damaged XML at about byte .*, before the first page \(Op"),
        (XML.replace(b"<ns>0</ns>", b"<ns>none</ns>", 1), "before the first page .in <page>: .*'none'"),
        (
            XML.replace(b'"preserve">', b'"preserve">a <b>b</b> ', 1),
            "in <page>: <text> contains the element <b>, not only text",
        ),
        (XML.replace(b"<title>", b"<title>a<br/>", 1), "in <page>: <title> contains the element <br>"),
        (XML.replace(b"</page>", b"<p>", 1), "before the first page .<page> is inside <p>, which has no end tag"),
        (XML.replace(b"<page>", b"<:age>", 1), "contains damaged XML at about byte"),
        (XML.replace(b'key="0"', b"", 1), "before the first page .in <siteinfo>: invalid literal"),
    ],
)
def test_other_files_are_refused_with_the_reason(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        list(write_dump(tmp_path, data, "dump.xml.bz2"))


def test_a_wrong_byte_anywhere_in_a_bz2_file_is_reported(tmp_path: Path) -> None:
    packed = bz2.compress(XML)
    for place in (3, 4, 14, 19, 43, *range(50, len(packed) - 10, 61), len(packed) - 10, len(packed) - 2):
        reader = write_dump(tmp_path, packed[:place] + bytes([packed[place] ^ 2]) + packed[place + 1 :])
        with pytest.raises(PipelineError, match="is damaged somewhere before byte"):
            list(reader)


def test_a_file_that_ends_before_its_first_block_is_truncated(tmp_path: Path) -> None:
    reader = write_dump(tmp_path, bz2.compress(XML)[:-100])
    assert list(reader) == []
    assert (reader.truncated, reader.position) == (True, "before the first page")
