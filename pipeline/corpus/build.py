"""STAGE corpus: pages -> articles with the spans of their links, redirects, quarantine.

Each source of pages has a package of its own (`xml/` reads a dump, `jsonl/` the user's own text); all of them write the
same artefact (`artefact.py`). A source is imported only when the config selects it.
"""

from __future__ import annotations

from pipeline.corpus.config import CorpusConfig
from pipeline.execution.context import Context


def build(config: CorpusConfig, context: Context) -> None:
    """Build the artefact `corpus` from the source that the config names.

    Raises:
        PipelineError: the source cannot be read, or no page of it becomes an article.
    """
    if config.source == "jsonl":
        from pipeline.corpus.jsonl.build import build_from_jsonl

        build_from_jsonl(config, context)
    else:
        from pipeline.corpus.xml.build import build_from_dump

        build_from_dump(config, context)
