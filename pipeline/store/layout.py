"""Where the artefacts of one dump lie, and which names in their folders are the store's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError

MANIFEST = "manifest.json"
RUN = "run.json"
PLAN = "plan.json"
"""In a partial folder: the stage, config and parents that it was begun with."""
WORK = "work"
"""Scratch folder of a stage inside its partial folder: unit marks and intermediate files; gone when it finishes."""
LOGS = frozenset({"logs", "metrics.jsonl", "wandb"})
"""Names in an artefact's folder that hold times: kept beside the data, no part of its fingerprint."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the artefacts of one dump lie: `<root>/<stage>/`, or `<root>/<stage>-<variant>/`, or with the run below."""

    root: Path
    run: str
    variants: Mapping[str, str] = field(default_factory=dict)
    """Stage -> the variant asked for by `<stage>.name`; "" is the plain folder."""

    RUN_STAGES = frozenset({"pretrain", "evaluate", "export"})

    def __post_init__(self) -> None:
        for key, name in {"run.name": self.run, **{f"{s}.name": v for s, v in self.variants.items()}}.items():
            if name in (".", "..") or "/" in name or name.startswith("."):
                raise PipelineError(f"{key} is {name!r}: it names a folder, so it holds no / and starts with no dot")

    def folder(self, stage: str) -> Path:
        variant = self.variants.get(stage, "")
        folder = self.root / (f"{stage}-{variant}" if variant else stage)
        return folder / self.run if stage in self.RUN_STAGES else folder


def own_name(stage: str) -> str:
    """The override that gives a stage's result a folder of its own."""
    return "run.name=..." if stage in Layout.RUN_STAGES else f"{stage}.name=..."


def partial(folder: Path) -> Path:
    """Where a stage works before `folder` is finished."""
    return folder.with_name(folder.name + ".partial")
