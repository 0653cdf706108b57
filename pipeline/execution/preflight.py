"""What a stage will take, told before it does anything: disk and time, by ratios that were measured.

In: how many bytes a step will read. Out: one line for people; or, where the file system cannot hold what the stage will
write, a refusal before hours have gone into it. The ratios are an article-only dump's, the densest there is. How much
of another dump is articles shows only when it is read, and no file's name tells (gensim's sample of articles is called
pages-articles, too), so that of a dump a range is told; of text of one's own too, which may say the same over and over.

Refused is what even the least does not fit in. To refuse by the most would turn away a stage that may well fit, and
nothing could overrule it; one that does run out of disk keeps its finished units, and goes on when there is room.
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
from pipeline.store.files import size

EXPANDED = {b"BZh": 4.2, b"\x1f\x8b\x08": 3.2}
"""First bytes of a compressed file -> what a byte of it holds: English Wikipedia's XML as bz2 (25 GB for 105), as gzip.
Its articles as JSON lines are 3.0 as gzip."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """What a step takes for each byte that it reads."""

    final: float
    """Bytes of the artefact."""
    scratch: float
    """Bytes beside it, at most at one time."""
    core_seconds: float
    """For each megabyte."""
    least: float = 1.0
    """Share of all this that a poor input takes."""


RATIOS = {
    "corpus": Ratio(final=0.259, scratch=0.381, core_seconds=0.328, least=0.25),
    "own": Ratio(final=0.288, scratch=0.0004, core_seconds=0.106, least=0.35),
    "words": Ratio(final=0.0, scratch=0.0, core_seconds=0.77),
    "entities": Ratio(final=0.314, scratch=0.36, core_seconds=0.202),
    "dataset": Ratio(final=1.59, scratch=0.003, core_seconds=1.16),
}
"""Step -> ratio, by `python -m scripts.stage_ratios`. Corpus reads XML, own reads JSON lines, the others the articles'
parquet files. Of the XML of all of English Wikipedia a quarter to half, by an estimate, is articles' wikitext
(docs/scale.md). Of one's own text 0.11 stays where JSON escapes every letter; of short notes after one pattern 0.10,
with 0.04 of scratch. What entities spills shows only at size: 5 GB in `python -m scripts.scale_tables`, and such a
wiki's corpus has some 14."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a stage will take, at most."""

    final: float
    """Bytes."""
    scratch: float
    core_seconds: float
    least: float = 1.0
    """Share of it that the stage will take at least."""


def need(reads: Mapping[str, float]) -> Need:
    """The sum of the steps' needs, by the bytes that each of them reads; no stage has steps of several `least`."""
    steps = [(RATIOS[step], read) for step, read in reads.items()]
    return Need(
        final=sum(ratio.final * read for ratio, read in steps),
        scratch=sum(ratio.scratch * read for ratio, read in steps),
        core_seconds=sum(ratio.core_seconds * read / 1e6 for ratio, read in steps),
        least=min(ratio.least for ratio, _ in steps),
    )


def verdict(stage: str, needed: Need, *, workers: int, there: int, free: int, place: Path) -> str:
    """The line to print.

    Args:
        there: bytes that an interrupted run has left to go on with.
        free: bytes of the file system on which `place` lies.

    Raises:
        PipelineError: they are fewer than the least that is missing.
    """
    share, whole = needed.least, needed.final + needed.scratch
    least, most = max(0.0, whole * share - there), max(0.0, whole - there)
    to_stay = ranged(amount(needed.final * share), amount(needed.final))
    parts = f"{to_stay} to stay, {ranged(amount(needed.scratch * share), amount(needed.scratch))} of scratch"
    if there:
        parts += f", {amount(there)} of it there"
    if least > free:
        raise PipelineError(
            f"{stage} needs {'at least' if share < 1 else 'about'} {amount(least)} more disk ({parts}), but the "
            f"file system of {place} has {amount(free)} free: make room there, or choose another place with "
            "data_dir=..., and run this again"
        )
    seconds = needed.core_seconds / workers
    risk = "; that may not be enough, and if so what is done stays done" if most > free else ""
    return (
        f"{stage}: takes about {ranged(amount(least), amount(most))} more disk "
        f"({parts}; {amount(free)} are free{risk}) "
        f"and {ranged(duration(seconds * share), duration(seconds))} of {workers} worker{'s' if workers > 1 else ''}"
    )


def ranged(low: str, high: str) -> str:
    """Two amounts or, where they read alike, one."""
    return high if low == high else f"{low} to {high}"


def amount(count: float) -> str:
    """Bytes, for people."""
    if count < 1e9:
        return f"{count / 1e6:,.0f} MB"
    return f"{count / 1e9:.1f} GB" if count < 10e9 else f"{count / 1e9:,.0f} GB"


def duration(seconds: float) -> str:
    if seconds < 120:
        return "less than two minutes"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


# ---------------------------------------------------------------------------------------------- for a stage


def preflight(job: ArtefactBuilder, reads: Mapping[str, float], executor: ExecutorConfig) -> None:
    """Tell what the job will take; the first thing that a stage does with it.

    Raises:
        PipelineError: the disk cannot hold it; of a job that had nothing to show yet, nothing is left.
    """
    try:
        line = verdict(
            job.plan["stage"],
            need(reads),
            workers=executor.workers,
            there=size(job.folder) if job.resumed else 0,
            free=shutil.disk_usage(job.folder).free,
            place=job.target,
        )
    except PipelineError:
        job.withdraw()
        raise
    console.print(line)


def total(files: Sequence[Path]) -> int:
    """Their bytes."""
    return sum(path.stat().st_size for path in files)


def unpacked(files: Sequence[Path]) -> float:
    """About how many bytes the files hold, those of a compressed one by its size."""
    return sum(path.stat().st_size * EXPANDED.get(first_bytes(path), 1.0) for path in files)


def first_bytes(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(3)
