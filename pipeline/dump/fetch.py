"""Find, download, resume and verify a dump's files from Wikimedia's server or a mirror.

The input is a wiki's name and a date. The output is the files of that dump's job `articlesmultistreamdump` (all current
pages, in one file or, for the largest wikis, in some tens of parts), each under its published name and verified by its
published checksum. `<mirror>/<wiki>/<date>/dumpstatus.json` lists the files, and says whether the job is done. A dump
that is still being written is never downloaded.

A file is written to `<name>.part` and renamed after its checksum is verified, so a file under its own name is complete.
After a lost connection, the download resumes at the byte where it broke (HTTP Range), in this process or in a later
one. Files are downloaded one after another, because Wikimedia limits the connections of a client and the bottleneck is
its bandwidth per client.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Required, TypedDict
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from pipeline.dump.config import LATEST, WikimediaDumpConfig
from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.store.files import sync

JOB = "articlesmultistreamdump"
USER_AGENT = "luke-pretraining/0.1 (a pipeline for Wikipedia dumps; python-urllib)"
"""Wikimedia asks automatic clients to identify themselves."""
TIMEOUT_SECONDS = 60
MAX_WAIT_SECONDS = 300.0
CHUNK_BYTES = 1 << 20
TEMPORARY_HTTP_CODES = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP codes after which a later attempt may succeed."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a dump, as described in dumpstatus.json."""

    name: str
    date: str
    size: int
    algorithm: str
    """"sha1" or "md5"."""
    sum: str
    """Checksum, in hexadecimal digits."""

    def url(self, config: WikimediaDumpConfig) -> str:
        """Return the file's address on the mirror of `config`."""
        return f"{folder_url(config, self.date)}/{self.name}"


class JobStatus(TypedDict, total=False):
    """Entry of a job in dumpstatus.json."""

    status: Required[str]
    """"done" when all files are complete."""
    files: dict[str, dict[str, str | int]]
    """File name -> size, url, md5 and sha1."""


class NotFound(Exception):
    """The server's answer HTTP 404."""


class TemporaryFailure(Exception):
    """A failure after which a later attempt may succeed; `wait` is the delay that the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


# ---------------------------------------------------------------------------------------------- list of files


def list_files(config: WikimediaDumpConfig) -> list[PublishedFile]:
    """Return the files of the dump that `config` names, in the order of their pages.

    Raises:
        PipelineError: there is no such wiki or date, the dump is not complete, or the server cannot be reached.
    """
    if config.date != LATEST:
        return files_of_date(config, config.date)
    address = f"{folder_url(config)}/"
    page = fetch_small_file(address, config)
    if page is None:
        raise PipelineError(f"{address} is not there (HTTP 404): check dump.wiki ({config.wiki}) and dump.mirror")
    dates = sorted(set(re.findall(r'href="(?:[^"]*/)?(\d{8})/?"', page.decode(errors="replace"))), reverse=True)
    for date in dates:
        # A dump is listed from its first day on, and complete some days or weeks later.
        status = fetch_job_status(config, date)
        if status is not None and status["status"] == "done":
            return list_xml_files(config, date, status)
    raise PipelineError(f"none of the {len(dates)} dumps listed at {address} is complete: set dump.date")


def folder_url(config: WikimediaDumpConfig, date: str = "") -> str:
    """Return the address of the wiki's folder, or of the dump of `date`, without a slash at its end."""
    return "/".join(filter(None, (config.mirror.rstrip("/"), config.wiki, date)))


def files_of_date(config: WikimediaDumpConfig, date: str) -> list[PublishedFile]:
    """Return the files of the dump of `date`; raise PipelineError if it does not exist or is not complete."""
    status = fetch_job_status(config, date)
    address = f"{folder_url(config)}/"
    if status is None:
        raise PipelineError(
            f"{address}{date}/dumpstatus.json is not there (HTTP 404): check dump.wiki ({config.wiki}) and dump.date "
            f"({date}); the available dates are listed at {address}"
        )
    if status["status"] != "done":
        raise PipelineError(
            f"the dump of {config.wiki} of {date} is not complete (its job {JOB} is {status['status']!r}): "
            f"choose an earlier dump.date from {address}, or dump.date=latest"
        )
    return list_xml_files(config, date, status)


def fetch_job_status(config: WikimediaDumpConfig, date: str) -> JobStatus | None:
    """Return the job's entry in dumpstatus.json, or None if there is no such file."""
    url = f"{folder_url(config, date)}/dumpstatus.json"
    body = fetch_small_file(url, config)
    if body is None:
        return None
    try:
        jobs = json.loads(body)["jobs"]
    except (ValueError, KeyError, TypeError) as error:
        raise PipelineError(f"{url} is not the status of a dump (it has no 'jobs'): check dump.mirror") from error
    status: JobStatus = jobs.get(JOB, {"status": "absent"})
    return status


