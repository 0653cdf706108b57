"""Run the pipeline as the command line does, and send it a signal at a chosen point; for test_train.py.

Usage: send_signal_at.py SIGNAL POINT NUMBER OVERRIDES...

SIGNAL is the name of a signal. POINT is `step` (after a training step), `save` (between the files of a checkpoint) or
`metrics` (after a line of metrics.jsonl). The process sends itself the signal at POINT for the NUMBERth time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from pipeline.cli import main as program
from pipeline.pretrain import checkpoint, metrics, train

POINTS: dict[str, tuple[Any, str]] = {
    "step": (train.Trainer, "train_step"),
    "save": (checkpoint, "sync"),
    "metrics": (metrics.MetricsWriter, "write"),
}


def send_signal_after_call(function: Callable[..., Any], number: int, name: str) -> Callable[..., Any]:
    """Wrap `function` so that its call `number` ends with the signal `name` to this process."""
    calls = 0

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        result = function(*args, **kwargs)
        if calls == number:
            os.kill(os.getpid(), signal.Signals[name])
        return result

    return wrapper


if __name__ == "__main__":
    signal_name, point, number, *overrides = sys.argv[1:]
    owner, name = POINTS[point]
    setattr(owner, name, send_signal_after_call(getattr(owner, name), int(number), signal_name))
    sys.argv = ["pipeline", *overrides]
    program.main()
