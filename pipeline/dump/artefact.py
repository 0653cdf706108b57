"""The artefact `dump`: the dump's files under their own names, as downloaded files or as links to the user's files.

`run.json` holds size and time of change of each linked file, so that an unchanged file is not read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.store.artefact import StageArtefact
from pipeline.store.files import file_digest

STATS = "stats"
"""Key of run.json: file name -> [size in bytes, time of change in nanoseconds]."""


def file_stats(path: Path) -> list[int]:
    """Return a file's size in bytes and its time of change in nanoseconds."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


@dataclass(frozen=True, slots=True)
class Dump(StageArtefact):
    """A finished dump, opened for reading."""

    stage = "dump"

    def digests_of_unchanged(self, stats: dict[str, list[int]]) -> dict[str, str]:
        """Return name -> sha256 of the files whose size and time of change are still those in `stats`."""
        recorded, parents = self.artefact.run_record().get(STATS, {}), self.artefact.manifest["parents"]
        return {name: parents[name] for name in stats if name in parents and recorded.get(name) == stats[name]}

    def files(self) -> list[Path]:
        """Return the dump's files, sorted by name; readers detect the format from the content.

        Raises:
            PipelineError: the dump has no files, or one has been moved or changed since the stage dump finished.
        """
        records = self.artefact.manifest["files"]
        files = [self.folder / name for name in sorted(records) if not name.endswith(".json")]
        if not files:
            raise PipelineError(
                f"{self.folder} lists no files: run the stage dump again (make dump ARGS=overwrite=true)"
            )
        recorded = self.artefact.run_record().get(STATS, {})
        for path in files:
            if not path.is_file():
                raise PipelineError(
                    f"{path} links to {path.resolve()}, which no longer exists: put the file back, "
                    "or run the stage dump again with the file's new place"
                )
            record, stats = records[path.name], file_stats(path)
            touched = path.name in recorded and recorded[path.name] != stats
            if stats[0] != record["bytes"] or (touched and file_digest(path) != record["sha256"]):
                raise PipelineError(
                    f"{path.resolve()} has changed since the stage dump finished: "
                    "run the stage dump again first (make dump ARGS=overwrite=true, with the same dump.*)"
                )
        return files
