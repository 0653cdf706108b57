"""Artefact folders: what every stage reads and writes.

A stage reads finished folders and writes one. While it works, the folder is called `<name>.partial`; when everything
is in it, `manifest.json` is written into it and the folder is renamed. So a folder without that suffix is finished,
and a stage that was killed leaves its parents, its former result and its own finished units as they were.

The manifest is the completion mark, the provenance (schema, config, the parents' fingerprints, a digest of every
file) and the account (counts of everything kept and dropped). It holds nothing that varies between two runs on the
same input: times, versions and hosts go to `run.json` beside it, so the fingerprint of an artefact is a function of
inputs, config and seed alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from pipeline.errors import PipelineError

MANIFEST = "manifest.json"
RUN = "run.json"
PLAN = "plan.json"
WORK = "work"
"""Scratch folder of a stage inside its partial folder: unit marks and intermediate files; gone when it finishes."""
LOGS = frozenset({"logs", "metrics.jsonl", "wandb"})
"""Names in an artefact's folder that hold times: kept beside the data, no part of its fingerprint."""
SCHEMA = 1
"""Version of the folder layout; a folder of another version is refused, not misread."""

Counts = dict[str, int]


def policy() -> dict[str, bool]:
    """Metadata of a config field that says what is tolerated, not what is built (`allow_truncated`).

    Such a field is no part of the manifest, so changing it neither makes a finished artefact stale nor throws away
    the finished part of an unfinished one. The account shows what was tolerated.
    """
    return {"policy": True}


def recorded(value: Any) -> Any:
    """The part of a config that decides what is built, as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: recorded(getattr(value, f.name)) for f in fields(value) if not f.metadata.get("policy")}
    if isinstance(value, Mapping):
        return {str(key): recorded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [recorded(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def merged(counts: list[Counts]) -> Counts:
    """The sum of the units' counts, its keys sorted."""
    keys = sorted({key for unit in counts for key in unit})
    return {key: sum(unit.get(key, 0) for unit in counts) for key in keys}


# ---------------------------------------------------------------------------------------------- files


