"""Folders of the artefacts of one dump, and the names in them that belong to the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.stages import STAGES

MANIFEST = "manifest.json"
RUN = "run.json"
PLAN = "plan.json"
"""File in a partial folder with the stage, config and parents that it was started with."""
WORK = "work"
"""Scratch folder inside a partial folder: markers of finished units and intermediate files; removed at the end."""
METRICS_FILE = "metrics.jsonl"
"""Losses and speeds of a training run, one line per report."""
REPORT_FILE = "report.html"
"""The report of an evaluation."""
UNFINGERPRINTED_NAMES = frozenset({"logs", METRICS_FILE, REPORT_FILE, "wandb"})
"""Files and folders of an artefact that contain timings and are therefore excluded from the fingerprint."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of one dump: `<root>/<stage>/`, `<root>/<stage>-<variant>/`, with `/<run>` below for a stage per run."""

    root: Path
    run: str
    variants: Mapping[str, str] = field(default_factory=dict)
    """Stage -> the variant set by `<stage>.name`; "" is the plain folder."""

    def __post_init__(self) -> None:
        for key, name in {"run.name": self.run, **{f"{s}.name": v for s, v in self.variants.items()}}.items():
            if name in (".", "..") or "/" in name or name.startswith("."):
                raise PipelineError(f"{key} is {name!r}: a folder's name has no / and does not start with a dot")

    def folder(self, stage: str) -> Path:
        """Return the folder of a stage's artefact."""
        variant = self.variants.get(stage, "")
        folder = self.root / (f"{stage}-{variant}" if variant else stage)
        return folder / self.run if STAGES[stage].per_run else folder


def name_override(stage: str) -> str:
    """Return the override that gives a stage's artefact a folder of its own."""
    return "run.name=..." if STAGES[stage].per_run and not STAGES[stage].named else f"{stage}.name=..."


def partial_folder(folder: Path) -> Path:
    """Return the folder in which a stage works until `folder` is finished."""
    return folder.with_name(folder.name + ".partial")
