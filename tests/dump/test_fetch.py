"""Downloads from a local HTTP server that can cut connections, refuse requests and send wrong content."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.dump.build import build
from pipeline.dump.config import WikimediaDumpConfig
from pipeline.dump.fetch import list_files
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import LocalExecutorConfig
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import Layout, partial_folder

CONTENT = bytes(range(256)) * 2000
NAME = "testwiki-20260101-pages-articles-multistream.xml.bz2"
PATH = f"/testwiki/20260101/{NAME}"


@dataclass
class Site:
    """The server's files and behaviour, and the requests that it received."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    """Bytes that each of the next requests of a file gets before the connection breaks."""
    refusals: list[int] = field(default_factory=list)
    """HTTP codes that refuse the next requests."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """(path, Range) of every request."""
    url: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            byte_range = self.headers.get("Range")
            state.requests.append((self.path, byte_range))
            assert self.headers["User-Agent"].startswith("luke-pretraining/")
            if state.refusals:
                self.send_error(state.refusals.pop(0))
                return
            if self.path not in state.bodies:
                self.send_error(404)
                return
            body = state.bodies[self.path]
            start = int(byte_range.removeprefix("bytes=").removesuffix("-")) if byte_range and state.ranges else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            cut = state.cut_after.pop(0) if state.cut_after and self.path.endswith(".bz2") else None
            self.wfile.write(body[start:] if cut is None else body[start : start + cut])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    publish(state, "20260101", {NAME: CONTENT})
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def publish(site: Site, date: str, files: dict[str, bytes], status: str = "done") -> None:
    """Add a dump with these files to the server."""
    entries = {
        name: {
            "size": len(body),
            "url": f"/testwiki/{date}/{name}",
            "md5": hashlib.md5(body).hexdigest(),
            "sha1": hashlib.sha1(body).hexdigest(),
        }
        for name, body in files.items()
    }
    job = {"status": status, "updated": "2026-01-02 00:00:00", "files": entries}
    page = {"version": "0.8", "jobs": {"articlesmultistreamdump": job, "articlesdump": {"status": "done", "files": {}}}}
    site.bodies[f"/testwiki/{date}/dumpstatus.json"] = json.dumps(page).encode()
    site.bodies |= {f"/testwiki/{date}/{name}": body for name, body in files.items()}


def dump_config(site: Site, **changes: Any) -> WikimediaDumpConfig:
    """Return the config of a download from the server, with `changes` applied."""
    values: dict[str, Any] = {
        "name": "testwiki",
        "source": "wikimedia",
        "wiki": "testwiki",
        "date": "20260101",
        "mirror": site.url,
        "retries": 3,
        "retry_seconds": 0.01,
    }
    return WikimediaDumpConfig(**(values | changes))


def context(tmp_path: Path) -> Context:
    """Return the context of a stage that writes below `tmp_path`."""
    executor = LocalExecutorConfig(kind="local", workers=1, memory_gb=1)
    return Context(layout=Layout(tmp_path, ""), executor=executor, overwrite=False)


def test_a_dump_is_downloaded_once(site: Site, tmp_path: Path) -> None:
    build(dump_config(site), context(tmp_path))
    artefact = open_artefact(tmp_path / "dump", stage="dump")
    assert (artefact.folder / NAME).read_bytes() == CONTENT
    assert artefact.counts == {"bytes": 512000, "files": 1}
    assert {path.name for path in artefact.folder.iterdir()} == {NAME, "manifest.json", "run.json"}
    assert site.requests == [("/testwiki/20260101/dumpstatus.json", None), (PATH, None)]

    build(dump_config(site, mirror="http://127.0.0.1:1"), context(tmp_path))  # up to date, so no request is made
    assert len(site.requests) == 2


def test_parts_come_in_the_order_of_their_pages_and_without_indices(site: Site) -> None:
    names = [
        f"testwiki-20260201-pages-articles-multistream{part}" for part in ("10.xml-p9p10", "2.xml-p2p8", "1.xml-p1p1")
    ]
    index = "testwiki-20260201-pages-articles-multistream-index1.txt-p1p1.bz2"
    publish(site, "20260201", {f"{name}.bz2": b"x" for name in names} | {index: b"y"})
    assert [file.name for file in list_files(dump_config(site, date="20260201"))] == [
        "testwiki-20260201-pages-articles-multistream1.xml-p1p1.bz2",
        "testwiki-20260201-pages-articles-multistream2.xml-p2p8.bz2",
        "testwiki-20260201-pages-articles-multistream10.xml-p9p10.bz2",
    ]


def test_latest_is_the_newest_complete_dump(site: Site, tmp_path: Path) -> None:
    publish(site, "20260201", {NAME.replace("0101", "0201"): b"new"}, status="in-progress")
    dates = ("20251201", "20260101", "20260201", "20260220")  # the last has no status file yet
    links = "".join(f'<a href="{date}/">{date}</a>\n' for date in dates)
    site.bodies["/testwiki/"] = f'<a href="../">../</a>{links}<a href="latest/">latest/</a>'.encode()
    build(dump_config(site, date="latest"), context(tmp_path))
    assert (tmp_path / "dump" / NAME).read_bytes() == CONTENT


def test_a_cut_download_resumes_at_the_byte_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.cut_after = [100_000, 300_000]
    build(dump_config(site, retries=1), context(tmp_path))  # an attempt that received bytes does not count as failed
    assert (tmp_path / "dump" / NAME).read_bytes() == CONTENT
    assert [byte_range for path, byte_range in site.requests if path == PATH] == [
        None,
        "bytes=100000-",
        "bytes=400000-",
    ]


def test_a_file_is_synced_before_it_gets_its_name(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut must not leave an incomplete file under its final name."""
    synced: list[str] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    build(dump_config(site), context(tmp_path))
    part = synced.index(f"{tmp_path}/dump.partial/{NAME}.part")
    assert f"{tmp_path}/dump.partial" in synced[part:]


