"""A dump's files from Wikimedia's server or a mirror: found, downloaded, resumed and checked.

In comes a wiki's name and a date, out come the files of that dump's job `articlesmultistreamdump` (all current pages,
in one file or, for the largest wikis, in some tens of parts), each under its published name with its published sum.
What there is to fetch is read from `<mirror>/<wiki>/<date>/dumpstatus.json`, which also says whether the job is done:
a dump that is still being written is never taken.

A file is written to `<name>.part` and renamed when its sum is right, so a file under its own name is whole. A cut
connection is resumed at the byte where it broke (HTTP Range), in this process or the next one. Files come one after
another: Wikimedia limits the connections of a client, and what one waits for is its bandwidth per client.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from pipeline.dump.config import LATEST, DumpConfig
from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.store.files import sync

JOB = "articlesmultistreamdump"
# Wikimedia asks robots to say who they are and how their authors can be found.
USER_AGENT = "luke-pretraining/0.1 (a pipeline for Wikipedia dumps; python-urllib)"
TIMEOUT_SECONDS = 60
LONGEST_WAIT_SECONDS = 300.0
CHUNK_BYTES = 1 << 20
PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP codes that may be gone a little later."""


@dataclass(frozen=True, slots=True)
class Published:
    """One file of a dump, as dumpstatus.json has it."""

    name: str
    date: str
    size: int
    algorithm: str
    """"sha1" or "md5"."""
    sum: str

    def url(self, config: DumpConfig) -> str:
        return f"{folder_url(config, self.date)}/{self.name}"


class Absent(Exception):
    """The server says that there is no such thing (HTTP 404)."""


class Passing(Exception):
    """A failure that may be gone at the next attempt; `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


# ---------------------------------------------------------------------------------------------- what there is


def listing(config: DumpConfig) -> list[Published]:
    """The files of the dump that `config` names, in the order of their pages.

    Raises:
        PipelineError: there is no such wiki or date, the dump is not complete, or the server cannot be reached.
    """
    if config.date != LATEST:
        return published(config, config.date)
    address = f"{folder_url(config)}/"
    page = get(address, config)
    if page is None:
        raise PipelineError(f"{address} is not there (HTTP 404): check dump.wiki ({config.wiki}) and dump.mirror")
    dates = sorted(set(re.findall(r'href="(?:[^"]*/)?(\d{8})/?"', page.decode(errors="replace"))), reverse=True)
    for date in dates:
        # A dump stands in the list from its first day and is done some days or weeks later.
        status = dump_status(config, date)
        if status is not None and status["status"] == "done":
            return files_of(config, date, status)
    raise PipelineError(f"none of the dumps listed at {address} is complete ({len(dates)} dates): give dump.date")


def folder_url(config: DumpConfig, date: str = "") -> str:
    return "/".join(filter(None, (config.mirror.rstrip("/"), config.wiki, date)))


def published(config: DumpConfig, date: str) -> list[Published]:
    """The files of the dump of `date`, which must be there and done."""
    status = dump_status(config, date)
    address = f"{folder_url(config)}/"
    if status is None:
        raise PipelineError(
            f"{address}{date}/dumpstatus.json is not there (HTTP 404): check dump.wiki ({config.wiki}) and dump.date "
            f"({date}); the dates on offer are listed at {address}"
        )
    if status["status"] != "done":
        raise PipelineError(
            f"the dump of {config.wiki} of {date} is not complete (its job {JOB} is {status['status']!r}): "
            f"take an earlier dump.date from {address}, or dump.date=latest"
        )
    return files_of(config, date, status)


def dump_status(config: DumpConfig, date: str) -> dict[str, Any] | None:
    """The job's entry in dumpstatus.json; None where there is no such file."""
    url = f"{folder_url(config, date)}/dumpstatus.json"
    body = get(url, config)
    if body is None:
        return None
    try:
        jobs = json.loads(body)["jobs"]
    except (ValueError, KeyError, TypeError) as error:
        raise PipelineError(f"{url} is no dump status (it has no 'jobs'): check dump.mirror") from error
    return dict(jobs.get(JOB, {"status": "absent"}))


