"""Work on items in a child process that the kernel ends when one of them takes too long or too much memory.

A time limit inside the process does not hold: a signal waits until a call into C returns, an exception may be
swallowed, and memory that is gone takes the whole worker with it. Here the worker forks, the child does the work and
says which item it is at, and limits are the kernel's own: RLIMIT_CPU moves along with the items, RLIMIT_DATA is what
the process had and the cap. If the child dies the parent learns at which item and why; the next call starts another.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import struct
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

Item = TypeVar("Item")
PAGE_BYTES = resource.getpagesize()
NONE_YET = -1
KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Died:
    """How a child ended that gave no result."""

    item: int
    """The number of the item it was at; NONE_YET before the first and after the last."""
    reason: str
    """too_slow, or crash with the signal's name; KILLED if it was ended from outside, or for want of memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one item may take: in the child, the items go through `each`."""

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


class Child:
    """A process that does `work`, call by call, and is started again when it has died."""

    def __init__(self, work: Callable[..., Any], limits: Limits) -> None:
        self.work = work
        self.limits = limits
        self.stop: Callable[[], Any] | None = None
        """Ends the process and gives its status; None where there is no process."""

    def __call__(self, *arguments: Any) -> Any | Died:
        """Call `work` in the child; what it returns is returned and what it raises is raised."""
        if self.stop is None:
            self.start()
        self.limits.at(NONE_YET)
        try:
            pickle.dump(arguments, self.requests)
            self.requests.flush()
            result, error = pickle.load(self.answers)
        except (EOFError, BrokenPipeError):
            assert self.stop is not None
            status, self.stop = self.stop(), None
            return Died(struct.unpack_from("q", self.limits.place)[0], why(status, self.limits.seconds))
        if error is not None:
            raise error
        return result

    def start(self) -> None:
        theirs, ours = os.pipe()
        answers, their_answers = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the child starts none
            child = os.fork()
        if not child:
            os.close(ours)
            os.close(answers)
            serve(self.work, theirs, their_answers)
        os.close(theirs)
        os.close(their_answers)
        self.requests: IO[bytes] = open(ours, "wb")  # noqa: SIM115 - closed in ended()
        self.answers: IO[bytes] = open(answers, "rb")  # noqa: SIM115
        self.stop = weakref.finalize(self, ended, child, self.requests, self.answers)


def ended(child: int, requests: IO[bytes], answers: IO[bytes]) -> int:
    """End a child that has nothing to do, or is dead; its status."""
    os.kill(child, signal.SIGKILL)  # another child may hold the pipe's end too, and closing ours would not be seen
    with suppress(BrokenPipeError):
        requests.close()
    answers.close()
    return os.waitpid(child, 0)[1]


def serve(work: Callable[..., Any], requests: int, answers: int) -> NoReturn:
    """In the child: answer until the parent is gone, and end without the parent's clean-up.

    The cyclic collector, left to itself, goes through all that the parent has made again and again.
    """
    try:
        gc.freeze()
        gc.disable()
        with open(requests, "rb") as inbox, open(answers, "wb") as outbox:
            while True:
                arguments = pickle.load(inbox)
                try:
                    answer = pickle.dumps((work(*arguments), None))
                except Exception as error:
                    answer = pickle.dumps((None, error))
                outbox.write(answer)
                outbox.flush()
                del answer, arguments
                gc.collect()
    finally:
        os._exit(0)


def why(status: int, seconds: float) -> str:
    """The reason in the status of a child that ended without an answer."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return f"too_slow: over {seconds:g} s"
        if number == signal.SIGKILL:
            return KILLED
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
