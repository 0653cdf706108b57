"""A small artefact in the making: what the tests of the store share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.store.builder import ArtefactBuilder, begin
from pipeline.store.manifest import policy

PARENTS = {"corpus": "c0ffee"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    rate: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    size: int = 3
    lenient: bool = field(default=False, metadata=policy())
    inner: Inner = field(default_factory=Inner)


def started(
    target: Path, config: Any = None, parents: dict[str, str] = PARENTS, *, overwrite: bool = False
) -> ArtefactBuilder | None:
    return begin(target, stage="vocab", config=config or Settings(), parents=parents, overwrite=overwrite)


def build(target: Path, content: str = "x", *args: Any, **options: Any) -> None:
    job = started(target, *args, **options)
    assert job is not None
    (job.folder / "words.txt").write_text(content)
    job.finish({"words": len(content)}, speed=1.5)
