"""Where a training's figures go: metrics.jsonl always, the terminal, and Weights & Biases when asked.

metrics.jsonl is the truth: one JSON object a line, `kind` being "train" (a mean over the steps since the line before)
or "validation". A training that goes on from a checkpoint first cuts the lines after it, so that no step is told
twice. wandb cannot resume an offline run, so it is only a sink.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import IO, Any

from accelerate import Accelerator

from pipeline.pretrain.checkpoint import Place
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.objective import Tally
from pipeline.records import Batch
from pipeline.runner import console
from pipeline.store import written

FILE = "metrics.jsonl"


class Metrics:
    """Collects steps and writes a line every `log_every` of them; use as a context manager on every process."""

    def __init__(self, folder: Path, config: PretrainConfig, accelerator: Accelerator) -> None:
        self.path = folder / FILE
        self.config = config
        self.accelerator = accelerator
        self.file: IO[str] | None = None
        self.wandb: Any = None
        self.clear()

    def __enter__(self) -> Metrics:
        if self.accelerator.is_main_process and self.config.wandb != "disabled":
            import wandb

            self.wandb = wandb.init(
                project="luke-pretraining", name=self.path.parent.name.removesuffix(".partial"),
                dir=self.path.parent, mode=self.config.wandb,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        if self.file:
            self.file.close()
        if self.wandb:
            self.wandb.finish()

    def go_on_from(self, place: Place) -> None:
        """Keep the lines up to `place` and open the file for more."""
        if not self.accelerator.is_main_process:
            return
        kept = []
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:  # the line being written when the process was killed
                    continue
                if (entry["phase_number"], entry["step"]) <= (place.phase, place.step):
                    kept.append(line)
        with written(self.path) as file:
            file.writelines(f"{line}\n" for line in kept)
        self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed in __exit__

    def clear(self) -> None:
        self.tally: Tally | None = None
        self.steps, self.tokens, self.padded, self.waited = 0, 0, 0, 0.0
        self.began = time.perf_counter()

    def step(self, tally: Tally, batches: list[Batch], waited: float) -> None:
        """Take one step's sums and batches; `waited` is the time it stood waiting for them, in seconds."""
        self.tally = tally if self.tally is None else self.tally + tally
        self.steps += 1
        self.waited += waited
        self.tokens += sum(int(batch.word_lengths.sum()) for batch in batches)
        self.padded += sum(batch.word_ids.size for batch in batches)

    def train_line(self, place: Place, phase: str, *, rate: float, norm: float) -> dict[str, Any]:
        """Write the mean over the steps collected; every process takes part, the main one writes."""
        assert self.tally is not None
        seconds = time.perf_counter() - self.began
        figures = Tally(self.accelerator.reduce(self.tally.sums, "sum")).figures()
        line = figures | {
            "learning_rate": rate,
            "gradient_norm": norm,
            "tokens_per_second": round(self.tokens * self.accelerator.num_processes / seconds, 1),
            "data_wait_share": round(self.waited / seconds, 4),
            "padding_share": round(1 - self.tokens / max(self.padded, 1), 4),
        }
        self.write("train", place, phase, line)
        self.clear()
        return line

    def validation_line(self, place: Place, phase: str, tally: Tally) -> None:
        """Write held-out figures; every process takes part."""
        figures = Tally(self.accelerator.reduce(tally.sums, "sum")).figures()
        self.write("validation", place, phase, figures)
        if self.accelerator.is_main_process:
            console.print(f"  step {place.step:>6,} of {phase}: held out: {told(figures)}")
        self.began = time.perf_counter()

    def write(self, kind: str, place: Place, phase: str, figures: dict[str, Any]) -> None:
        if self.file is None:
            return
        entry = {"kind": kind, "phase": phase, "phase_number": place.phase, "step": place.step, **figures}
        self.file.write(json.dumps(entry) + "\n")
        self.file.flush()
        if self.wandb:
            self.wandb.log({f"{kind}/{phase}/{key}": value for key, value in figures.items()})


def told(figures: dict[str, Any]) -> str:
    """The losses, for a terminal."""
    names = {"word_loss": "words", "entity_loss": "entities"}
    return ", ".join(f"{name} {figures[key]:.3f}" for key, name in names.items() if key in figures)
