"""Config of the corpus stage."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from pipeline.store.manifest import policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusConfig:
    """How pages become articles."""

    name: str = field(metadata=policy())
    """Variant of the artefact; "" is the plain folder."""
    source: Literal["wikipedia", "jsonl"]
    """What is read: the artefact of the stage dump, or `files`."""
    files: tuple[str, ...] = field(metadata=policy())
    """jsonl: paths or glob patterns of .jsonl or .gz files. No part of the manifest: their digests are."""
    language: str
    """wikipedia: the wiki's language, where the dump's header is wrong or missing; "" takes the header's. jsonl: the
    text's language, by whose rules sentences end."""
    max_page_bytes: int
    """Wikitext longer than this goes to the quarantine unread; jsonl: a longer line is refused."""
    page_seconds: float
    """Processor time that a page may take, in whole seconds; see `page_memory_mb`."""
    page_memory_mb: int
    """Memory that a page may take. One that takes more of either is rendered again without its templates, and goes to
    the quarantine if that takes too much as well."""
    keep_titles: str | None = field(metadata=policy())
    """A text file of titles, one a line: only these pages become articles; null for all. No part of the manifest: its
    digest is."""
    leave_out_titles: str | None = field(metadata=policy())
    """A text file of titles, one a line, that become none, such as the pages of a test set; stands above the former."""
    disambiguation: Literal["keep", "drop"]
    """Whether disambiguation pages become articles."""
    min_characters: int
    """Pages with less text than this become none."""
    more_mentions: bool
    """Whether a page's own title and repetitions of its links become links too, marked as added; `mentions.py` says
    which. They are no part of what vocab counts."""
    allow_truncated: bool = field(metadata=policy())
    """Go on with what a dump holds that ends too early, and count it."""

    def __post_init__(self) -> None:
        if self.source == "jsonl" and not self.files:
            raise ValueError("corpus.source is jsonl and corpus.files is empty: name the files, corpus.files=[a.jsonl]")
        if self.source == "jsonl" and not self.language:
            raise ValueError("corpus.source is jsonl and corpus.language is empty: the files do not say it")
        if not re.fullmatch(r"([A-Za-z]+(-[A-Za-z0-9]+)*)?", self.language):
            raise ValueError(
                f"corpus.language is {self.language!r}: a code as Wikipedia has it is needed, en or zh-yue"
            )
        if self.source != "jsonl" and self.files:
            raise ValueError(f"corpus.files is for corpus=jsonl, but corpus.source is {self.source}")
        if self.max_page_bytes < 1:
            raise ValueError(f"corpus.max_page_bytes is {self.max_page_bytes}: no page would pass")
        if self.min_characters < 0:
            raise ValueError(f"corpus.min_characters is {self.min_characters}: 0 takes every page")
        if self.page_seconds <= 0:
            raise ValueError(f"corpus.page_seconds is {self.page_seconds}: no page would pass")
        if self.page_memory_mb < 1:
            raise ValueError(f"corpus.page_memory_mb is {self.page_memory_mb}: no page would pass")
