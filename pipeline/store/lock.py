"""One process at a time makes a folder; a killed one holds nothing."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pipeline.errors import PipelineError


def lock_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def claim(target: Path) -> None:
    """Hold `target` for this process until `release` or its end, however it ends; two at work would mix their files.

    Where nothing can be written or locked (a finished folder of someone else's, a file system without locks) there is
    no lock.

    Raises:
        PipelineError: another process holds it.
    """
    path = lock_path(target)
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # never closed: the lock is this process's
        except OSError:
            return
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            os.close(descriptor)
            raise PipelineError(
                f"{target} is being made by another process: wait for it, or stop it and run this again to go on"
            ) from error
        except OSError:
            return
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return
        os.close(descriptor)  # its former holder has just removed it


def release(target: Path) -> None:
    with suppress(OSError):
        lock_path(target).unlink(missing_ok=True)
