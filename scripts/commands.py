"""What a command costs with all processes it starts: CPU seconds, seconds of the clock, memory, disk. Linux only.

Processes that outlive their parent (a fork server, whose own children count as its) become this one's children and are
waited for, so the kernel's account of them is whole. Memory is the resident set of the biggest process at its peak,
shared pages included; it is looked up twenty times a second, since the account's own figure begins at this process's.
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

from pipeline.store.files import size

PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.05
DISK_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a command and all its processes, their start included."""

    cpu: float
    """Seconds, user and system."""
    wall: float
    """Seconds elapsed."""
    peak_mb: float
    """Of the biggest process."""
    disk: int = 0
    """Bytes of the folder that was watched, when it held most."""


def cost(command: Sequence[str | Path], log: Path, *, folder: Path | None = None) -> Cost:
    """Run a command, its output in `log`, and watch how large `folder` grows.

    Raises:
        RuntimeError: it failed; its last lines are the message.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    others = set(children(os.getpid()))
    began = time.perf_counter()
    with open(log, "wb") as out, adopting(), peaks() as found, watched(folder) as sizes:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime + sum(orphans(others))
    if process.returncode:
        last = log.read_text(errors="replace").splitlines()[-20:]
        raise RuntimeError(f"{process.args} ended with {process.returncode}:\n" + "\n".join(last))
    return Cost(cpu, wall, max(found, default=0.0), max(sizes))


@contextmanager
def watched(folder: Path | None) -> Iterator[list[int]]:
    """A list that grows by the folder's size every so often while the block runs."""
    sizes, done = [0], threading.Event()

    def watch(folder: Path) -> None:
        while not done.wait(DISK_POLL_SECONDS):
            sizes.append(size(folder) if folder.is_dir() else 0)

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
def adopting() -> Iterator[None]:
    """In the block, a process that outlives its parent becomes this one's child."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def orphans(others: set[int]) -> Iterator[float]:
    """CPU seconds of every child that is left, once it has ended, beside those that were there before."""
    while left := set(children(os.getpid())) - others:
        for pid in left:
            usage = os.wait4(pid, 0)[2]
            yield usage.ru_utime + usage.ru_stime


@contextmanager
def peaks() -> Iterator[list[float]]:
    """The peaks of all processes below this one, in MB, as the block goes on."""
    found: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            found.append(max((peak(pid) for pid in below(os.getpid())), default=0.0))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def below(pid: int) -> Iterator[int]:
    """The processes that `pid` has started, and those that these have."""
    for child in children(pid):
        yield child
        yield from below(child)


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # one of its threads has just ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    return found


def peak(pid: int) -> float:
    """MB that a process held at most; 0 for one that is still this program, about to become another."""
    with suppress(OSError, StopIteration):
        if Path(f"/proc/{pid}/cmdline").read_bytes() != Path("/proc/self/cmdline").read_bytes():
            lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
            return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return 0.0
