"""Run the pipeline as the command line does, and get a signal at a chosen point: for test_train.py.

Usage: signalled_at.py SIGNAL POINT NUMBER OVERRIDES...; SIGNAL is its name, POINT is `step`, `save` (between the two
files of a checkpoint) or `metrics` (after a line was written), NUMBER the call of it at whose end the signal comes.
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
    "step": (train.Trainer, "step"),
    "save": (checkpoint, "sync"),
    "metrics": (metrics.Metrics, "write"),
}


def signalling(function: Callable[..., Any], number: int, name: str) -> Callable[..., Any]:
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
    sent, point, number, *overrides = sys.argv[1:]
    owner, name = POINTS[point]
    setattr(owner, name, signalling(getattr(owner, name), int(number), sent))
    sys.argv = ["pipeline", *overrides]
    program.main()
