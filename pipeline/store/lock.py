"""A lock per artefact folder: one process builds it at a time, and a killed process holds no lock."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pipeline.errors import PipelineError


def lock_path(target: Path) -> Path:
    """Return the lock file of an artefact's folder."""
    return target.with_name(f".{target.name}.lock")


def acquire_lock(target: Path) -> None:
    """Lock `target` for this process until `release_lock` is called or the process ends.

    If the folder cannot be written or locked (a finished folder of another user, a file system without locks), it is
    not locked.

    Raises:
        PipelineError: another process holds the lock.
    """
    path = lock_path(target)
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # never closed: closing would drop the lock
        except OSError:
            return
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            os.close(descriptor)
            raise PipelineError(
                f"another process is building {target}: wait for it, or stop it and run this again to resume"
            ) from error
        except OSError:
            return
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return
        os.close(descriptor)  # the previous holder has just removed this file: try with the new one


def release_lock(target: Path) -> None:
    """Remove the lock file."""
    with suppress(OSError):
        lock_path(target).unlink(missing_ok=True)
