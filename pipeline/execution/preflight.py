"""Estimate of the disk and time that a stage will take, and refusal of a stage that the disk cannot hold.

The input is the number of bytes that each step of the stage reads. The output is one printed line, or an error before
hours of work are lost.

The estimate multiplies bytes by measured ratios. Those of a dump are from one that contains only articles, the densest
kind. How much of another dump is articles is known only after reading it, and file names do not say (gensim's sample
of articles is called pages-articles, too). So the estimate for a dump is a range, and so is the one for the user's own
text, which may be repetitive.

A stage is refused only if even the low estimate does not fit. Refusing on the high estimate would block stages that
might fit, and there is no override. A stage that does fill the disk keeps its finished units and resumes when there is
room.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.files import folder_size

EXPANSION = {b"BZh": 4.2, b"\x1f\x8b\x08": 3.2}
"""First bytes of a compressed file -> unpacked bytes per packed byte: English Wikipedia's XML as bz2 (25 GB for 105 GB)
and as gzip. Its articles as JSON lines in gzip have 3.0."""


@dataclass(frozen=True, slots=True)
class StepRatios:
    """Maximum disk and time that a step takes for each byte that it reads."""

    final: float
    """Bytes of the artefact."""
    scratch: float
    """Largest number of bytes of scratch files at one time."""
    core_seconds: float
    """Seconds of one core for each megabyte."""
    min_share: float = 1.0
    """Share of these figures that an input takes at least."""


RATIOS = {
    "corpus": StepRatios(final=0.259, scratch=0.381, core_seconds=0.328, min_share=0.25),
    "jsonl": StepRatios(final=0.288, scratch=0.0004, core_seconds=0.106, min_share=0.35),
    "tokenizer": StepRatios(final=0.0, scratch=0.0, core_seconds=0.77),
    "entities": StepRatios(final=0.314, scratch=0.58, core_seconds=0.24),
    "dataset": StepRatios(final=1.59, scratch=0.003, core_seconds=1.16),
}
"""Step -> ratios, measured by `python -m scripts.stage_ratios`.

