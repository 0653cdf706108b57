"""Read what a training run has cost, and the sizes of its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pipeline.dataset.reader import ExampleStore
from pipeline.pretrain.artefact import PhaseSummary, Training
from pipeline.pretrain.metrics_file import MetricsLine


@dataclass(frozen=True, slots=True)
class Cost:
    """Steps, tokens and time of a training run."""

    phases: tuple[PhaseSummary, ...]
    batch_size: int
    parameters: int
    tokens: int
    """Tokens that all steps read, computed from the mean length of an example."""
    seconds: float
    """Wall time of the process that finished the run."""
    resumed: bool
    """Whether an earlier process did a part of the steps, whose time is unknown."""
    cpu_seconds: float | None
    """CPU time, if run.json has it."""
    processes: int
    tokens_per_second: float | None
    """Median of the lines of metrics.jsonl."""
    memory_gb: float | None
    """Largest peak of a process."""
    code: str
    torch: str

    @property
    def steps(self) -> int:
        """Number of steps of all phases."""
        return sum(phase.steps for phase in self.phases)


def read_cost(training: Training, train: ExampleStore, lines: Sequence[MetricsLine]) -> Cost:
    """Return the cost of a finished run.

    Args:
        training: the run.
        train: its training examples.
        lines: its metrics.jsonl.
    """
    record = training.artefact.run_record()
    speeds = [line["tokens_per_second"] for line in lines if "tokens_per_second" in line]
    mean_length = float(train.word_lengths.mean()) if len(train) else 0.0
    cpu_seconds = record.get("cpu_seconds")
    return Cost(
        phases=training.phases,
        batch_size=training.batch_size,
        parameters=training.parameters,
        tokens=round(sum(phase.steps for phase in training.phases) * training.batch_size * mean_length),
        seconds=float(record["seconds"]),
        resumed=bool(record["resumed"]),
        cpu_seconds=None if cpu_seconds is None else float(cpu_seconds),
        processes=int(record.get("processes", 1)),
        tokens_per_second=median(speeds) if speeds else None,
        memory_gb=max((line["memory_gb"] for line in lines if "memory_gb" in line), default=None),
        code=str(record["code"]),
        torch=str(record["versions"]["torch"]),
    )
