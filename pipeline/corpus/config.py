"""Config of the corpus stage."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from pipeline.store.manifest import not_fingerprinted


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusConfig:
    """The way from pages to articles."""

    name: str = field(metadata=not_fingerprinted())
    """Variant of the folder: corpus-<name>; "" is the plain one."""
    source: Literal["wikipedia", "jsonl"]
    """wikipedia: read the artefact of the dump stage; jsonl: read `files`."""
    files: tuple[str, ...] = field(metadata=not_fingerprinted())
    """jsonl: paths or glob patterns of .jsonl or .gz files. The manifest records the files' digests instead."""
    language: str
    """wikipedia: the wiki's language, for a dump whose header is wrong or missing; "" takes it from the header. jsonl:
    the text's language, which decides how sentences are split."""
    max_page_bytes: int
    """wikipedia: longer wikitext is quarantined without being read; jsonl: a longer line is refused."""
    max_page_seconds: float
    """CPU time for one page, rounded up to whole seconds. A page that exceeds this or `max_page_memory_mb` is
    rendered again without its templates, and is quarantined if it exceeds a limit again."""
    max_page_memory_mb: int
    """Memory for one page."""
    keep_titles: str | None = field(metadata=not_fingerprinted())
    """Text file with one title per line: only these pages become articles; null keeps all. The manifest records the
    file's digest instead."""
    leave_out_titles: str | None = field(metadata=not_fingerprinted())
    """Text file with one title per line: these pages become no articles, for example those of a test set. It takes
    precedence over `keep_titles`."""
    disambiguation: Literal["keep", "drop"]
    """Whether disambiguation pages become articles."""
    min_characters: int
    """Pages with less text than this become no articles."""
    more_mentions: bool
    """Whether mentions of a page's own title and repetitions of its links become links too, marked as added;
    more_mentions.py has the rules. The vocab stage does not count them."""
    allow_truncated: bool = field(metadata=not_fingerprinted())
    """Accept a dump that ends too early: use what it contains, and count that it was truncated."""

    @property
    def reads_dump(self) -> bool:
        """Whether the pages come from the artefact `dump`."""
        return self.source != "jsonl"

    def __post_init__(self) -> None:
        if self.source == "jsonl" and not self.files:
            raise ValueError("files is empty, but corpus.source is jsonl: name the files, corpus.files=[a.jsonl]")
        if self.source == "jsonl" and not self.language:
            raise ValueError(
                "language is empty, but corpus.source is jsonl: the files do not give it, so corpus.language must"
            )
        if not re.fullmatch(r"([A-Za-z]+(-[A-Za-z0-9]+)*)?", self.language):
            raise ValueError(
                f"language is {self.language!r}: a code as Wikipedia uses it is needed, for example zh-yue"
            )
        if self.source != "jsonl" and self.files:
            raise ValueError(f"files is given, but corpus.source is {self.source}: only corpus=jsonl reads files")
        if self.min_characters < 0:
            raise ValueError(f"min_characters is {self.min_characters}: it cannot be negative")
        for name in ("max_page_bytes", "max_page_seconds", "max_page_memory_mb"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be positive")
