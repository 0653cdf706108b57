"""Ctrl-C ends the program within seconds, with one line and exit code 130, at any moment.

Python raises KeyboardInterrupt wherever the main thread happens to be. That is not enough. Code that runs around a
fork swallows it, and so may finalizers and imports. DuckDB turns it into an error of its own. The training of a
tokenizer delays it. A subprocess that is interrupted during start-up is never terminated, and Python then waits for it
at exit. So by default nothing is raised: the handler kills all processes below this one and ends the program. That is
safe, because marker files and artefact folders are written so that a kill at any moment leaves them valid.

A block that has to clean up outside this machine (a Slurm array, a run on Weights & Biases) is put into
`allow_keyboard_interrupt`, where KeyboardInterrupt is raised as usual, once. A thread ends the program if the main
thread takes too long in either case; the kernel wakes that thread through a pipe.
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

from pipeline.errors import INTERRUPTED_EXIT_CODE

GRACE_SECONDS = 1.0
"""Time for the main thread to return to Python code, where the handler runs."""
CLEANUP_SECONDS = 10.0
"""Time for the main thread to clean up after KeyboardInterrupt."""
PR_SET_PDEATHSIG = 1
prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

interrupted = threading.Event()
"""Set by Ctrl-C and never cleared: errors after it are its consequences."""
keyboard_interrupt_allowed = False
"""Whether a block of `allow_keyboard_interrupt` is running."""


def install_sigint_handler() -> None:
    """Replace Python's handling of Ctrl-C. The program calls this before anything else."""
    owner = os.getpid()
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a fork that does not ignore SIGINT yet
            os._exit(INTERRUPTED_EXIT_CODE)
        if interrupted.is_set():
            return
        interrupted.set()
        if not keyboard_interrupt_allowed:
            exit_now()
        raise KeyboardInterrupt

    filters = os.environ.get("PYTHONWARNINGS")  # multiprocessing's tracker would warn of semaphores that it cleans up
    os.environ["PYTHONWARNINGS"] = ",".join([*([filters] if filters else []), "ignore:resource_tracker:UserWarning"])
    signal.signal(signal.SIGINT, interrupt)
    signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    threading.Thread(target=exit_after_grace, args=(receiver,), daemon=True).start()


def exit_after_grace(receiver: int) -> None:
    """Wait until Ctrl-C is pressed, give the main thread its time to end, and then end the program."""
    while signal.SIGINT not in os.read(receiver, 1):
        pass
    time.sleep(CLEANUP_SECONDS if keyboard_interrupt_allowed else GRACE_SECONDS)
    exit_now()


@contextmanager
def allow_keyboard_interrupt(enabled: bool = True) -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt while the block runs, so that its `finally` clauses run."""
    global keyboard_interrupt_allowed
    former, keyboard_interrupt_allowed = keyboard_interrupt_allowed, enabled or keyboard_interrupt_allowed
    try:
        yield
    finally:
        keyboard_interrupt_allowed = former


def exit_now() -> NoReturn:
    """End this process and all processes below it."""
    kill_descendants()
    with suppress(OSError):
        cursor = b"\r\x1b[K\x1b[?25h" if os.isatty(2) else b""  # clear the line and show the cursor that a bar hides
        os.write(2, cursor + b"interrupted: run this again to resume\n")
    os._exit(INTERRUPTED_EXIT_CODE)


def kill_descendants() -> None:
    """Kill the processes below this one, after stopping all of them so that none can start another.

    multiprocessing's resource tracker is spared: it cleans up the others' semaphores and then ends itself.
    """
    stopped: set[int] = set()
    while found := descendants(os.getpid()) - stopped:
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
        stopped |= found
    for process in stopped:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def descendants(root: int) -> set[int]:
    """Return the ids of the processes below `root`; an empty set on systems without /proc."""
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
    """Ask the kernel to kill this forked process when its parent ends, is killed or crashes."""
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


os.register_at_fork(after_in_child=die_with_parent)
