"""Launching pretraining on several processes with `accelerate launch`.

The key `accelerate` names one of accelerate's config files in configs/launch/, or is the path of another one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

LAUNCH = Path(__file__).resolve().parents[2] / "configs" / "launch"


def accelerate_file(name: str) -> Path:
    """Return the absolute path of the file that `accelerate=<name>` stands for.

    Raises:
        ValueError: there is no such name and no such file.
    """
    names = sorted(path.stem for path in LAUNCH.glob("*.yaml"))
    path = LAUNCH / f"{name}.yaml" if name in names else Path(name).absolute()
    if not path.is_file():
        raise ValueError(
            f"accelerate is {name!r}: a name ({', '.join(names)}) or the path of an accelerate config file is needed"
        )
    return path


def cluster_accelerate_file(name: str | None, *, gpus: int) -> Path:
    """Return the file for a job on a cluster, by default `ddp` with GPUs and `cpu` without.

    Args:
        name: the value of the key `accelerate`.
        gpus: GPUs of each of the job's nodes.
    """
    return accelerate_file(name or ("ddp" if gpus else "cpu"))


def is_launched() -> bool:
    """Whether `accelerate launch` started this process."""
    # With one process accelerate sets no WORLD_SIZE.
    return "WORLD_SIZE" in os.environ or "ACCELERATE_MIXED_PRECISION" in os.environ


def exec_accelerate_launch(name: str) -> NoReturn:
    """Replace this process by `accelerate launch` of the same command; `name` is the value of the key `accelerate`."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(accelerate_file(name))]
    os.execv(sys.executable, [*launcher, "-m", "pipeline", *sys.argv[1:]])
