"""Ctrl-C ends the program within seconds, quietly and with exit code 130, whatever it is doing.

Python raises KeyboardInterrupt wherever the main thread happens to be, and that is not enough: what runs around a fork
swallows it, as finalizers and imports may; duckdb makes an error of its own of it; a tokenizer's training lets it wait;
a process whose start it cuts short is never ended, and waited for at exit. So by default nothing is raised: the handler
kills what was started and ends the program. That is safe, as marks and folders are written to be killed at any moment.

In a block that has more to clean up than this machine holds (`politely`: a Slurm array, a run on Weights & Biases),
KeyboardInterrupt is raised as usual, once. A thread ends the program when either takes too long; the kernel wakes it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pipeline.errors import INTERRUPTED

SECONDS = 1.0
"""For the main thread to come back to Python."""
POLITE_SECONDS = 10.0
"""For it to clean up."""
PR_SET_PDEATHSIG = 1
prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

interrupted = threading.Event()
"""Set by Ctrl-C, for good: errors after it are its consequences."""
polite = False


def obey() -> None:
    """Take Ctrl-C over from Python; the first thing that the program does."""
    owner = os.getpid()
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a fork that has not come to ignore it yet
            os._exit(INTERRUPTED)
        if interrupted.is_set():
            return
        interrupted.set()
        if not polite:
            end()
        raise KeyboardInterrupt

    told = os.environ.get("PYTHONWARNINGS")  # multiprocessing's tracker would tell of semaphores that it cleans up
    os.environ["PYTHONWARNINGS"] = ",".join([*([told] if told else []), "ignore:resource_tracker:UserWarning"])
    signal.signal(signal.SIGINT, interrupt)
    signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    threading.Thread(target=enforce, args=(receiver,), daemon=True).start()


def enforce(receiver: int) -> None:
    """Wait for Ctrl-C, and then for the main thread; no longer than it may take."""
    while signal.SIGINT not in os.read(receiver, 1):
        pass
    time.sleep(POLITE_SECONDS if polite else SECONDS)
    end()


@contextmanager
def politely(needed: bool = True) -> Iterator[None]:
    """While the block runs, Ctrl-C raises KeyboardInterrupt, so that what `finally` says is done."""
    global polite
    former, polite = polite, needed or polite
    try:
        yield
    finally:
        polite = former


def end() -> NoReturn:
    """End this process and all that it has started."""
    kill_started()
    with suppress(OSError):
        cursor = b"\r\x1b[K\x1b[?25h" if os.isatty(2) else b""  # which a progress bar has hidden
        os.write(2, cursor + b"interrupted: run this again to go on\n")
    os._exit(INTERRUPTED)


def kill_started() -> None:
    """Kill the processes below this one; they are stopped first, so that none starts another meanwhile.

    multiprocessing's tracker stays: it cleans up the semaphores of the dead, and ends by itself.
    """
    stopped: set[int] = set()
    while found := started(os.getpid()) - stopped:
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
        stopped |= found
    for process in stopped:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def started(root: int) -> set[int]:
    """The processes below `root`; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if b"resource_tracker" not in (stat.parent / "cmdline").read_bytes():
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(stat.parent.name))
    found, new = set[int](), children.get(root, [])
    while new:
        found.update(new)
        new = [child for process in new for child in children.get(process, [])]
    return found


def die_with_parent() -> None:
    """In a fork: have the kernel kill it when its parent is gone, killed or crashed."""
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


os.register_at_fork(after_in_child=die_with_parent)
