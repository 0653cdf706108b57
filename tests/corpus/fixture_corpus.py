"""The fixture dump and its corpus: config, context, and readers of the files that the stage wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.corpus.config import CorpusConfig
from pipeline.execution.context import Context
from pipeline.execution.executors.config import LocalExecutorConfig
from pipeline.store.builder import begin
from pipeline.store.files import read_json
from pipeline.store.layout import MANIFEST, Layout

WIKI_XML = (Path(__file__).parents[1] / "fixtures" / "wiki.xml").read_bytes()
CORPUS_CONFIG = CorpusConfig(
    name="", source="wikipedia", files=(), language="", max_page_bytes=100_000, max_page_seconds=20,
    max_page_memory_mb=512, keep_titles=None, leave_out_titles=None, disambiguation="keep", min_characters=0,
    more_mentions=False, allow_truncated=False,
)  # fmt: skip
LOCAL_EXECUTOR = LocalExecutorConfig(kind="local", workers=1, memory_gb=1)


@dataclass(frozen=True)
class DumpConfig:
    """The config of a dump that is written by hand."""

    name: str = ""


def dump_context(root: Path, files: dict[str, bytes], workers: int = 1, overwrite: bool = False) -> Context:
    """Write a finished dump of these files below `root`, and return the context of a stage there."""
    layout = Layout(root=root, run="")
    job = begin(layout.folder("dump"), stage="dump", config=DumpConfig(), parents={}, overwrite=True)
    if job is not None:
        for name, data in files.items():
            (job.folder / name).write_bytes(data)
        job.finish({})
    return Context(layout=layout, executor=replace(LOCAL_EXECUTOR, workers=workers), overwrite=overwrite)


def read_rows(root: Path, kind: str) -> list[dict[str, object]]:
    """Read the rows of all corpus files of a kind: articles, redirects or quarantine."""
    return [row for path in sorted((root / "corpus").glob(f"{kind}-*")) for row in pq.read_table(path).to_pylist()]


def read_manifest(root: Path) -> dict[str, object]:
    """Read the corpus manifest."""
    return dict(read_json(root / "corpus" / MANIFEST))
