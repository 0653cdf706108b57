"""Work on items in a child process that the kernel ends when an item takes too much time or memory.

A time limit inside the process does not work: a signal handler waits until a call into C returns, an exception may be
swallowed, and running out of memory ends the whole worker. So the worker forks, and the child does the work and records
the item that it is working on. The kernel enforces the limits: RLIMIT_CPU is raised for each item, and RLIMIT_DATA is
the memory of the process at the start plus the limit. If the child dies, the parent learns at which item and why, and
the next call starts a new child.
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
from typing import IO, Generic, NoReturn, ParamSpec, TypeVar

Item = TypeVar("Item")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

PAGE_BYTES = resource.getpagesize()
NO_ITEM = -1
"""Item number before the first item and after the last."""
KILLED = "killed"
"""Reason for a child that was killed from outside, as the kernel does if memory runs out."""


@dataclass(frozen=True, slots=True)
class WorkerDeath:
    """The end of a child process that returned no result."""

    item: int
    """Number of the item that it was working on, or NO_ITEM."""
    reason: str
    """A key and details, such as "too_slow: over 1 s" or "crash: SIGSEGV"; KILLED if it was killed from outside."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The time and memory that one item may use; in the child, loop over the items with `iterate`."""

    seconds: float
    """CPU time; the kernel counts whole seconds and rounds up."""
    memory: int
    """Bytes beyond the memory of the process when the loop starts."""
    current_item: mmap = field(default_factory=lambda: mmap(-1, 8))
    """Number of the item that the child is working on, in memory shared with the parent."""

    def iterate(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items with the limits set for each; no limit holds before the first and after the last."""
        parent = os.getppid()
        set_soft_limit(resource.RLIMIT_DATA, data_segment_bytes() + self.memory)
        for number, item in enumerate(items):
            if os.getppid() != parent:
                os._exit(1)  # the parent is gone, so nobody would read the result
            self.set_current_item(number)
            set_soft_limit(resource.RLIMIT_CPU, 1 + int(time.process_time() + self.seconds))
            yield item
        self.set_current_item(NO_ITEM)
        set_soft_limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        set_soft_limit(resource.RLIMIT_DATA, resource.RLIM_INFINITY)

    def set_current_item(self, number: int) -> None:
        """Record the number of the item that is being worked on."""
        struct.pack_into("q", self.current_item, 0, number)


class SandboxedWorker(Generic[Arguments, Result]):
    """A child process that runs `work` once per call; after it has died, the next call starts a new one."""

    def __init__(self, work: Callable[Arguments, Result], limits: Limits) -> None:
        self.work = work
        self.limits = limits
        self.stop: Callable[[], int | None] | None = None
        """Finalizer that terminates the child and returns its exit status; None while there is no child."""

    def __call__(self, *arguments: Arguments.args, **keywords: Arguments.kwargs) -> Result | WorkerDeath:
        """Call `work` in the child; return its result, raise its exception, or return how the child died."""
        if self.stop is None:
            self.start()
        self.limits.set_current_item(NO_ITEM)
        result: Result
        try:
            pickle.dump((arguments, keywords), self.requests)
            self.requests.flush()
            result, error = pickle.load(self.answers)
        except (EOFError, BrokenPipeError):
            assert self.stop is not None
            status, self.stop = self.stop(), None
            assert status is not None
            (item,) = struct.unpack_from("q", self.limits.current_item)
            return WorkerDeath(item, death_reason(status, self.limits.seconds))
        if error is not None:
            raise error
        return result

    def start(self) -> None:
        """Fork a child that serves calls."""
        request_reader, request_writer = os.pipe()
        answer_reader, answer_writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about forking with threads: the child uses none
            child = os.fork()
        if not child:
            os.close(request_writer)
            os.close(answer_reader)
            serve(self.work, request_reader, answer_writer)
        os.close(request_reader)
        os.close(answer_writer)
        self.requests: IO[bytes] = open(request_writer, "wb")  # noqa: SIM115 - closed in terminate()
        self.answers: IO[bytes] = open(answer_reader, "rb")  # noqa: SIM115
        self.stop = weakref.finalize(self, terminate, child, self.requests, self.answers)


def terminate(child: int, requests: IO[bytes], answers: IO[bytes]) -> int:
    """Kill a child that is idle or dead, close its pipes, and return its exit status."""
    os.kill(child, signal.SIGKILL)  # closing the pipe may not end it: another child may have inherited the write end
    with suppress(BrokenPipeError):
        requests.close()
    answers.close()
    return os.waitpid(child, 0)[1]


def serve(work: Callable[Arguments, Result], requests: int, answers: int) -> NoReturn:
    """Answer calls in the child until the parent is gone, then exit without running the parent's exit handlers.

    Automatic garbage collection is off, because it would repeatedly scan the objects inherited from the parent.
    """
    try:
        gc.freeze()
        gc.disable()
        with open(requests, "rb") as inbox, open(answers, "wb") as outbox:
            while True:
                arguments, keywords = pickle.load(inbox)
                try:
                    answer = pickle.dumps((work(*arguments, **keywords), None))
                except Exception as error:
                    answer = pickle.dumps((None, error))
                outbox.write(answer)
                outbox.flush()
                del answer, arguments, keywords
                gc.collect()
    finally:
        os._exit(0)


def death_reason(status: int, seconds: float) -> str:
    """Return the reason for the death of a child, from its exit status."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return f"too_slow: over {seconds:g} s"
        if number == signal.SIGKILL:
            return KILLED
        return f"crash: {signal.Signals(number).name}"
    return f"crash: exit code {os.WEXITSTATUS(status)}"


def data_segment_bytes() -> int:
    """Return the memory that RLIMIT_DATA counts: private and writable, in bytes."""
    statm = Path("/proc/self/statm")  # only on Linux; other systems do not enforce the limit
    return int(statm.read_text().split()[5]) * PAGE_BYTES if statm.exists() else 0


def set_soft_limit(kind: int, limit: int) -> None:
    """Set a soft limit, or the hard limit if that is lower."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        limit = hard if limit == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, hard))
