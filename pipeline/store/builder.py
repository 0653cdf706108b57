"""A folder in the making: begun or gone on with, finished by its manifest, and completed if that was cut off.

Digests of a whole dump take minutes. Until the manifest is written nothing is thrown away that a killed stage needs to
go on; from then on the folder is finished, and what is left to do is done by whoever comes next.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.store.artefact import Artefact
from pipeline.store.files import read_json, remove_begun, sync, write_json
from pipeline.store.layout import LOGS, MANIFEST, PLAN, RUN, WORK, own_name, partial
from pipeline.store.lock import claim, release
from pipeline.store.manifest import SCHEMA, Counts, differences, folder_digest, recorded


@dataclass(slots=True)
class ArtefactBuilder:
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
        if made(self.folder):
            release(self.target)
        else:
            self.discard()

    def discard(self) -> None:
        """Leave off for good: nothing of what was made is of use."""
        shutil.rmtree(self.folder)
        release(self.target)

    def finish(self, counts: Counts, **run: Any) -> Artefact:
        """Write manifest and run.json, and give the folder its final name.

        Args:
            counts: the account, the same on every run on the same input.
            run: what may vary between runs and is worth keeping (speeds, peak memory).
        """
        remove_begun(self.folder)  # of a worker that was killed and whose task another took over
        manifest = {"schema": SCHEMA, **self.plan, "counts": counts, "files": folder_digest(self.folder)}
        run |= {"seconds": round(time.time() - self.started, 1), "resumed": self.resumed, **environment()}
        write_json(self.folder / RUN, run)
        write_json(self.folder / MANIFEST, manifest)
        complete(self.target)
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


def begin(target: Path, *, stage: str, config: Any, parents: Mapping[str, Any], overwrite: bool) -> ArtefactBuilder | None:
    """Start, or go on with, the making of `target`; None when it is finished and up to date.

    Args:
        target: the stage's folder.
        config: the stage's frozen config.
        parents: name -> fingerprint (JSON) of everything the stage reads.
        overwrite: build anew what was finished or begun with another config or input.

    Raises:
        PipelineError: `target` is finished, or begun with something to show for it, with another config or input, and
            `overwrite` is false; another process is at work on it; it holds files of someone's own; or it cannot be
            written.
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


def prepared(target: Path, plan: dict[str, Any], *, overwrite: bool) -> ArtefactBuilder | None:
    """`begin`, once no other process can be at work on `target`."""
    recover(target)
    if (target / MANIFEST).is_file():
        changes = since_finished(target, plan)
        if not changes:
            return None
        if not overwrite:
            raise PipelineError(
                f"{target} is finished, but its config or input has changed:\n{listed(changes)}\n"
                f"Keep it and give the new one a name of its own ({own_name(plan['stage'])}), "
                f"or rebuild it with overwrite=true."
            )
    elif target.exists() and (foreign := sorted(target.iterdir())):  # to be replaced, were it an artefact
        raise PipelineError(
            f"{target} is the stage's own folder, but holds files that no stage has finished, {foreign[0].name} the "
            "first: move them to another place"
        )
    folder = partial(target)
    begun = (folder / PLAN).is_file()
    changes = differences(read_json(folder / PLAN), plan) if begun else []
    if changes and made(folder) and not overwrite:
        raise PipelineError(
            f"{target} is unfinished, and its config or input has changed since it was begun:\n{listed(changes)}\n"
            f"Change them back to go on, give the new one a name of its own ({own_name(plan['stage'])}), "
            f"or begin it anew with overwrite=true."
        )
    resumed = begun and not changes
    if not resumed:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / WORK).mkdir(parents=True)
        write_json(folder / PLAN, plan)
    remove_begun(folder)
    return ArtefactBuilder(target, plan, resumed)


def since_finished(target: Path, plan: dict[str, Any]) -> list[str]:
    """What has changed since `target` was finished, this code's layout of folders included."""
    found = read_json(target / MANIFEST)
    changes = differences({key: found[key] for key in plan}, plan)
    return changes if found["schema"] == SCHEMA else [f"layout version: {found['schema']} -> {SCHEMA}", *changes]


def listed(changes: Sequence[str]) -> str:
    return "\n".join(f"  {change}" for change in changes)


def made(folder: Path) -> bool:
    """Whether a partial folder holds anything that took work."""
    return any(path.is_file() and path.relative_to(folder).parts[0] not in {PLAN, *LOGS} for path in folder.rglob("*"))


def complete(target: Path) -> None:
    """Give a folder whose manifest is written its final name; done again where it was cut off."""
    folder, former = partial(target), former_of(target)
    shutil.rmtree(folder / WORK, ignore_errors=True)
    (folder / PLAN).unlink(missing_ok=True)
    if target.exists():
        os.rename(target, former)
    os.rename(folder, target)
    sync(target.parent)
    shutil.rmtree(former, ignore_errors=True)


def recover(target: Path) -> None:
    """Complete a finish that was cut off after its manifest, and undo what of an older one is left."""
    former = former_of(target)
    if (partial(target) / MANIFEST).is_file():
        complete(target)
    elif former.exists():
        if target.exists():
            shutil.rmtree(former)
        else:
            os.rename(former, target)


def former_of(target: Path) -> Path:
    """Where the former result is while the new one takes its place."""
    return target.with_name(target.name + ".former")
