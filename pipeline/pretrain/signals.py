"""Stop a training run by a signal: SIGTERM and SIGUSR1 set a flag that the training loop checks in every step."""

from __future__ import annotations

import signal
from types import FrameType

from pipeline.execution.console import console

REQUEUE_EXIT_CODE = 85
"""Exit code of a training run that saved a checkpoint and is to be started again. Shells and Slurm do not use it."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopFlag:
    """A context manager in which `STOP_SIGNALS` set `is_set` and do not end the process."""

    def __init__(self) -> None:
        self.is_set = False

    def __enter__(self) -> StopFlag:
        self.previous_handlers = {number: signal.signal(number, self.handle) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous_handlers.items():
            signal.signal(number, handler)

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Set the flag and report the signal."""
        self.is_set = True
        name = signal.Signals(number).name
        console.print(f"{name}: finishing this step, saving a checkpoint, then exiting with code {REQUEUE_EXIT_CODE}")