def files_of(config: DumpConfig, date: str, status: dict[str, Any]) -> list[Published]:
    """The XML files of a job that is done (its other half are the indices of the streams)."""
    base = folder_url(config, date)
    found = []
    for name, entry in status["files"].items():
        algorithm = next((key for key in ("sha1", "md5") if key in entry), None)
        if ".xml" not in name:
            continue
        if algorithm is None or "size" not in entry or Path(name).name != name:
            raise PipelineError(f"{base}/dumpstatus.json gives no size or no sum for {name}: take another dump.date")
        found.append(Published(name, date, int(entry["size"]), algorithm, entry[algorithm]))
    if not found:
        raise PipelineError(f"{base}/dumpstatus.json names no XML file in its job {JOB}: take another dump.date")
    return sorted(found, key=lambda file: numbers_as_numbers(file.name))


def numbers_as_numbers(name: str) -> list[str | int]:
    """A key that sorts part 2 before part 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


# ---------------------------------------------------------------------------------------------- getting it


def download(file: Published, folder: Path, config: DumpConfig, progress: Callable[[int], None]) -> None:
    """Bring `file` into `folder`, going on from its `.part` if there is one.

    Args:
        progress: told the number of bytes that are there, again and again.

    Raises:
        PipelineError: the file is not there, its sum is wrong, or the server stays out of reach.
    """
    url = file.url(config)
    part = folder / f"{file.name}.part"
    failures = 0
    while (there := size(part)) != file.size:
        try:
            fetch_rest(url, file.size, part, progress)
        except Absent as error:
            raise PipelineError(
                f"{url} is not there (HTTP 404), though its dump lists it: take another dump.mirror"
            ) from error
        except (OSError, HTTPException, Passing) as error:
            failures = 0 if there < size(part) < file.size else failures + 1
            wait_or_give_up(url, error, failures, config)
    check(file, url, part)
    sync(part)
    part.rename(folder / file.name)
    sync(folder)
    progress(file.size)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def fetch_rest(url: str, whole: int, part: Path, progress: Callable[[int], None]) -> None:
    """One request for what is missing of `part`, written as it comes."""
    there = size(part)
    if there > whole:
        part.unlink()
        there = 0
    with request(url, {"Range": f"bytes={there}-"} if there else {}) as answer:
        if there and answer.status != 206:
            there = 0  # this server knows no Range and sends the whole file
        with open(part, "ab" if there else "wb") as out:
            while chunk := answer.read(CHUNK_BYTES):
                out.write(chunk)
                there += len(chunk)
                progress(there)
    if there != whole:
        raise Passing(f"the connection ended at byte {there} of {whole}")


def check(file: Published, url: str, part: Path) -> None:
    with open(part, "rb") as stream:
        found = hashlib.file_digest(stream, file.algorithm).hexdigest()
    if found != file.sum:
        part.unlink()
        raise PipelineError(
            f"{url} was damaged on its way: its {file.algorithm} is {found}, published is {file.sum}. The copy is "
            f"deleted; run the stage again to fetch it anew, and if that gives the same, take another dump.mirror"
        )


def get(url: str, config: DumpConfig) -> bytes | None:
    """A small file; None when the server says that it is not there."""
    failures = 0
    while True:
        try:
            with request(url, {}) as answer:
                return bytes(answer.read())
        except Absent:
            return None
        except (OSError, HTTPException, Passing) as error:
            failures += 1
            wait_or_give_up(url, error, failures, config)


def request(url: str, headers: dict[str, str]) -> Any:
    """Send a request.

    Raises:
        Absent: HTTP 404.
        Passing, OSError: a later attempt may go well.
        PipelineError: any other refusal.
    """
    try:
        return urlopen(Request(url, headers={"User-Agent": USER_AGENT, **headers}), timeout=TIMEOUT_SECONDS)
    except HTTPError as error:
        if error.code == 404:
            raise Absent from error
        if error.code in PASSING:
            wait = error.headers.get("Retry-After", "")
            raise Passing(f"HTTP {error.code} {error.reason}", float(wait) if wait.isdigit() else 0.0) from error
        raise PipelineError(f"{url}: HTTP {error.code} {error.reason}; check dump.mirror") from error


def wait_or_give_up(url: str, error: Exception, failures: int, config: DumpConfig) -> None:
    reason = error.reason if isinstance(error, URLError) else error
    if failures >= config.retries:
        raise PipelineError(
            f"{url}: {reason}; gave up after {failures} attempts in a row. What has come is kept: run the stage again "
            f"to go on from there, with another dump.mirror if need be"
        ) from error
    asked = error.wait if isinstance(error, Passing) else 0.0
    wait = min(max(config.retry_seconds * 2 ** max(failures - 1, 0), asked), LONGEST_WAIT_SECONDS)
    console.print(f"{url}: {reason}; next attempt in {wait:g} s")
    time.sleep(wait)