"corpus" reads XML, "jsonl" reads JSON lines, the others read the articles' parquet files. By an estimate, a quarter to
half of the XML of English Wikipedia is wikitext of articles (docs/scale.md). JSON lines give a `final` of 0.11 if JSON
escapes every letter, and of 0.10 with a `scratch` of 0.04 if they hold short notes that follow one pattern. "entities"
also counts the mentions. It writes scratch files only at full size: in `python -m scripts.scale_tables` 5 GB for the
entities and then 4.4 GB for 54 million mentions. English Wikipedia has about 100 million, which makes 8 GB, and its
corpus has about 14 GB.
"""


@dataclass(frozen=True, slots=True)
class ResourceEstimate:
    """Maximum disk and time that a stage takes."""

    final: float
    """Bytes of the artefact."""
    scratch: float
    """Bytes of scratch files."""
    core_seconds: float
    min_share: float = 1.0
    """Share of these figures that the stage takes at least."""

    def missing_bytes(self, existing: int) -> tuple[float, float]:
        """Return how many bytes are missing at least and at most if `existing` bytes are there already."""
        whole = self.final + self.scratch
        return max(0.0, whole * self.min_share - existing), max(0.0, whole - existing)

    def describe_disk(self, existing: int) -> str:
        """Return the parts of the disk estimate as text."""
        parts = []
        for count, kind in ((self.final, "output"), (self.scratch, "scratch")):
            parts.append(f"{format_range(format_bytes(count * self.min_share), format_bytes(count))} of {kind}")
        return ", ".join(parts) + (f", {format_bytes(existing)} of it already there" if existing else "")


def estimate(reads: Mapping[str, float]) -> ResourceEstimate:
    """Return the sum of the steps' estimates, from step -> bytes that it reads.

    A stage has at most one step whose `min_share` is below 1, and then no other step.
    """
    steps = [(RATIOS[step], read) for step, read in reads.items()]
    return ResourceEstimate(
        final=sum(ratio.final * read for ratio, read in steps),
        scratch=sum(ratio.scratch * read for ratio, read in steps),
        core_seconds=sum(ratio.core_seconds * read / 1e6 for ratio, read in steps),
        min_share=min(ratio.min_share for ratio, _ in steps),
    )


def check_free_space(stage: str, needed: ResourceEstimate, *, existing: int, free: int, target: Path) -> None:
    """Raise PipelineError if the low estimate does not fit.

    Args:
        stage: name of the stage.
        needed: what the stage takes in all.
        existing: bytes that an interrupted run has written already.
        free: free bytes of the file system that `target` is on.
        target: the stage's folder.
    """
    least, _ = needed.missing_bytes(existing)
    if least > free:
        raise PipelineError(
            f"{stage} needs {'at least' if needed.min_share < 1 else 'about'} {format_bytes(least)} more disk "
            f"({needed.describe_disk(existing)}), but the file system of {target} has {format_bytes(free)} free: make "
            "room there, or choose another place with data_dir=..., and run this again"
        )


def estimate_line(stage: str, needed: ResourceEstimate, *, workers: int, existing: int, free: int) -> str:
    """Return the estimate as one line; see `check_free_space` for the arguments."""
    least, most = needed.missing_bytes(existing)
    seconds = needed.core_seconds / workers
    disk = format_range(format_bytes(least), format_bytes(most))
    time = format_range(format_duration(seconds * needed.min_share), format_duration(seconds))
    risk = "; that may not be enough, but finished units are kept" if most > free else ""
    room = f"{format_bytes(free)} are free{risk}"
    return (
        f"{stage}: needs about {disk} more disk ({needed.describe_disk(existing)}; {room}) "
        f"and {time} with {workers} worker{'s' if workers > 1 else ''}"
    )


def format_range(low: str, high: str) -> str:
    """Return "low to high", or one amount if both read the same."""
    return high if low == high else f"{low} to {high}"


def format_bytes(count: float) -> str:
    """Return a number of bytes as megabytes or gigabytes."""
    if count < 1e9:
        return f"{count / 1e6:,.0f} MB"
    return f"{count / 1e9:.1f} GB" if count < 10e9 else f"{count / 1e9:,.0f} GB"


def format_duration(seconds: float) -> str:
    """Return a duration as minutes or hours."""
    if seconds < 120:
        return "less than two minutes"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


# ---------------------------------------------------------------------------------------------- used by stages


def preflight(builder: ArtefactBuilder, reads: Mapping[str, float], executor: ExecutorConfig) -> None:
    """Print what the stage will take; every data stage calls this before it does anything else.

    Args:
        builder: the folder that the stage builds.
        reads: step -> bytes that it reads.
        executor: its workers share the time.

    Raises:
        PipelineError: the disk cannot hold the artefact. The partial folder is abandoned.
    """
    stage, needed = builder.plan["stage"], estimate(reads)
    existing = folder_size(builder.folder) if builder.resumed else 0
    free = shutil.disk_usage(builder.folder).free
    try:
        check_free_space(stage, needed, existing=existing, free=free, target=builder.target)
    except PipelineError:
        builder.abandon()
        raise
    console.print(estimate_line(stage, needed, workers=executor.workers, existing=existing, free=free))


def total_bytes(files: Sequence[Path]) -> int:
    """Return the summed size of the files."""
    return sum(path.stat().st_size for path in files)


def unpacked_bytes(files: Sequence[Path]) -> float:
    """Return about how many bytes the files hold; the content of a compressed file is estimated from its size."""
    return sum(path.stat().st_size * EXPANSION.get(first_bytes(path), 1.0) for path in files)


def first_bytes(path: Path) -> bytes:
    """Return the three bytes that identify the file's compression."""
    with open(path, "rb") as file:
        return file.read(3)
