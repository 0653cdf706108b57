"""Config of the corpus stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.store import policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusConfig:
    """How pages become articles."""

    name: str = field(metadata=policy())
    """Variant of the artefact; "" is the plain folder."""
    language: str
    """The wiki's language, where the dump's header is wrong or missing; "" takes the header's."""
    max_page_bytes: int
    """Wikitext longer than this goes to the quarantine unread."""
    page_seconds: float
    """Processor time that a page may take, in whole seconds; see `page_memory_mb`."""
    page_memory_mb: int
    """Memory that a page may take. One that takes more of either is rendered again without its templates, and goes to
    the quarantine if that takes too much as well."""
    allow_truncated: bool = field(metadata=policy())
    """Go on with what a dump holds that ends too early, and count it."""

    def __post_init__(self) -> None:
        if self.max_page_bytes < 1:
            raise ValueError(f"corpus.max_page_bytes is {self.max_page_bytes}: no page would pass")
        if self.page_seconds <= 0:
            raise ValueError(f"corpus.page_seconds is {self.page_seconds}: no page would pass")
        if self.page_memory_mb < 1:
            raise ValueError(f"corpus.page_memory_mb is {self.page_memory_mb}: no page would pass")
