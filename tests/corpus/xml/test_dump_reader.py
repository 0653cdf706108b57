"""Dump files: formats, damage, truncation, old schemas."""

import bz2
import gzip
from pathlib import Path

import pytest

from pipeline.corpus.xml.dump_reader import Dump
from pipeline.errors import PipelineError

XML = (Path(__file__).parents[2] / "fixtures" / "wiki.xml").read_bytes()
THIRD = len(XML) // 3


def dump(folder: Path, data: bytes, name: str = "file") -> Dump:
    (folder / name).write_bytes(data)
    return Dump(folder / name)


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
    source = dump(tmp_path, data)
    pages = list(source)
    assert [page.id for page in pages] == [str(number) for number in range(1, 14)]
    assert [page.namespace for page in pages] == [0] * 10 + [10, 1, 0]
    assert [page.redirect for page in pages if page.redirect] == ["Beacon", "Lighthouse", "Train oil", "Whale oil"]
    assert (pages[0].revision, pages[0].title, pages[12].model) == ("101", "Lighthouse", "json")
    assert (source.site.dbname, source.site.language, source.site.first_letter) == ("testwiki", "en", True)
    assert not source.truncated
    assert source.share == 1.0


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress], ids=["xml", "bz2", "gz"])
def test_a_file_without_its_end_is_truncated(tmp_path: Path, pack: type[bytes]) -> None:
    end = XML.index(b"</page>", XML.index(b"<title>Tower")) + len("</page>")
    source = dump(tmp_path, pack(XML[:end]))
    assert [page.title for page in source] == ["Lighthouse", "Tower"]
    assert (source.truncated, source.last_title) == (True, "Tower")


def test_a_stream_without_its_end_is_truncated(tmp_path: Path) -> None:
    packed = gzip.compress(XML, compresslevel=1)
    source = dump(tmp_path, packed[: len(packed) * 3 // 4])
    assert list(source)
    assert source.truncated


def test_old_schema_without_siteinfo_ns_and_redirect(tmp_path: Path) -> None:
    text = "<page><title>{}</title><id>1</id><revision><id>2</id><text>{}</text></revision></page>"
    pages = [text.format(*pair) for pair in [("A", "#REDIRECT [[B c]]"), ("Talk:A", "x"), ("Star Trek: B", "# [[x]]")]]
    source = dump(tmp_path, f'<mediawiki version="0.3">{"".join(pages)}</mediawiki>'.encode())
    assert [(page.namespace, page.redirect) for page in source] == [(0, "B c"), (1, None), (0, None)]
    assert not source.has_site


PAGE = "<page><title>A</title><ns>0</ns><revision><text>x &e; y</text></revision></page>"
BOMB = '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 8}">' for before, name in zip("bcdfghij", "cdfghije", strict=True)
)


@pytest.mark.parametrize(
    "declared", ['<!ENTITY e SYSTEM "file:///etc/passwd">', '<!ENTITY e "much">', BOMB], ids=["file", "text", "bomb"]
)
def test_entities_are_not_read_and_no_text_ends_at_them(tmp_path: Path, declared: str) -> None:
    source = dump(tmp_path, f"<!DOCTYPE m [{declared}]><mediawiki>{PAGE}</mediawiki>".encode())
    with pytest.raises(PipelineError, match=r"is no MediaWiki XML dump \(it has a document type"):
        list(source)


def test_no_text_ends_at_a_comment(tmp_path: Path) -> None:
    page = "<page><title>A<?x?></title><ns>0</ns><revision><text>x <!-- y --> <![CDATA[<z>]]></text></revision></page>"
    (found,) = dump(tmp_path, f"<mediawiki>{page}</mediawiki>".encode())
    assert (found.title, found.text) == ("A", "x  <z>")


CORRUPT = bytearray(bz2.compress(XML))
CORRUPT[len(CORRUPT) // 2] ^= 255


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is no MediaWiki XML dump"),
        (b"<html><body/></html>", "begins with <html>"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
        (bytes(CORRUPT), "is damaged somewhere before byte"),
        (XML.replace(b"</title>", b"</name>", 1), r"holds damaged XML at about byte .*, before the first page \(Op"),
        (XML.replace(b"<ns>0</ns>", b"<ns>none</ns>", 1), "before the first page .in <page>: .*'none'"),
        (
            XML.replace(b'"preserve">', b'"preserve">a <b>b</b> ', 1),
            "in <page>: <text> holds the element <b>: a text's < is &lt;",
        ),
        (XML.replace(b"<title>", b"<title>a<br/>", 1), "in <page>: <title> holds the element <br>"),
        (XML.replace(b"</page>", b"<p>", 1), "before the first page .<page> stands in <p>, which has no end"),
        (XML.replace(b"<page>", b"<:age>", 1), "holds damaged XML at about byte"),
        (XML.replace(b'key="0"', b"", 1), "before the first page .in <siteinfo>: invalid literal"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        list(dump(tmp_path, data, "dump.xml.bz2"))


def test_whatever_byte_of_a_bz2_is_wrong_it_is_told(tmp_path: Path) -> None:
    packed = bz2.compress(XML)
    for place in (3, 4, 14, 19, 43, *range(50, len(packed) - 10, 61), len(packed) - 10, len(packed) - 2):
        source = dump(tmp_path, packed[:place] + bytes([packed[place] ^ 2]) + packed[place + 1 :])
        with pytest.raises(PipelineError, match="is damaged somewhere before byte"):
            list(source)


def test_what_ends_before_anything_can_be_unpacked_is_truncated(tmp_path: Path) -> None:
    source = dump(tmp_path, bz2.compress(XML)[:-100])
    assert list(source) == []
    assert (source.truncated, source.place) == (True, "before the first page")
