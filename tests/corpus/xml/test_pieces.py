"""Pieces of dump files: wherever the cuts are, every page is in exactly one piece."""

import bz2
import gzip
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.corpus.xml.dump_reader import DumpReader
from pipeline.corpus.xml.pieces import MIN_PIECE_BYTES, Piece, cut_into_pieces, find_cut_offsets, read_header
from pipeline.errors import PipelineError

XML = (Path(__file__).parents[2] / "fixtures" / "wiki.xml").read_bytes()
HEADER = XML[: XML.index(b"<page>")]
IDS = [str(number) for number in range(1, 14)]


def ids(path: Path, edges: list[int]) -> list[str]:
    """Return the ids of the pages of all pieces between these edges, and check that each piece has the wiki."""
    found = []
    for start, end in pairwise(edges):
        dump = DumpReader(path, start, end)
        found += [page.id for page in dump]
        assert not dump.truncated
        assert dump.site.dbname == "testwiki"
    return found


def test_plain_xml_can_be_cut_anywhere_after_its_header(tmp_path: Path) -> None:
    path = tmp_path / "wiki.xml"
    path.write_bytes(XML)
    for cut in range(len(HEADER), len(XML), 11):
        assert ids(path, [0, cut, len(XML)]) == IDS, cut
        assert ids(path, [0, cut, min(cut + 3, len(XML) - 1), len(XML)]) == IDS, cut


@pytest.mark.parametrize("length", [61, 400, 3001, len(XML) - 9])
def test_bz2_is_cut_between_streams_at_pages_or_inside_them(tmp_path: Path, length: int) -> None:
    streams = [bz2.compress(XML[start : start + length]) for start in range(0, len(XML), length)]
    path = tmp_path / "wiki.bz2"
    path.write_bytes(b"".join(streams))
    edges = [0]
    for stream in streams:
        edges.append(edges[-1] + len(stream))
    edges = [0] + [edge for number, edge in enumerate(edges, 0) if number * length >= len(HEADER) + 6]
    assert ids(path, edges) == IDS


def test_a_page_tag_across_a_cut_belongs_to_the_first_piece(tmp_path: Path) -> None:
    cut = XML.index(b"<page>", XML.index(b"<title>Tower")) + 3
    first, second = bz2.compress(XML[:cut]), bz2.compress(XML[cut:])
    path = tmp_path / "wiki.bz2"
    path.write_bytes(first + second)
    assert [page.title for page in DumpReader(path, 0, len(first))][-1] == "Lamp"
    assert next(iter(DumpReader(path, len(first)))).title == "Ship"


def test_cuts_of_bz2_are_heads_of_streams(tmp_path: Path) -> None:
    streams = [bz2.compress(XML[start : start + 200]) for start in range(0, len(XML), 200)]
    heads = [sum(map(len, streams[:number])) for number in range(len(streams))]
    path = tmp_path / "wiki.bz2"
    path.write_bytes(b"".join(streams))
    found = find_cut_offsets(path, 700)
    assert found == [
        next(head for head in heads if head >= place) for place in range(700, path.stat().st_size - 350, 700)
    ]
    assert len(found) > 2


@pytest.mark.parametrize(
    "data",
    [bz2.compress(XML), gzip.compress(XML), XML.decode().encode("utf-16"), b"<mediawiki></mediawiki>" + b" " * 5000],
    ids=["one stream", "gzip", "utf-16", "no page"],
)
def test_files_that_cannot_be_cut_are_one_piece(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "wiki"
    path.write_bytes(data)
    assert find_cut_offsets(path, 500) == []


def test_pieces_depend_on_the_files_alone(tmp_path: Path) -> None:
    big, small = tmp_path / "big.xml", tmp_path / "small.xml"
    big.write_bytes(HEADER + b" " * (5 * MIN_PIECE_BYTES) + XML[len(HEADER) :])
    small.write_bytes(XML)
    assert read_header(small) == HEADER
    assert find_cut_offsets(big, MIN_PIECE_BYTES) == []  # the first page comes too late
    big.write_bytes(XML.replace(b"</mediawiki>", b" " * (5 * MIN_PIECE_BYTES) + b"</mediawiki>"))
    assert cut_into_pieces([small, big])[:2] == [Piece(small, 0, len(XML)), Piece(big, 0, MIN_PIECE_BYTES)]
    assert cut_into_pieces([big])[-1] == Piece(big, 4 * MIN_PIECE_BYTES, big.stat().st_size)


def test_a_file_that_ends_in_a_page_is_truncated_in_the_piece_the_page_begins_in(tmp_path: Path) -> None:
    end = XML.index(b"</page>", XML.index(b"<title>Tower"))
    path = tmp_path / "wiki.xml"
    path.write_bytes(XML[:end])
    cut = XML.index(b"<title>Tower")
    first, last = DumpReader(path, 0, cut), DumpReader(path, cut)
    assert [page.title for page in first] == ["Lighthouse"]
    assert list(last) == []
    assert first.truncated


def test_a_damaged_stream_head_is_an_error(tmp_path: Path) -> None:
    streams = [bz2.compress(XML[:3000]), bz2.compress(XML[3000:])]
    path = tmp_path / "wiki.bz2"
    path.write_bytes(streams[0] + b"XX" + streams[1][2:])
    with pytest.raises(PipelineError, match="is damaged somewhere before byte"):
        list(DumpReader(path))


def test_threads_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "wiki.bz2"
    whole = bz2.compress(XML[:3000]) + bz2.compress(XML[3000:])
    for data in (whole, whole[:-40]):
        path.write_bytes(data)
        one, two = DumpReader(path), DumpReader(path, threads=2)
        assert list(one) == list(two)
        assert one.truncated == two.truncated == (data != whole)