def test_another_process_resumes_where_the_first_gave_up(site: Site, tmp_path: Path) -> None:
    site.cut_after = [100_000, 0]
    with pytest.raises(PipelineError, match=r"ended at byte 100000 of 512000; gave up after 1 attempts"):
        build(dump_config(site, retries=1), context(tmp_path))
    assert not (tmp_path / "dump").exists()
    build(dump_config(site), context(tmp_path))
    assert (tmp_path / "dump" / NAME).read_bytes() == CONTENT
    assert site.requests[-1] == (PATH, "bytes=100000-")
    assert sum(path.endswith("dumpstatus.json") for path, _ in site.requests) == 1


def test_a_server_without_range_sends_the_file_again(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.cut_after = [100_000]
    build(dump_config(site), context(tmp_path))
    assert (tmp_path / "dump" / NAME).read_bytes() == CONTENT


def test_a_wrong_checksum_is_reported_with_both_values(site: Site, tmp_path: Path) -> None:
    damaged = b"\0" + CONTENT[1:-1] + b"\0"
    site.bodies[PATH] = damaged
    with pytest.raises(PipelineError) as caught:
        build(dump_config(site), context(tmp_path))
    for part in (NAME, hashlib.sha1(damaged).hexdigest(), hashlib.sha1(CONTENT).hexdigest(), "run the stage again"):
        assert part in str(caught.value)
    assert list(partial_folder(tmp_path / "dump").glob("*.part")) == []
    site.bodies[PATH] = CONTENT
    build(dump_config(site), context(tmp_path))
    assert (tmp_path / "dump" / NAME).read_bytes() == CONTENT


def test_a_finished_part_is_not_fetched_again_when_a_later_one_fails(site: Site, tmp_path: Path) -> None:
    first, second = (f"testwiki-20260201-pages-articles-multistream{part}.xml-p{part}p{part}.bz2" for part in "12")
    publish(site, "20260201", {first: b"one", second: b"two"})
    del site.bodies[f"/testwiki/20260201/{second}"]
    with pytest.raises(PipelineError, match=f"{second} is not there .HTTP 404., though its dump lists it"):
        build(dump_config(site, date="20260201"), context(tmp_path))
    site.bodies[f"/testwiki/20260201/{second}"] = b"two"
    build(dump_config(site, date="20260201"), context(tmp_path))
    assert sum(path.endswith(first) for path, _ in site.requests) == 1
    assert open_artefact(tmp_path / "dump", stage="dump").counts == {"bytes": 6, "files": 2}


def test_a_busy_server_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.refusals = [503, 429]
    build(dump_config(site), context(tmp_path))
    assert len(site.requests) == 4


def test_a_server_that_stays_busy_is_reported(site: Site, tmp_path: Path) -> None:
    site.refusals = [503] * 3
    with pytest.raises(PipelineError, match="HTTP 503 Service Unavailable; gave up after 3 attempts in a row"):
        build(dump_config(site), context(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"date": "20250101"},
            "check dump.wiki .testwiki. and dump.date .20250101.; the available dates are listed at",
        ),
        ({"wiki": "nowiki", "date": "latest"}, "/nowiki/ is not there .HTTP 404.: check dump.wiki .nowiki."),
        ({"date": "20260301"}, "the dump of testwiki of 20260301 is not complete .*'in-progress'"),
    ],
)
def test_a_dump_that_does_not_exist_is_reported(
    site: Site, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    publish(site, "20260301", {}, status="in-progress")
    with pytest.raises(PipelineError, match=message):
        build(dump_config(site, **changes), context(tmp_path))


def test_a_refused_request_is_not_repeated(site: Site, tmp_path: Path) -> None:
    site.refusals = [403]
    with pytest.raises(PipelineError, match=r"HTTP 403 Forbidden; check dump\.mirror"):
        build(dump_config(site), context(tmp_path))
    assert len(site.requests) == 1


def test_a_disk_that_is_too_small_is_refused_before_the_download(site: Site, tmp_path: Path) -> None:
    page = json.loads(site.bodies["/testwiki/20260101/dumpstatus.json"])
    page["jobs"]["articlesmultistreamdump"]["files"][NAME]["size"] = 10**18
    site.bodies["/testwiki/20260101/dumpstatus.json"] = json.dumps(page).encode()
    with pytest.raises(PipelineError, match=r"needs 1,000,000,000\.0 GB more"):
        build(dump_config(site), context(tmp_path))
    assert [path for path, _ in site.requests] == ["/testwiki/20260101/dumpstatus.json"]
