"""Definitions in a file are found as in a dict."""

from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.corpus.render.templates import definition_file
from pipeline.corpus.render.templates.definition_file import open_definitions, write_definitions
from pipeline.corpus.render.templates.definitions import Definitions
from pipeline.corpus.xml.read_pass import TEMPLATE_SCHEMA
from pipeline.io.duckdb import connect

Row = tuple[str, str | None, str | None]


def definitions_on_disk(folder: Path, *files: list[Row]) -> Definitions:
    """Return the definitions of a file made from one Parquet table per list of rows."""
    paths = []
    for number, rows in enumerate(files):
        paths.append(folder / f"{number}.parquet")
        named = [dict(zip(TEMPLATE_SCHEMA.names, row, strict=True)) for row in rows]
        pq.write_table(pa.Table.from_pylist(named, schema=TEMPLATE_SCHEMA), paths[-1])
    write_definitions(paths, folder / "definitions.arrow", partial(connect, 1, folder / "duckdb"))
    return open_definitions(folder / "definitions.arrow")


def test_texts_and_redirects(tmp_path: Path) -> None:
    files: list[list[Row]] = [[("b", "two", None), ("Ünder", "", None)], [("a", None, "b"), ("漢", "字", None)]]
    found = definitions_on_disk(tmp_path, *files)
    assert dict(found.texts) == {"b": "two", "Ünder": "", "漢": "字"}
    assert dict(found.redirects) == {"a": "b"}
    assert (found.texts.get("a"), found.texts.get("zz"), found.redirects.get("b")) == (None, None, None)
    assert ("a" in found.texts, "a" in found.redirects, "b" in found.texts) == (False, True, True)


def test_first_of_two_templates_with_the_same_title_counts(tmp_path: Path) -> None:
    found = definitions_on_disk(tmp_path, [("a", "first", None)], [("a", "second", None)])
    assert found.texts["a"] == "first"


def test_no_templates(tmp_path: Path) -> None:
    assert "a" not in definitions_on_disk(tmp_path, []).texts


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_every_title_is_found_in_batches_of_any_size(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition_file, "BATCH_ROWS", rows)
    titles = [f"{number:02d}" for number in range(20)] + ["07"] * 5
    found = definitions_on_disk(tmp_path, [(title, f"{title} {place}", None) for place, title in enumerate(titles)])
    assert {title: found.texts[title] for title in titles} == {t: f"{t} {n}" for n, t in enumerate(titles[:20])}
    assert [found.texts.get(title) for title in ("", "000", "99")] == [None] * 3
