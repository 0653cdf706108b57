"""Where a training's figures go: metrics.jsonl always, the terminal, and Weights & Biases when asked.

metrics.jsonl is the truth: one JSON object a line, `kind` being "train" (a mean over the steps since the line before)
or "validation". Tokens are words, over all processes and without padding; `mfu` is the share of the device's peak that
plan.py's arithmetic makes use of, where that peak is known. A training that goes on from a checkpoint first cuts the
lines after it, so that no step is told twice. wandb cannot resume an offline run, so it is only a sink.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import IO, Any

import torch
from accelerate import Accelerator

from pipeline.execution.console import console
from pipeline.model.dimensions import Dimensions
from pipeline.pretrain.checkpoint import Place
from pipeline.pretrain.config import PretrainConfig, Trains
from pipeline.pretrain.objective import Tally
from pipeline.pretrain.plan import NO_LOAD, Load, flops, peak
from pipeline.records import Batch
from pipeline.store.files import atomic_write

FILE = "metrics.jsonl"


class Metrics:
    """Collects steps and writes a line every `log_every` of them; use as a context manager on every process."""

    def __init__(self, folder: Path, config: PretrainConfig, accelerator: Accelerator) -> None:
        self.path = folder / FILE
        self.config = config
        self.accelerator = accelerator
        self.peak = peak(accelerator.device)
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
        with atomic_write(self.path) as file:
            file.writelines(f"{line}\n" for line in kept)
        self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed in __exit__

    def clear(self) -> None:
        self.tally: Tally | None = None
        self.load, self.flops, self.padded, self.waited = NO_LOAD, 0.0, 0, 0.0
        self.began = time.perf_counter()

    def step(self, tally: Tally, batches: list[Batch], waited: float, dims: Dimensions, trains: Trains) -> None:
        """Take one step's sums and batches; `waited` is the time it stood waiting for them, in seconds."""
        self.tally = tally if self.tally is None else self.tally + tally
        self.waited += waited
        for batch in batches:
            load = Load.of(
                batch.word_lengths,
                batch.entity_lengths,
                word_targets=len(batch.word_targets),
                entity_targets=len(batch.entity_targets),
            )
            self.load += load
            self.flops += flops(dims, load, trains)
            self.padded += batch.word_ids.size

    def train_line(self, place: Place, phase: str, *, rate: float, norm: float) -> dict[str, Any]:
        """Write the mean over the steps collected; every process takes part, the main one writes."""
        assert self.tally is not None
        device, seconds = self.accelerator.device, time.perf_counter() - self.began
        figures = Tally(self.accelerator.reduce(self.tally.sums, "sum")).figures()
        own = [self.load.words, self.padded, self.flops, self.waited]
        words, padded, done, waited = self.accelerator.reduce(torch.tensor(own, device=device), "sum").tolist()
        processes = self.accelerator.num_processes
        line = figures | {
            "learning_rate": rate,
            "gradient_norm": norm,
            "padding_share": round(1 - words / max(padded, 1), 4),
            "tokens_per_second": round(words / seconds, 1),
            "tflops_per_process": round(done / seconds / processes / 1e12, 4),
            "data_wait_share": round(waited / seconds / processes, 4),
            "memory_gb": round(memory_used(device) / 2**30, 3),
        }
        if self.peak:
            line["mfu"] = round(done / seconds / processes / self.peak, 4)
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


def memory_used(device: torch.device) -> int:
    """Bytes this process had at its fullest: of the GPU where it computes on one, else of the machine."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    # getrusage would tell the parent's peak where that was higher
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
