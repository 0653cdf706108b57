"""Write a corpus artefact by hand, for tests of the stages that read one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.builder import begin
from pipeline.store.files import write_json

ARTICLE_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "revision": pa.string(),
        "url": pa.string(),
        "title": pa.string(),
        "text": pa.string(),
        "links": pa.list_(pa.struct({"start": pa.int32(), "end": pa.int32(), "title": pa.string()})),
        "lead_end": pa.int32(),
        "is_disambiguation": pa.bool_(),
    }
)
REDIRECT_SCHEMA = pa.schema({"title": pa.string(), "target": pa.string()})


def article(page_id: str, title: str, marked: str, *, is_disambiguation: bool = False) -> dict[str, Any]:
    """Return an article row; `marked` is its text with links as [[target|mention]] or [[mention]]."""
    text, links = parse_marked_links(marked)
    return {
        "id": page_id,
        "revision": "1",
        "url": f"https://en.wikipedia.org/wiki/{title}",
        "title": title,
        "text": text,
        "links": [{"start": start, "end": end, "title": target} for start, end, target in links],
        "lead_end": len(text),
        "is_disambiguation": is_disambiguation,
    }


def parse_marked_links(marked: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Split text with links as [[target|mention]] or [[mention]] into text and (start, end, title) of each link."""
    text, links = "", []
    for place, part in enumerate(marked.replace("]]", "[[").split("[[")):
        if place % 2:
            target, _, mention = part.partition("|")
            mention = mention if "|" in part else target
            links.append((len(text), len(text) + len(mention), target))
            part = mention
        text += part
    return text, links


def write_corpus(
    folder: Path,
    shards: Sequence[Sequence[Mapping[str, Any]]],
    redirects: Mapping[str, str] | None = None,
    language: str = "en",
    config: Mapping[str, Any] = {"source": "wikipedia"},
) -> None:
    """Write a finished corpus artefact with one articles file per shard."""
    job = begin(folder, stage="corpus", config=config, parents={}, overwrite=True)
    assert job is not None
    for number, rows in enumerate(shards):
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=ARTICLE_SCHEMA)
        pq.write_table(table, job.folder / f"articles-{number:05}.parquet")
    pairs = [{"title": title, "target": target} for title, target in (redirects or {}).items()]
    pq.write_table(pa.Table.from_pylist(pairs, schema=REDIRECT_SCHEMA), job.folder / "redirects-00000.parquet")
    write_json(job.folder / "site.json", {"dbname": f"{language}wiki", "language": language})
    job.finish({"articles": sum(len(rows) for rows in shards)})
