"""The artefact `pretrain/<run>`: its file names, and the interface for later stages.

model/                          the weights after the last phase, with the model's dimensions
metrics.jsonl                   losses, rates and speeds, one JSON object per line (`metrics_file.py`)
checkpoints/<phase>/step-N/     weights and optimizer state (`checkpoint.py`)
logs/                           notes on steps that failed
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.luke import Luke
from pipeline.model.weights import load_model
from pipeline.pretrain.checkpoint import checkpoint_folders, read_step, restore_model
from pipeline.store.artefact import StageArtefact
from pipeline.store.layout import METRICS_FILE

MODEL = "model"
CHECKPOINTS = "checkpoints"
LOGS = "logs"


@dataclass(frozen=True, slots=True)
class PhaseSummary:
    """One phase of a finished training run."""

    name: str
    trains: str
    steps: int
    epochs: float
    learning_rate: float
    """Peak of the schedule."""


@dataclass(frozen=True, slots=True)
class SavedCheckpoint:
    """One checkpoint of a finished training run."""

    phase: str
    step: int
    """Steps done, counted over all phases."""
    folder: Path


@dataclass(frozen=True, slots=True)
class Training(StageArtefact):
    """A finished training run, opened for reading."""

    stage = "pretrain"

    def phases_added_by(self, record: Mapping[str, Any], parents: Mapping[str, str]) -> list[str]:
        """Return the phases that another training run adds after this one's; none if it differs in anything else.

        Args:
            record: the fingerprinted part of the other run's config.
            parents: the other run's parents.
        """
        count = len(self.artefact.setting("phases"))
        kept, added = record["phases"][:count], record["phases"][count:]
        phases = {name: record["pretrain"]["phases"][name] for name in kept}
        shorter = {**record, "pretrain": {**record["pretrain"], "phases": phases}, "phases": kept}
        same = self.artefact.manifest["config"] == shorter and self.artefact.manifest["parents"] == parents
        return added if same else []

    def load_model(self) -> Luke:
        """Load the trained model, with the attention that it was trained with."""
        return load_model(self.folder / MODEL)

    def checkpoints(self) -> list[SavedCheckpoint]:
        """Return the checkpoints that were kept, in the order of training."""
        ends = itertools.accumulate((phase.steps for phase in self.phases), initial=0)
        starts = {phase.name: start for phase, start in zip(self.phases, ends, strict=False)}
        return [
            SavedCheckpoint(folder.parent.name, starts[folder.parent.name] + read_step(folder), folder)
            for folder in reversed(list(checkpoint_folders(self.folder / CHECKPOINTS)))
        ]

    def load_checkpoint(self, saved: SavedCheckpoint) -> Luke:
        """Load the model as it was at a checkpoint."""
        model = self.load_model()
        restore_model(saved.folder, model)
        return model

    @property
    def vocab_fingerprint(self) -> str:
        """Fingerprint of the vocabulary that it was trained with."""
        return self.artefact.manifest["parents"]["vocab"]

    @property
    def dataset_fingerprint(self) -> str:
        """Fingerprint of the dataset that it was trained on."""
        return self.artefact.manifest["parents"]["dataset"]

    @property
    def metrics(self) -> Path:
        """File with the losses of all steps."""
        return self.folder / METRICS_FILE

    @property
    def phases(self) -> tuple[PhaseSummary, ...]:
        """The phases in the order of training."""
        counts, phases = self.artefact.counts, self.artefact.setting("pretrain", "phases")
        return tuple(
            PhaseSummary(
                name=name,
                trains=phases[name]["trains"],
                steps=counts[f"steps_{name}"],
                epochs=phases[name]["epochs"],
                learning_rate=phases[name]["learning_rate"],
            )
            for name in self.artefact.setting("phases")
        )

    @property
    def batch_size(self) -> int:
        """Examples per step."""
        return int(self.artefact.setting("pretrain", "batch_size"))

    @property
    def seed(self) -> int:
        """Seed of data order, masks, dropout and initial weights."""
        return int(self.artefact.setting("pretrain", "seed"))

    @property
    def parameters(self) -> int:
        """Number of parameters of the model."""
        return self.artefact.counts["parameters"]

    @property
    def train_examples(self) -> int:
        """Number of training examples."""
        return self.artefact.counts["train_examples"]
