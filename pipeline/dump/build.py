"""STAGE dump: the files of a Wikipedia dump, under one roof.

Out comes a folder with the dump's files under their own names and nothing else: downloaded ones as files, files at
hand as symbolic links to their absolute paths (a dump of 20 GB is not copied). The manifest has their sizes and
digests either way, so the later stages cannot tell the two apart.

An up-to-date folder is found without the network: what Wikimedia published under a date does not change, and
`dump.date=latest` stands for the newest dump at the time of the first build (to move on, give the date). Files at hand
are read once and known again by size and time of change.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pipeline.dump.config import DumpConfig
from pipeline.dump.fetch import Published, download, listing
from pipeline.errors import PipelineError
from pipeline.execution.console import console, working
from pipeline.execution.context import Context
from pipeline.io.input_files import given_files
from pipeline.store.builder import ArtefactBuilder, begin
from pipeline.store.files import digest, read_json, write_json
from pipeline.store.layout import MANIFEST, PLAN, RUN

STAGE = "dump"
SAMPLE_PACKAGE = "gensim"
SAMPLE = "gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SAMPLE_SHA256 = "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"
SUFFIXES = (".xml", ".bz2", ".gz")


def build(config: DumpConfig, context: Context) -> None:
    """Make `context.layout.folder("dump")` hold the files of the dump that `config` names.

    Raises:
        PipelineError: a file is missing, empty, damaged or out of reach.
    """
    target = context.layout.folder(STAGE)
    files = found_files(config, target)
    stats = {name: [path.stat().st_size, path.stat().st_mtime_ns] for name, path in files.items()}
    with working("sums"):
        parents = digests(files, stats, target)
    job = begin(target, stage=STAGE, config=config, parents=parents, overwrite=context.overwrite)
    if job is None:
        if config.source == "local":
            link(files, target)  # the same content may have moved to another place
        console.print(f"dump: {target} is up to date")
        return
    if config.source == "wikimedia":
        fetch(config, job)
    elif config.source == "local":
        link(files, job.folder)
    else:
        for name, path in files.items():
            shutil.copyfile(path, job.folder / name)
    content = [path for path in sorted(job.folder.iterdir()) if path.is_file() and path.name != PLAN]
    counts = {"files": len(content), "bytes": sum(path.stat().st_size for path in content)}
    with working("sums"):
        job.finish(counts, stats=stats)
    console.print(f"dump: {counts['files']} file(s), {counts['bytes'] / 1e6:,.1f} MB in {target}")


# ---------------------------------------------------------------------------------------------- files at hand


def found_files(config: DumpConfig, target: Path) -> dict[str, Path]:
    """Base name -> absolute path of the files at hand; nothing for a dump that is downloaded."""
    if config.source == "wikimedia":
        return {}
    return sample() if config.source == "sample" else local(config.files, target)


def sample() -> dict[str, Path]:
    """The sample, in the installed wheel; the package itself is not imported (it takes seconds and scipy)."""
    try:
        path = Path(str(metadata.distribution(SAMPLE_PACKAGE).locate_file(SAMPLE)))
    except metadata.PackageNotFoundError as error:
        raise PipelineError(
            f"dump=sample takes its dump from the package {SAMPLE_PACKAGE}, which is not installed: "
            f"pip install -e '.[sample]', or give files of your own with dump=local"
        ) from error
    if not path.is_file() or digest(path) != SAMPLE_SHA256:
        raise PipelineError(
            f"{path} is not the dump that dump=sample stands for (sha256 {SAMPLE_SHA256}): "
            f"reinstall the package with pip install --force-reinstall -e '.[sample]'"
        )
    return {path.name: path}


def local(patterns: tuple[str, ...], target: Path) -> dict[str, Path]:
    files = given_files(patterns, key="dump.files", suffixes=SUFFIXES, target=target)
    for path in files:
        if path.stat().st_size == 0:
            raise PipelineError(f"dump.files: {path} is empty: fetch it again")
    return {path.name: path for path in files}


def digests(files: dict[str, Path], stats: dict[str, list[int]], target: Path) -> dict[str, str]:
    """Base name -> sha256; a file that has not been touched since `target` was finished is not read again."""
    known: dict[str, Any] = {}
    if (target / MANIFEST).is_file():
        seen, parents = read_json(target / RUN).get("stats", {}), read_json(target / MANIFEST)["parents"]
        known = {name: parents[name] for name in files if name in parents and seen.get(name) == stats[name]}
    return {name: known.get(name) or digest(path) for name, path in files.items()}


def link(files: dict[str, Path], folder: Path) -> None:
    for name, path in files.items():
        place = folder / name
        if not (place.is_symlink() and place.readlink() == path):
            place.unlink(missing_ok=True)
            place.symlink_to(path)


# ---------------------------------------------------------------------------------------------- files far away


def fetch(config: DumpConfig, job: ArtefactBuilder) -> None:
    """Download what is missing of the dump into the job's folder, with a bar in bytes."""
    files = chosen(config, job)
    check_space(files, job.folder)
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
            if not (job.folder / file.name).exists():
                console.print(f"dump: {number} of {len(files)}: {file.url(config)} ({file.size / 1e6:,.1f} MB)")
                download(
                    file,
                    job.folder,
                    config,
                    lambda there, before=before: bar.update(task, completed=before + there),  # type: ignore[misc]
                )
            before += file.size
            bar.update(task, completed=before)


def chosen(config: DumpConfig, job: ArtefactBuilder) -> list[Published]:
    """The dump's files, asked for once: a download that goes on keeps to the dump with which it began."""
    path = job.work / "listing.json"
    if not path.is_file():
        write_json(path, [asdict(file) for file in listing(config)])
    return [Published(**entry) for entry in read_json(path)]


def check_space(files: list[Published], folder: Path) -> None:
    there = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    need = sum(file.size for file in files) - there
    free = shutil.disk_usage(folder).free
    if free < need:
        raise PipelineError(
            f"{folder} needs {need / 1e9:,.1f} GB more for the dump, but its disk has {free / 1e9:,.1f} GB free"
        )
