"""Items in a child process that ends when one of them takes too much, whatever it is that takes it."""

import errno
import os
import re
import signal
import time

import pytest

from pipeline.corpus.xml.sandbox import KILLED, NONE_YET, Child, Died, Limits

LIMITS = {"seconds": 1.0, "memory": 64 << 20}


def test_what_the_child_returns_and_raises_comes_back() -> None:
    limits = Limits(**LIMITS)
    assert Child(lambda items: [item * 2 for item in limits.each(items)], limits)("ab") == ["aa", "bb"]
    assert Child(os.getpid, limits)() != os.getpid()
    with pytest.raises(OSError, match="No such file") as caught:
        Child(os.open, limits)("/nowhere/at/all", os.O_RDONLY)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, "/nowhere/at/all")


def test_a_loop_in_c_that_no_signal_handler_would_interrupt_is_ended() -> None:
    limits = Limits(**LIMITS)

    def work() -> None:
        for item in limits.each([0, 1, 2]):
            if item == 1:
                re.match(r"(a+)+$", "a" * 40 + "b")  # one call into C, for years

    start = time.process_time()
    assert Child(work, limits)() == Died(1, "too_slow: over 1 s")
    assert time.process_time() - start < 1  # the parent only waits


def test_each_item_has_its_own_time() -> None:
    limits = Limits(**LIMITS)

    def work() -> int:
        for _ in limits.each(range(2)):
            end = time.process_time() + 0.7
            while time.process_time() < end:
                pass
        return 2

    assert Child(work, limits)() == 2


def test_memory_beyond_the_cap_is_refused_to_the_item_that_asks() -> None:
    limits = Limits(**LIMITS)

    def work() -> list[str]:
        seen = []
        for size in limits.each([1 << 20, 256 << 20, 1 << 20]):
            try:
                seen.append(str(len(bytearray(size))))
            except MemoryError:
                seen.append("refused")
        return [*seen, str(len(bytearray(256 << 20)))]  # no limit holds after the last

    assert Child(work, limits)() == ["1048576", "refused", "1048576", "268435456"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGTRAP), "crash: SIGTRAP"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), KILLED),
        (lambda: os._exit(7), "crash: exit code 7"),
    ],
)
def test_a_crash_is_told_with_the_item(end: object, reason: str) -> None:
    limits = Limits(**LIMITS)

    def work() -> None:
        for item in limits.each("abc"):
            if item == "c":
                end()  # type: ignore[operator]

    assert Child(work, limits)() == Died(2, reason)
    assert Child(os._exit, limits)(3) == Died(NONE_YET, "crash: exit code 3")


def test_one_child_serves_until_it_dies_and_then_another_does() -> None:
    limits = Limits(**LIMITS)
    child = Child(lambda ends: os._exit(1) if ends else os.getpid(), limits)
    first = child(False)
    assert child(False) == first
    assert child(True) == Died(NONE_YET, "crash: exit code 1")
    second = child(False)
    assert second not in (first, os.getpid())
    del child
    with pytest.raises(ProcessLookupError):  # and its parent has seen it end
        os.kill(second, 0)
