"""SIGTERM and SIGUSR1 set a flag instead of ending the process."""

from __future__ import annotations

import os
import signal

import pytest

from pipeline.pretrain.signals import StopFlag


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_stop_signal_sets_the_flag(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise AssertionError(f"{number.name} is not handled")

    before = signal.signal(number, fail)  # without a handler, the signal would end pytest
    try:
        with StopFlag() as stop:
            assert not stop.is_set
            os.kill(os.getpid(), number)
            assert stop.is_set
        assert signal.getsignal(number) is fail
    finally:
        signal.signal(number, before)
    assert capsys.readouterr().err.startswith(f"{number.name}: ")
