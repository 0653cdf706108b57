"""What a command costs with all processes it starts: CPU seconds, seconds of the clock, memory, disk. Linux only.

Processes that outlive their parent (a fork server, whose own children count as its) become this one's children and are
waited for, so the kernel's account of them is whole. Memory is the resident set of the biggest process at its peak,
shared pages included.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.store import size

PR_SET_CHILD_SUBREAPER = 36
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
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with open(log, "wb") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT)
    with watched(folder) as sizes:
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    used = [usage, *orphans()]
    if process.returncode:
        last = log.read_text(errors="replace").splitlines()[-20:]
        raise RuntimeError(f"{process.args} ended with {process.returncode}:\n" + "\n".join(last))
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    return Cost(cpu, wall, max(one.ru_maxrss for one in used) / 1024, max(sizes))


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


def orphans() -> list[resource.struct_rusage]:
    """The account of every process that is left, once it has ended."""
    found = []
    while True:
        try:
            found.append(os.wait4(-1, 0)[2])
        except ChildProcessError:
            return found
