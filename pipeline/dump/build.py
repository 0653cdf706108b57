"""STAGE dump: the files of a Wikipedia dump in one folder.

The folder holds the dump's files under their own names and nothing else: downloaded ones as files, local ones as
symbolic links to their absolute paths (a dump of 20 GB is not copied). The manifest records size and digest of both
kinds, so later stages need not distinguish them.

A finished folder is recognised without the network: what Wikimedia has published under a date does not change, and
`dump.date=latest` means the newest dump at the time of the first build (give a date to move on). Local files are read
once; after that their size and time of change identify them.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from pipeline.dump.artefact import STATS, Dump, file_stats
from pipeline.dump.config import DumpConfig, LocalDumpConfig, SampleDumpConfig, WikimediaDumpConfig
from pipeline.dump.fetch import PublishedFile, download, list_files
from pipeline.errors import PipelineError
from pipeline.execution.console import console, spinner
from pipeline.execution.context import Context
from pipeline.io.input_files import resolve_input_files
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.files import file_digest, read_json, write_json
from pipeline.store.layout import PLAN

SAMPLE_PACKAGE = "gensim"
SAMPLE = "gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SAMPLE_SHA256 = "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"
SUFFIXES = (".xml", ".bz2", ".gz")


def build(config: DumpConfig, context: Context) -> None:
    """Collect the files of the dump that `config` names.

    Raises:
        PipelineError: a file is missing, empty, damaged or out of reach.
    """
    target = context.layout.folder("dump")
    files = local_files(config, target)
    stats = {name: file_stats(path) for name, path in files.items()}
    with spinner("sums"):
        parents = file_digests(files, stats, Dump.open_if_finished(context.layout))
    builder = context.begin("dump", config, parents)
    if builder is None:
        if isinstance(config, LocalDumpConfig):
            link_files(files, target)  # the same content may have moved to another place
        return
    if isinstance(config, WikimediaDumpConfig):
        fetch(config, builder)
    elif isinstance(config, LocalDumpConfig):
        link_files(files, builder.folder)
    else:
        for name, path in files.items():
            shutil.copyfile(path, builder.folder / name)
    content = [path for path in sorted(builder.folder.iterdir()) if path.is_file() and path.name != PLAN]
    counts = {"files": len(content), "bytes": sum(path.stat().st_size for path in content)}
    with spinner("sums"):
        builder.finish(counts, **{STATS: stats})
    console.print(f"dump: {counts['files']} file(s), {counts['bytes'] / 1e6:,.1f} MB in {target}")


# ---------------------------------------------------------------------------------------------- local files


def local_files(config: DumpConfig, target: Path) -> dict[str, Path]:
    """Return base name -> absolute path of the files on this machine; empty for a dump that is downloaded."""
    match config:
        case SampleDumpConfig():
            return sample_file()
        case LocalDumpConfig():
            return resolve_nonempty_files(config.files, target)
        case WikimediaDumpConfig():
            return {}


def sample_file() -> dict[str, Path]:
    """Return the sample in the installed wheel; the package itself is not imported (it takes seconds and scipy)."""
    try:
        path = Path(str(metadata.distribution(SAMPLE_PACKAGE).locate_file(SAMPLE)))
    except metadata.PackageNotFoundError as error:
        raise PipelineError(
            f"dump=sample takes its dump from the package {SAMPLE_PACKAGE}, which is not installed: "
            f"run pip install -e '.[sample]', or use files of your own with dump=local"
        ) from error
    if not path.is_file() or file_digest(path) != SAMPLE_SHA256:
        raise PipelineError(
            f"{path} is not the dump that dump=sample expects (sha256 {SAMPLE_SHA256}): "
            f"reinstall the package with pip install --force-reinstall -e '.[sample]'"
        )
    return {path.name: path}


def resolve_nonempty_files(patterns: tuple[str, ...], target: Path) -> dict[str, Path]:
    """Return the files that match `patterns`, none of them empty."""
    files = resolve_input_files(patterns, key="dump.files", suffixes=SUFFIXES, target=target)
    for path in files:
        if path.stat().st_size == 0:
            raise PipelineError(f"dump.files: {path} is empty: download it again")
    return {path.name: path for path in files}


def file_digests(files: dict[str, Path], stats: dict[str, list[int]], finished: Dump | None) -> dict[str, str]:
    """Return base name -> sha256; a file that has not changed since `finished` was built is not read again."""
    known = finished.digests_of_unchanged(stats) if finished else {}
    return {name: known.get(name) or file_digest(path) for name, path in files.items()}


def link_files(files: dict[str, Path], folder: Path) -> None:
    """Link each file into `folder`, replacing links that lead elsewhere."""
    for name, path in files.items():
        place = folder / name
        if not (place.is_symlink() and place.readlink() == path):
            place.unlink(missing_ok=True)
            place.symlink_to(path)


# ---------------------------------------------------------------------------------------------- downloads


def fetch(config: WikimediaDumpConfig, builder: ArtefactBuilder) -> None:
    """Download the missing files of the dump into the builder's folder, with a progress bar in bytes."""
    files = list_published_files(config, builder)
    check_space(files, builder.folder)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("dump", total=sum(file.size for file in files))
        before = 0
        for number, file in enumerate(files, start=1):
            if not (builder.folder / file.name).exists():
                console.print(f"dump: {number} of {len(files)}: {file.url(config)} ({file.size / 1e6:,.1f} MB)")
                download(
                    file,
                    builder.folder,
                    config,
                    lambda done, before=before: bar.update(task, completed=before + done),  # type: ignore[misc]
                )
            before += file.size
            bar.update(task, completed=before)


def list_published_files(config: WikimediaDumpConfig, builder: ArtefactBuilder) -> list[PublishedFile]:
    """Return the dump's files; the list is kept, so a resumed download stays with the dump that it started with."""
    path = builder.work / "listing.json"
    if not path.is_file():
        write_json(path, [asdict(file) for file in list_files(config)])
    return [PublishedFile(**entry) for entry in read_json(path)]


def check_space(files: list[PublishedFile], folder: Path) -> None:
    """Raise PipelineError if the disk cannot hold the files that are still missing."""
    present = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    missing = sum(file.size for file in files) - present
    free = shutil.disk_usage(folder).free
    if free < missing:
        raise PipelineError(
            f"{folder} needs {missing / 1e9:,.1f} GB more for the dump, but its disk has {free / 1e9:,.1f} GB free: "
            "make room, or choose another place with data_dir=..."
        )