def list_xml_files(config: WikimediaDumpConfig, date: str, status: JobStatus) -> list[PublishedFile]:
    """Return the XML files of a complete job; its other files are the indices of the streams."""
    base = folder_url(config, date)
    found = []
    for name, entry in status["files"].items():
        algorithm = next((key for key in ("sha1", "md5") if key in entry), None)
        if ".xml" not in name:
            continue
        if algorithm is None or "size" not in entry or Path(name).name != name:
            raise PipelineError(
                f"{base}/dumpstatus.json has no size or no checksum for {name}: choose another dump.date"
            )
        found.append(PublishedFile(name, date, int(entry["size"]), algorithm, str(entry[algorithm])))
    if not found:
        raise PipelineError(f"{base}/dumpstatus.json has no XML file in its job {JOB}: choose another dump.date")
    return sorted(found, key=lambda file: natural_sort_key(file.name))


def natural_sort_key(name: str) -> list[str | int]:
    """Return a sort key that puts part 2 before part 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


# ---------------------------------------------------------------------------------------------- download


def download(file: PublishedFile, folder: Path, config: WikimediaDumpConfig, progress: Callable[[int], None]) -> None:
    """Download `file` into `folder`, resuming its `.part` file if there is one.

    Args:
        file: the file to download.
        folder: where the file and its `.part` file are written.
        config: the mirror, and how often and how soon to try again.
        progress: called repeatedly with the number of bytes that have arrived.

    Raises:
        PipelineError: the file does not exist, its checksum is wrong, or the server cannot be reached.
    """
    url = file.url(config)
    part = folder / f"{file.name}.part"
    failures = 0
    while (received := file_size(part)) != file.size:
        try:
            fetch_remainder(url, file.size, part, progress)
        except NotFound as error:
            raise PipelineError(
                f"{url} is not there (HTTP 404), though its dump lists it: choose another dump.mirror"
            ) from error
        except (OSError, HTTPException, TemporaryFailure) as error:
            failures = 0 if received < file_size(part) < file.size else failures + 1
            wait_or_give_up(url, error, failures, config)
    verify_checksum(file, url, part)
    sync(part)
    part.rename(folder / file.name)
    sync(folder)
    progress(file.size)


def file_size(path: Path) -> int:
    """Return the file's size in bytes; 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0


def fetch_remainder(url: str, total: int, part: Path, progress: Callable[[int], None]) -> None:
    """Request the bytes that `part` lacks and append them as they arrive; raise TemporaryFailure if some do not."""
    received = file_size(part)
    if received > total:
        part.unlink()
        received = 0
    with send_request(url, {"Range": f"bytes={received}-"} if received else {}) as answer:
        if received and answer.status != 206:
            received = 0  # the server does not support Range and sends the whole file
        with open(part, "ab" if received else "wb") as out:
            while chunk := answer.read(CHUNK_BYTES):
                out.write(chunk)
                received += len(chunk)
                progress(received)
    if received != total:
        raise TemporaryFailure(f"the connection ended at byte {received} of {total}")


def verify_checksum(file: PublishedFile, url: str, part: Path) -> None:
    """Delete `part` and raise PipelineError if its checksum is not the published one."""
    with open(part, "rb") as stream:
        found = hashlib.file_digest(stream, file.algorithm).hexdigest()
    if found != file.sum:
        part.unlink()
        raise PipelineError(
            f"{url} was damaged during the download: its {file.algorithm} is {found}, but the published one is "
            f"{file.sum}. The file was deleted: run the stage again to download it again; if that gives the same "
            "checksum, choose another dump.mirror"
        )


def fetch_small_file(url: str, config: WikimediaDumpConfig) -> bytes | None:
    """Return the content of a small file, or None if it does not exist."""
    failures = 0
    while True:
        try:
            with send_request(url, {}) as answer:
                return bytes(answer.read())
        except NotFound:
            return None
        except (OSError, HTTPException, TemporaryFailure) as error:
            failures += 1
            wait_or_give_up(url, error, failures, config)


def send_request(url: str, headers: dict[str, str]) -> HTTPResponse:
    """Send a GET request and return the open response.

    Raises:
        NotFound: HTTP 404.
        TemporaryFailure, OSError: a later attempt may succeed.
        PipelineError: any other HTTP error.
    """
    request = Request(url, headers={"User-Agent": USER_AGENT, **headers})
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT_SECONDS)
        return response
    except HTTPError as error:
        if error.code == 404:
            raise NotFound from error
        if error.code in TEMPORARY_HTTP_CODES:
            delay = error.headers.get("Retry-After", "")
            wait = float(delay) if delay.isdigit() else 0.0
            raise TemporaryFailure(f"HTTP {error.code} {error.reason}", wait) from error
        raise PipelineError(f"{url}: HTTP {error.code} {error.reason}; check dump.mirror") from error


def wait_or_give_up(url: str, error: Exception, failures: int, config: WikimediaDumpConfig) -> None:
    """Sleep before the next attempt, longer after each failure; raise PipelineError after `config.retries` of them."""
    reason = error.reason if isinstance(error, URLError) else error
    if failures >= config.retries:
        raise PipelineError(
            f"{url}: {reason}; gave up after {failures} attempts in a row. The bytes that have arrived are kept: "
            "run the stage again to resume, or choose another dump.mirror"
        ) from error
    asked = error.wait if isinstance(error, TemporaryFailure) else 0.0
    wait = min(max(config.retry_seconds * 2 ** max(failures - 1, 0), asked), MAX_WAIT_SECONDS)
    console.print(f"{url}: {reason}; next attempt in {wait:g} s")
    time.sleep(wait)
