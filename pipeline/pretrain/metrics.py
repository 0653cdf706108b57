"""Write the metrics of a training run: to metrics.jsonl always, to the terminal, and to Weights & Biases on request.

metrics.jsonl is the reference: one JSON object per line, whose `kind` is "train" (a mean over the steps since the
previous such line) or "validation". `tokens_per_second` counts tokens over all processes, without padding and without
entities; `mfu` is the share of the device's peak FLOPs that the FLOPs counted by plan.py reach, if that peak is known.
On resume, lines after the checkpoint are removed, so no step is logged twice. wandb cannot resume an offline run, so
nothing is read from it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import IO, Any

import torch
from accelerate import Accelerator

from pipeline.execution.console import console
from pipeline.io.arrow import Int64Array
from pipeline.model.dimensions import Dimensions
from pipeline.pretrain.checkpoint import TrainProgress
from pipeline.pretrain.config import PretrainConfig, Trains
from pipeline.pretrain.metrics_file import LineKind
from pipeline.pretrain.objective import Tally
from pipeline.pretrain.plan import ZERO_LOAD, StepLoad, peak_flops, training_flops
from pipeline.records import Batch
from pipeline.store.files import atomic_write
from pipeline.store.layout import METRICS_FILE


class MetricsWriter:
    """A context manager, for every process, that sums the metrics of steps and writes their mean as one line."""

    def __init__(self, folder: Path, config: PretrainConfig, accelerator: Accelerator) -> None:
        self.path = folder / METRICS_FILE
        self.config = config
        self.accelerator = accelerator
        self.peak_flops = peak_flops(accelerator.device)
        self.file: IO[str] | None = None
        self.wandb: Any = None
        self.reset()

    def __enter__(self) -> MetricsWriter:
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

    def resume_from(self, progress: TrainProgress) -> None:
        """Keep the lines up to `progress` and open the file to append more."""
        if not self.accelerator.is_main_process:
            return
        kept = []
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:  # the line being written when the process was killed
                    continue
                if (entry["phase_number"], entry["step"]) <= (progress.phase, progress.step):
                    kept.append(line)
        with atomic_write(self.path) as file:
            file.writelines(f"{line}\n" for line in kept)
        self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed in __exit__

    def reset(self) -> None:
        """Start the sums and the clock of the next line."""
        self.tally: Tally | None = None
        self.load, self.flops, self.padded, self.waited = ZERO_LOAD, 0.0, 0, 0.0
        self.started_at = time.perf_counter()

    def add_step(
        self, tally: Tally, batches: list[Batch[Int64Array]], waited: float, dims: Dimensions, trains: Trains
    ) -> None:
        """Add one step's sums and batches.

        Args:
            tally: sums over this process's masked positions.
            batches: this process's micro-batches.
            waited: seconds that the step waited for its batches.
            dims, trains: the model's dimensions and the trained parameters, to count FLOPs.
        """
        self.tally = tally if self.tally is None else self.tally + tally
        self.waited += waited
        for batch in batches:
            load = StepLoad.from_counts(
                batch.word_lengths,
                batch.entity_lengths,
                word_targets=len(batch.word_targets),
                entity_targets=len(batch.entity_targets),
            )
            self.load += load
            self.flops += training_flops(dims, load, trains)
            self.padded += batch.word_ids.size

    def write_train_line(self, progress: TrainProgress, phase: str, *, rate: float, norm: float) -> dict[str, float]:
        """Write the mean over the steps added since the last line; every process takes part, the main one writes."""
        assert self.tally is not None
        device, seconds = self.accelerator.device, time.perf_counter() - self.started_at
        means = Tally(self.accelerator.reduce(self.tally.sums, "sum")).metrics()
        sums = torch.tensor([self.load.words, self.padded, self.flops, self.waited], device=device)
        words, padded, flops, waited = self.accelerator.reduce(sums, "sum").tolist()
        processes = self.accelerator.num_processes
        line = means | {
            "learning_rate": rate,
            "gradient_norm": norm,
            "padding_share": round(1 - words / max(padded, 1), 4),
            "tokens_per_second": round(words / seconds, 1),
            "tflops_per_process": round(flops / seconds / processes / 1e12, 4),
            "data_wait_share": round(waited / seconds / processes, 4),
            "memory_gb": round(peak_memory(device) / 2**30, 3),
        }
        if self.peak_flops:
            line["mfu"] = round(flops / seconds / processes / self.peak_flops, 4)
        self.write("train", progress, phase, line)
        self.reset()
        return line

    def write_validation_line(self, progress: TrainProgress, phase: str, tally: Tally) -> None:
        """Write the means on held-out examples; every process takes part, the main one writes."""
        means = Tally(self.accelerator.reduce(tally.sums, "sum")).metrics()
        self.write("validation", progress, phase, means)
        if self.accelerator.is_main_process:
            console.print(f"  step {progress.step:>6,} of {phase}: held out: {format_losses(means)}")
        self.started_at = time.perf_counter()

    def write(self, kind: LineKind, progress: TrainProgress, phase: str, metrics: dict[str, float]) -> None:
        """Append a line to metrics.jsonl and log it to wandb; does nothing except on the main process."""
        if self.file is None:
            return
        entry = {"kind": kind, "phase": phase, "phase_number": progress.phase, "step": progress.step, **metrics}
        self.file.write(json.dumps(entry) + "\n")
        self.file.flush()
        if self.wandb:
            self.wandb.log({f"{kind}/{phase}/{key}": value for key, value in metrics.items()})


def format_losses(metrics: dict[str, float]) -> str:
    """Return the losses as text, e.g. "words 5.761, entities 2.873"."""
    names = {"word_loss": "words", "entity_loss": "entities"}
    return ", ".join(f"{name} {metrics[key]:.3f}" for key, name in names.items() if key in metrics)


def peak_memory(device: torch.device) -> int:
    """Return the peak memory of this process in bytes: on the GPU if `device` is one, else in RAM."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    # getrusage would return the parent's peak if that was higher
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
