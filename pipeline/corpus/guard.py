"""Work on items in a child process that the kernel ends when one of them takes too long or too much memory.

A time limit inside the process does not hold: a signal waits until a call into C returns, an exception may be
swallowed, and memory that is gone takes the whole worker with it. Here the worker forks, the child does the work and
says which item it is at, and limits are the kernel's own: RLIMIT_CPU moves along with the items, RLIMIT_DATA is what
the process had and the cap. If the child dies the parent learns at which item and why. A fork costs 5 ms, an item 3 us.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import struct
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
PAGE_BYTES = resource.getpagesize()
NONE_YET = -1


@dataclass(frozen=True, slots=True)
class Died:
    """How a child ended that gave no result."""

    item: int
    """The number of the item it was at; NONE_YET before the first and after the last."""
    reason: str
    """too_slow, or crash with the signal's name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one item may take. Pass it to `run`, and the items through `each` in the child."""

    seconds: float
    """Of processor time; the kernel counts in whole seconds and rounds up."""
    memory: int
    """Bytes beyond what the process has when the work begins."""
    place: mmap = field(default_factory=lambda: mmap(-1, 8))
    """Shared with the child: the number of the item it is at."""

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each with its own time; no limit holds before the first and after the last."""
        parent = os.getppid()
        limit(resource.RLIMIT_DATA, data_bytes() + self.memory)
        for number, item in enumerate(items):
            if os.getppid() != parent:
                os._exit(1)  # nobody is left to take the result
            self.at(number)
            limit(resource.RLIMIT_CPU, 1 + int(time.process_time() + self.seconds))
            yield item
        self.at(NONE_YET)
        limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        limit(resource.RLIMIT_DATA, resource.RLIM_INFINITY)

    def at(self, number: int) -> None:
        struct.pack_into("q", self.place, 0, number)

    def run(self, work: Callable[[], Result]) -> Result | Died:
        """Do `work` in a child; what it raises is raised here."""
        self.at(NONE_YET)
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the child starts none
            child = os.fork()
        if not child:
            os.close(reader)
            answer(work, writer)
        os.close(writer)
        try:
            with open(reader, "rb") as pipe:
                data = pipe.read()
        finally:
            _, status = os.waitpid(child, 0)
        if not data:
            return Died(struct.unpack_from("q", self.place)[0], why(status, self.seconds))
        result, error = pickle.loads(data)
        if error is not None:
            raise error
        done: Result = result
        return done


def answer(work: Callable[[], object], writer: int) -> None:
    """In the child: send what `work` returns or raises, and end without the parent's clean-up."""
    code = 1
    try:
        try:
            data = pickle.dumps((work(), None))
        except Exception as error:
            data = pickle.dumps((None, error))
        with open(writer, "wb") as pipe:
            pipe.write(data)
        code = 0
    finally:
        os._exit(code)


def why(status: int, seconds: float) -> str:
    """The reason in the status of a child that ended without an answer."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return f"too_slow: over {seconds:g} s"
        return f"crash: {signal.Signals(number).name}"
    return f"crash: exit code {os.WEXITSTATUS(status)}"


def data_bytes() -> int:
    """What RLIMIT_DATA counts: private memory that can be written to."""
    statm = Path("/proc/self/statm")  # Linux; elsewhere the limit is not enforced either
    return int(statm.read_text().split()[5]) * PAGE_BYTES if statm.exists() else 0


def limit(kind: int, wanted: int) -> None:
    """Set a soft limit, as far as the hard one allows."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        wanted = hard if wanted == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (wanted, hard))