@contextmanager
def written(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file that appears under its name only when the block ends well: written aside, synced, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(aside, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut; renaming alone does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copied(source: Path, target: Path) -> None:
    """A copy of a small text file, written aside."""
    with written(target) as file:
        file.write(source.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    with written(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")


def read_json(path: Path) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(folder: Path) -> int:
    """Bytes of the files below a folder, in which others may be at work."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def folder_digest(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of every file below `folder`, by relative path; logs and scratch are left out."""
    skipped = {MANIFEST, RUN, PLAN, WORK, *LOGS}
    return {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": digest(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in skipped
    }


# ---------------------------------------------------------------------------------------------- layout


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


@dataclass(frozen=True, slots=True)
class Artefact:
    """A finished folder, opened for reading."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """sha256 of the manifest: of config, parents, files and counts, through their digests."""
        return hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()

    @property
    def counts(self) -> Counts:
        return dict(self.manifest["counts"])

    def files(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern))


def open_artefact(folder: Path, *, stage: str) -> Artefact:
    """Open what `stage` finished in `folder`.

    Raises:
        PipelineError: it is not there, not finished, or of another layout version.
    """
    if not (folder / MANIFEST).is_file():
        state = "is unfinished" if partial(folder).exists() else "is not there"
        raise PipelineError(f"{folder} {state}: run the stage {stage} first (make {stage})")
    manifest = read_json(folder / MANIFEST)
    if manifest["schema"] != SCHEMA:
        raise PipelineError(
            f"{folder} has layout version {manifest['schema']}, this code reads {SCHEMA}: "
            f"rebuild it with make {stage} ARGS=overwrite=true"
        )
    if manifest["stage"] != stage:
        raise PipelineError(f"{folder} was made by the stage {manifest['stage']}, not by {stage}")
    return Artefact(folder, manifest)


# ---------------------------------------------------------------------------------------------- building


def partial(folder: Path) -> Path:
    """Where a stage works before `folder` is finished."""
    return folder.with_name(folder.name + ".partial")


@dataclass(slots=True)
class Job:
    """A stage at work: `folder` is the partial folder, `work` the scratch folder in it."""

    target: Path
    plan: dict[str, Any]
    resumed: bool
    started: float = field(default_factory=time.time)

    @property
    def folder(self) -> Path:
        return partial(self.target)

    @property
    def work(self) -> Path:
        return self.folder / WORK

    def withdraw(self) -> None:
        """Leave off; what took no work goes too."""
        if not made(self.folder):
            shutil.rmtree(self.folder)
        release(self.target)

    def finish(self, counts: Counts, **run: Any) -> Artefact:
        """Write manifest and run.json, and give the folder its final name.

        Args:
            counts: the account, the same on every run on the same input.
            run: what may vary between runs and is worth keeping (speeds, peak memory).
        """
        shutil.rmtree(self.work, ignore_errors=True)
        (self.folder / PLAN).unlink()
        run |= {"seconds": round(time.time() - self.started, 1), "resumed": self.resumed, **environment()}
        write_json(self.folder / RUN, run)
        manifest = {"schema": SCHEMA, **self.plan, "counts": counts, "files": folder_digest(self.folder)}
        write_json(self.folder / MANIFEST, manifest)
        former = self.target.with_name(self.target.name + ".former")
        if self.target.exists():
            os.rename(self.target, former)
        os.rename(self.folder, self.target)
        sync_folder(self.target.parent)
        shutil.rmtree(former, ignore_errors=True)
        release(self.target)
        return Artefact(self.target, manifest)


def environment() -> dict[str, Any]:
    """Host and versions, for run.json."""
    names = ("torch", "transformers", "tokenizers", "accelerate", "datasets", "duckdb", "mwparserfromhell", "sentencex")
    return {
        "host": platform.node(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in names},
    }


def begin(target: Path, *, stage: str, config: Any, parents: Mapping[str, Any], overwrite: bool) -> Job | None:
    """Start, or go on with, the making of `target`; None when it is finished and up to date.

    Args:
        target: the stage's folder.
        config: the stage's frozen config.
        parents: name -> fingerprint (JSON) of everything the stage reads.
        overwrite: build anew what was finished or begun with another config or input.

    Raises:
        PipelineError: `target` is finished, or begun with something to show for it, with another config or input, and
            `overwrite` is false; another process is at work on it; or it cannot be written.
    """
    plan = {"stage": stage, "config": recorded(config), "parents": dict(parents)}
    job = None
    claim(target)
    try:
        job = prepared(target, plan, overwrite=overwrite)
    except OSError as error:
        raise PipelineError(
            f"{target} cannot be written: {error.strerror} ({error.filename}); choose another place with data_dir=..."
        ) from error
    finally:
        if job is None:
            release(target)
    return job


def prepared(target: Path, plan: dict[str, Any], *, overwrite: bool) -> Job | None:
    """`begin`, once no other process can be at work on `target`."""
    recover(target)
    if (target / MANIFEST).is_file():
        found = read_json(target / MANIFEST)
        changes = differences({key: found[key] for key in plan}, plan)
        if found["schema"] != SCHEMA:
            changes.insert(0, f"layout version: {found['schema']} -> {SCHEMA}")
        if not changes:
            return None
        if not overwrite:
            raise PipelineError(
                f"{target} is finished, but its config or input has changed:\n"
                + "\n".join(f"  {change}" for change in changes)
                + f"\nKeep it and give the new one a name of its own ({own_name(plan['stage'])}), "
                f"or rebuild it with overwrite=true."
            )
    folder = partial(target)
    changes = differences(read_json(folder / PLAN), plan) if (folder / PLAN).is_file() else []
    if changes and made(folder) and not overwrite:
        raise PipelineError(
            f"{target} is unfinished, and its config or input has changed since it was begun:\n"
            + "\n".join(f"  {change}" for change in changes)
            + f"\nChange them back to go on, give the new one a name of its own ({own_name(plan['stage'])}), "
            f"or begin it anew with overwrite=true."
        )
    resumed = (folder / PLAN).is_file() and not changes
    if not resumed:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / WORK).mkdir(parents=True)
        write_json(folder / PLAN, plan)
    for aside in folder.rglob(".*.*"):
        if aside.suffix[1:].isdigit():  # what `written` had begun when a run was killed
            aside.unlink()
    return Job(target, plan, resumed)


def made(folder: Path) -> bool:
    """Whether a partial folder holds anything that took work."""
    return any(path.is_file() and path.relative_to(folder).parts[0] not in {PLAN, *LOGS} for path in folder.rglob("*"))


def lock_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def claim(target: Path) -> None:
    """Hold `target` for this process until `release` or its end, however it ends; two at work would mix their files.

    Where nothing can be written or locked (a finished folder of someone else's, a file system without locks) there is
    no lock.

    Raises:
        PipelineError: another process holds it.
    """
    path = lock_path(target)
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # never closed: the lock is this process's
        except OSError:
            return
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            os.close(descriptor)
            raise PipelineError(
                f"{target} is being made by another process: wait for it, or stop it and run this again to go on"
            ) from error
        except OSError:
            return
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return
        os.close(descriptor)  # its former holder has just removed it


def release(target: Path) -> None:
    with suppress(OSError):
        lock_path(target).unlink(missing_ok=True)


def own_name(stage: str) -> str:
    return "run.name=..." if stage in Layout.RUN_STAGES else f"{stage}.name=..."


def recover(target: Path) -> None:
    """Undo or complete a finish that was cut off between its two renames."""
    former = target.with_name(target.name + ".former")
    if former.exists():
        if target.exists():
            shutil.rmtree(former)
        else:
            os.rename(former, target)


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """What changed from `old` to `new`, a line `key: old -> new` each."""
    if isinstance(old, dict) and isinstance(new, dict):
        missing = "(absent)"
        return [
            line
            for key in sorted(old.keys() | new.keys())
            for line in differences(old.get(key, missing), new.get(key, missing), f"{path}.{key}" if path else key)
        ]
    return [] if old == new else [f"{path}: {old} -> {new}"]
