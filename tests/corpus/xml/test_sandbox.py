"""The sandbox: a child process dies if an item takes too much time or memory, and the parent learns the item."""

import errno
import os
import re
import signal
import time
from collections.abc import Callable

import pytest

from pipeline.corpus.xml.sandbox import KILLED, NO_ITEM, Limits, SandboxedWorker, WorkerDeath

LIMITS = {"seconds": 1.0, "memory": 64 << 20}


def test_results_and_exceptions_of_the_child_reach_the_caller() -> None:
    limits = Limits(**LIMITS)
    assert SandboxedWorker(lambda items: [item * 2 for item in limits.iterate(items)], limits)("ab") == ["aa", "bb"]
    assert SandboxedWorker(os.getpid, limits)() != os.getpid()
    with pytest.raises(OSError, match="No such file") as caught:
        SandboxedWorker(os.open, limits)("/nowhere/at/all", os.O_RDONLY)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, "/nowhere/at/all")


def test_a_loop_in_c_that_no_signal_handler_can_interrupt_is_killed() -> None:
    limits = Limits(**LIMITS)

    def work() -> None:
        for item in limits.iterate([0, 1, 2]):
            if item == 1:
                re.match(r"(a+)+$", "a" * 40 + "b")  # one call into C that would take years

    start = time.process_time()
    assert SandboxedWorker(work, limits)() == WorkerDeath(1, "too_slow: over 1 s")
    assert time.process_time() - start < 1  # the parent only waits


def test_each_item_has_its_own_time() -> None:
    limits = Limits(**LIMITS)

    def work() -> int:
        for _ in limits.iterate(range(2)):
            end = time.process_time() + 0.7
            while time.process_time() < end:
                pass
        return 2

    assert SandboxedWorker(work, limits)() == 2


def test_an_item_cannot_allocate_memory_beyond_the_limit() -> None:
    limits = Limits(**LIMITS)

    def work() -> list[str]:
        seen = []
        for size in limits.iterate([1 << 20, 256 << 20, 1 << 20]):
            try:
                seen.append(str(len(bytearray(size))))
            except MemoryError:
                seen.append("refused")
        return [*seen, str(len(bytearray(256 << 20)))]  # no limit holds after the last

    assert SandboxedWorker(work, limits)() == ["1048576", "refused", "1048576", "268435456"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGTRAP), "crash: SIGTRAP"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), KILLED),
        (lambda: os._exit(7), "crash: exit code 7"),
    ],
)
def test_a_crash_is_reported_with_the_item(end: Callable[[], None], reason: str) -> None:
    limits = Limits(**LIMITS)

    def work() -> None:
        for item in limits.iterate("abc"):
            if item == "c":
                end()

    assert SandboxedWorker(work, limits)() == WorkerDeath(2, reason)
    assert SandboxedWorker(os._exit, limits)(3) == WorkerDeath(NO_ITEM, "crash: exit code 3")


def test_a_child_serves_until_it_dies_and_a_new_one_replaces_it() -> None:
    limits = Limits(**LIMITS)
    child = SandboxedWorker(lambda ends: os._exit(1) if ends else os.getpid(), limits)
    first = child(False)
    assert child(False) == first
    assert child(True) == WorkerDeath(NO_ITEM, "crash: exit code 1")
    second = child(False)
    assert second not in (first, os.getpid())
    del child
    with pytest.raises(ProcessLookupError):  # it is killed and reaped
        os.kill(second, 0)
