"""A folder that is being built: started or resumed, finished by its manifest, moved to its final name.

Digests of a whole dump take minutes. Until the manifest is written, nothing is deleted that a killed stage needs to
resume. From then on the folder is finished, and the next process that opens it completes the remaining steps.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.store.artefact import Artefact, open_artefact
from pipeline.store.files import remove_temporary_files, sync, write_json
from pipeline.store.layout import MANIFEST, PLAN, RUN, UNFINGERPRINTED_NAMES, WORK, name_override, partial_folder
from pipeline.store.lock import acquire_lock, release_lock
from pipeline.store.manifest import (
    SCHEMA_VERSION,
    Counts,
    Manifest,
    Plan,
    Recordable,
    differences,
    file_records,
    fingerprinted_part,
)
from pipeline.store.renamed_keys import read_record

CHECKOUT = Path(__file__).resolve().parents[2]
"""Root of the project's git checkout, if the package runs from one."""
DISTRIBUTION = "luke-pretraining"
RECORDED_VERSIONS = (
    *("torch", "transformers", "tokenizers", "accelerate", "datasets", "duckdb", "mwparserfromhell", "sentencex"),
)


@dataclass(slots=True)
class ArtefactBuilder:
    """The partial folder of a stage at work, locked for this process."""

    target: Path
    """Final name of the folder."""
    plan: Plan
    resumed: bool
    """Whether an earlier process has worked on the same plan."""
    started: float = field(default_factory=time.time)

    @property
    def folder(self) -> Path:
        """The partial folder."""
        return partial_folder(self.target)

    @property
    def work(self) -> Path:
        """The scratch folder in it."""
        return self.folder / WORK

    def abandon(self) -> None:
        """Release the lock; also delete the partial folder if it holds no output worth keeping."""
        if has_output(self.folder):
            release_lock(self.target)
        else:
            self.discard()

    def discard(self) -> None:
        """Delete the partial folder and release the lock."""
        shutil.rmtree(self.folder)
        release_lock(self.target)

    def finish(self, counts: Counts, **run: str | float | Mapping[str, list[int]]) -> Artefact:
        """Write manifest and run.json, and give the folder its final name.

        Args:
            counts: the account, the same for every run on the same input.
            run: values for run.json that may vary between runs (speed, peak memory).
        """
        remove_temporary_files(self.folder)  # left by a killed worker whose task another worker took over
        manifest: Manifest = {**self.plan, "counts": counts, "files": file_records(self.folder)}
        seconds = round(time.time() - self.started, 1)
        write_json(self.folder / RUN, {**run, "seconds": seconds, "resumed": self.resumed, **describe_environment()})
        write_json(self.folder / MANIFEST, manifest)
        move_into_place(self.target)
        release_lock(self.target)
        return open_artefact(self.target, stage=self.plan["stage"])


def describe_environment() -> dict[str, str | dict[str, str]]:
    """Return host, code and versions, for run.json."""
    return {
        "host": platform.node(),
        "code": code_version(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in RECORDED_VERSIONS},
    }


def code_version() -> str:
    """Return the checkout's commit, with "-dirty" if files have changed since; outside a checkout the version."""
    if (CHECKOUT / ".git").exists():
        command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):  # git is not installed, or the checkout is another user's
            pass
    return metadata.version(DISTRIBUTION)


def begin(
    target: Path, *, stage: str, config: Recordable, parents: Mapping[str, str], overwrite: bool
) -> ArtefactBuilder | None:
    """Start or resume building `target`; return None if it is finished and up to date.

    Args:
        target: the stage's folder.
        config: the stage's frozen config.
        parents: name -> fingerprint of everything the stage reads.
        overwrite: build again what was finished or started with another config or input.

    Raises:
        PipelineError: `target` is finished, or holds unfinished output, with another config or input, and `overwrite`
            is false; another process is building it; it holds files of the user's; or it cannot be written.
    """
    plan: Plan = {
        "schema": SCHEMA_VERSION,
        "stage": stage,
        "config": fingerprinted_part(config),
        "parents": dict(parents),
    }
    builder = None
    acquire_lock(target)
    try:
        builder = start_or_resume(target, plan, overwrite=overwrite)
    except OSError as error:
        raise PipelineError(
            f"{target} cannot be written: {error.strerror} ({error.filename}); choose another place with data_dir=..."
        ) from error
    finally:
        if builder is None:
            release_lock(target)
    return builder


def start_or_resume(target: Path, plan: Plan, *, overwrite: bool) -> ArtefactBuilder | None:
    """Do the work of `begin` while this process holds the lock."""
    recover(target)
    if (target / MANIFEST).is_file():
        changes = changes_since(target / MANIFEST, plan)
        if not changes:
            return None
        if not overwrite:
            raise PipelineError(
                f"{target} is finished, but its config or input has changed:\n{indent_lines(changes)}\n"
                f"Keep it and give the new one a name of its own ({name_override(plan['stage'])}), "
                f"or rebuild it with overwrite=true."
            )
    elif target.exists() and (foreign := sorted(target.iterdir())):  # finishing would replace them
        raise PipelineError(
            f"{target} is the folder of the stage {plan['stage']}, but it holds files that no stage has written, such "
            f"as {foreign[0].name}: move them to another place"
        )
    folder = partial_folder(target)
    has_plan = (folder / PLAN).is_file()
    changes = changes_since(folder / PLAN, plan) if has_plan else []
    if changes and has_output(folder) and not overwrite:
        raise PipelineError(
            f"{target} is unfinished, and its config or input has changed since it was started:\n"
            f"{indent_lines(changes)}\n"
            f"Change them back to resume, give the new one a name of its own ({name_override(plan['stage'])}), "
            f"or start from scratch with overwrite=true."
        )
    resumed = has_plan and not changes
    if not resumed:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / WORK).mkdir(parents=True)
        write_json(folder / PLAN, plan)
    remove_temporary_files(folder)
    return ArtefactBuilder(target, plan, resumed)


def changes_since(record: Path, plan: Plan) -> list[str]:
    """Return the differences between a recorded plan or manifest and the current plan."""
    recorded = read_record(record)
    return differences({key: recorded[key] for key in plan}, plan)


def indent_lines(changes: Sequence[str]) -> str:
    """Return the changes one per line, indented."""
    return "\n".join(f"  {change}" for change in changes)


def has_output(folder: Path) -> bool:
    """Whether a partial folder holds output worth keeping (anything besides the plan and logs)."""
    return any(
        path.is_file() and path.relative_to(folder).parts[0] not in {PLAN, *UNFINGERPRINTED_NAMES}
        for path in folder.rglob("*")
    )


def move_into_place(target: Path) -> None:
    """Give a folder whose manifest is written its final name; calling it again completes an interrupted call."""
    folder, former = partial_folder(target), former_folder(target)
    shutil.rmtree(folder / WORK, ignore_errors=True)
    (folder / PLAN).unlink(missing_ok=True)
    if target.exists():
        os.rename(target, former)
    os.rename(folder, target)
    sync(target.parent)
    shutil.rmtree(former, ignore_errors=True)


def recover(target: Path) -> None:
    """Finish what was interrupted after its manifest was written, and clean up after an interrupted replacement."""
    former = former_folder(target)
    if (partial_folder(target) / MANIFEST).is_file():
        move_into_place(target)
    elif former.exists():
        if target.exists():
            shutil.rmtree(former)
        else:
            os.rename(former, target)


def former_folder(target: Path) -> Path:
    """Return the name of the former result while the new one takes its place."""
    return target.with_name(target.name + ".former")
