"""Begin and build a small artefact, for the tests of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.store.builder import ArtefactBuilder, begin
from pipeline.store.manifest import not_fingerprinted

PARENTS = {"corpus": "c0ffee"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A nested part of the config."""

    rate: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The artefact's config; `lenient` is not fingerprinted."""

    size: int = 3
    lenient: bool = field(default=False, metadata=not_fingerprinted())
    inner: Inner = field(default_factory=Inner)


def begin_artefact(
    target: Path, config: Any = None, parents: dict[str, str] = PARENTS, *, overwrite: bool = False
) -> ArtefactBuilder | None:
    """Begin the artefact at `target`; None if it is up to date."""
    return begin(target, stage="vocab", config=config or Settings(), parents=parents, overwrite=overwrite)


def build_artefact(target: Path, content: str = "x", *args: Any, **options: Any) -> None:
    """Build the artefact at `target`, with `content` in words.txt."""
    builder = begin_artefact(target, *args, **options)
    assert builder is not None
    (builder.folder / "words.txt").write_text(content)
    builder.finish({"words": len(content)}, speed=1.5)
