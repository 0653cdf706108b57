"""Documents of a user's own text as JSON Lines, with the config and context that build a corpus from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.corpus.config import CorpusConfig
from pipeline.execution.context import Context
from pipeline.store.layout import Layout
from tests.corpus.fixture_corpus import CORPUS_CONFIG, LOCAL_EXECUTOR
from tests.helpers.corpus_files import parse_marked_links


def document(page_id: str, marked: str, title: str = "", **more: object) -> dict[str, Any]:
    """Return the object of one line; `marked` is its text with links as [[title|mention]]."""
    text, links = parse_marked_links(marked)
    spans = [{"start": start, "end": end, "title": target} for start, end, target in links]
    return {"id": page_id, "title": title or f"Page {page_id}", "text": text, "links": spans, **more}


def to_jsonl(*documents: dict[str, Any]) -> bytes:
    """Return the documents as JSON Lines."""
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents).encode()


def jsonl_config(folder: Path, files: dict[str, bytes]) -> CorpusConfig:
    """Write the files in `folder`, and return the config of a German corpus of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return replace(CORPUS_CONFIG, source="jsonl", language="de", files=tuple(str(folder / name) for name in files))


def jsonl_context(root: Path, workers: int = 1) -> Context:
    """Return the context of a stage that writes below `root`."""
    return Context(layout=Layout(root=root, run=""), executor=replace(LOCAL_EXECUTOR, workers=workers), overwrite=False)
