"""Launch pretraining or evaluation on several processes with `accelerate launch`.

The key `accelerate` names one of accelerate's config files in configs/launch/, or is the path of another one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import yaml

from pipeline.cli.paths import LAUNCH


def find_accelerate_config(name: str) -> Path:
    """Return the absolute path of the config file that `accelerate=<name>` selects.

    Raises:
        ValueError: there is no such name and no such file, or the file is not an accelerate config file.
    """
    names = sorted(path.stem for path in LAUNCH.glob("*.yaml"))
    path = LAUNCH / f"{name}.yaml" if name in names else Path(name).absolute()
    if not path.is_file():
        raise ValueError(
            f"accelerate is {name!r}: a name ({', '.join(names)}) or the path of an accelerate config file is needed"
        )
    try:
        content = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict):
        raise ValueError(
            f"accelerate is {name!r}, but this file is not an accelerate config file, which has keys and values in "
            "YAML: `accelerate config` writes one, and configs/launch/ has some"
        )
    return path


def choose_accelerate_config(name: str | None, *, gpus: int) -> Path:
    """Return the config file for a job on a cluster: by default `ddp` with GPUs, `cpu` without.

    Args:
        name: the value of the key `accelerate`.
        gpus: GPUs of each of the job's nodes.
    """
    return find_accelerate_config(name or ("ddp" if gpus else "cpu"))


def is_launched() -> bool:
    """Whether `accelerate launch` started this process."""
    # With one process accelerate sets no WORLD_SIZE.
    return "WORLD_SIZE" in os.environ or "ACCELERATE_MIXED_PRECISION" in os.environ


def exec_accelerate_launch(name: str) -> NoReturn:
    """Replace this process by `accelerate launch` of the same command; `name` is the value of the key `accelerate`."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(find_accelerate_config(name))]
    os.execv(sys.executable, [*launcher, "-m", "pipeline", *sys.argv[1:]])
