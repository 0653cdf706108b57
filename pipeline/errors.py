"""The one exception that is addressed to the person at the keyboard.

`program` prints its message without a traceback and exits with `EXIT_CODE`; every other exception is a bug of ours
and keeps its traceback.
"""

import errno
import os

EXIT_CODE = 2
INTERRUPTED = 130
"""The shell's own code for a program that Ctrl-C ended."""
DISK = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR})

FULL = os.strerror(errno.ENOSPC)
SPILLED = "'max_temp_directory_size'"
"""DuckDB's limit for what it puts on the disk, by default what is free there."""


class PipelineError(Exception):
    """Something the user can mend: the message says what was wrong, where, what is allowed and what to do."""


def disks(error: Exception, place: object) -> str | None:
    """What to tell where the disk is full, or closed to us, which is the user's to mend wherever it shows; None for
    any other error.

    Args:
        place: named where the error names no file. DuckDB and what is written in Rust raise errors of their own, which
            only quote the system's.
    """
    if isinstance(error, OSError):
        told = f"{error.filename or place}: {error.strerror}" if error.errno in DISK else None
    else:
        told = f"{place}: {FULL}" if FULL in str(error) or SPILLED in str(error) else None
    return told and f"{told}; make room or choose another place, and run this again"
