"""Measure a command and all processes that it starts: CPU seconds, elapsed seconds, memory and disk. Linux only.

Processes that outlive their parent (such as a fork server) become children of this process, which waits for them. The
kernel's CPU time of a process includes that of its own ended children, so nothing is missing. Memory is the peak
resident set of the largest process, shared pages included. It is read twenty times a second, because the kernel's own
peak of a child starts with this process's.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.store.files import folder_size

PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.05
DISK_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a command and all its processes, their start included."""

    cpu_seconds: float
    """User and system time."""
    wall_seconds: float
    """Elapsed time."""
    peak_mb: float
    """Memory of the largest process."""
    disk_bytes: int = 0
    """Largest size of the watched folder."""


def measure_command(command: Sequence[str | Path], log: Path, *, folder: Path | None = None) -> Cost:
    """Run a command and return its cost.

    Args:
        command: the program and its arguments.
        log: file for the command's output.
        folder: a folder whose size is watched.

    Raises:
        RuntimeError: the command failed; the message has its last lines.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    earlier = set(children(os.getpid()))
    began = time.perf_counter()
    with open(log, "wb") as out, adopt_orphans(), watch_peak_memory() as peaks, watch_folder_size(folder) as sizes:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu_seconds = usage.ru_utime + usage.ru_stime + sum(wait_for_orphans(earlier))
    if process.returncode:
        last = log.read_text(errors="replace").splitlines()[-20:]
        raise RuntimeError(f"{process.args} ended with {process.returncode}:\n" + "\n".join(last))
    return Cost(cpu_seconds, wall_seconds, max(peaks, default=0.0), max(sizes))


@contextmanager
def watch_folder_size(folder: Path | None) -> Iterator[list[int]]:
    """Yield a list to which the folder's size is appended ten times a second while the block runs."""
    sizes, done = [0], threading.Event()

    def watch(folder: Path) -> None:
        while not done.wait(DISK_POLL_SECONDS):
            sizes.append(folder_size(folder) if folder.is_dir() else 0)

    thread = threading.Thread(target=watch, args=[folder]) if folder else None
    if thread:
        thread.start()
    try:
        yield sizes
    finally:
        done.set()
        if thread:
            thread.join()


@contextmanager
def adopt_orphans() -> Iterator[None]:
    """Make processes that outlive their parent children of this process while the block runs."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def wait_for_orphans(earlier: set[int]) -> Iterator[float]:
    """Wait for every child that is not in `earlier`, and yield its CPU seconds."""
    while left := set(children(os.getpid())) - earlier:
        for pid in left:
            usage = os.wait4(pid, 0)[2]
            yield usage.ru_utime + usage.ru_stime


@contextmanager
def watch_peak_memory() -> Iterator[list[float]]:
    """Yield a list to which the MB of the largest process below this one are appended while the block runs."""
    found: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            found.append(max((peak_memory_mb(pid) for pid in descendants(os.getpid())), default=0.0))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def descendants(pid: int) -> Iterator[int]:
    """Yield the ids of all processes below `pid`."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def children(pid: int) -> list[int]:
    """Return the ids of the child processes of `pid`."""
    found: list[int] = []
    with suppress(OSError):  # a thread has just ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    return found


def peak_memory_mb(pid: int) -> float:
    """Return a process's peak resident set in MB; 0 for a fork that still runs this program, before its exec."""
    with suppress(OSError, StopIteration):
        if Path(f"/proc/{pid}/cmdline").read_bytes() != Path("/proc/self/cmdline").read_bytes():
            lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
            return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return 0.0
