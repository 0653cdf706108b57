"""Being told to stop: SIGTERM and SIGUSR1 raise a flag that the loop looks at after every step."""

from __future__ import annotations

import signal
from types import FrameType

from pipeline.execution.console import console

REQUEUE = 85
"""Exit code of a training that saved and wants to be started again; not one that a shell or Slurm uses itself."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopFlag:
    """While the block runs, the signals do not kill: they set `raised`."""

    def __init__(self) -> None:
        self.raised = False

    def __enter__(self) -> StopFlag:
        self.former = {number: signal.signal(number, self.receive) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.former.items():
            signal.signal(number, handler)

    def receive(self, number: int, _frame: FrameType | None) -> None:
        self.raised = True
        console.print(f"{signal.Signals(number).name}: finishing this step, saving, then exiting with {REQUEUE}")
