"""The exception for errors that the user can fix, and the program's exit codes.

The command line prints the message of a PipelineError without a traceback and exits with `USER_ERROR_EXIT_CODE`. Any
other exception is a bug of this program and keeps its traceback.
"""

import errno
import os
from pathlib import Path

USER_ERROR_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130
"""The exit code that shells report for a program ended by Ctrl-C."""
DISK_ERRNOS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR})

DISK_FULL = os.strerror(errno.ENOSPC)
DUCKDB_DISK_LIMIT = "'max_temp_directory_size'"
"""DuckDB's setting that limits its temporary files; by default all free space. Its errors name the setting."""


class PipelineError(Exception):
    """An error that the user can fix: the message says what is wrong, where, what is allowed and what to do."""


def disk_error_message(error: Exception, place: Path | str) -> str | None:
    """Return a message for the user if `error` is a disk problem (full, read-only, no permission), else None.

    Args:
        error: any exception. DuckDB and libraries written in Rust raise errors of their own types, which only quote
            the operating system's message.
        place: file or folder to name if the error does not name one.
    """
    if isinstance(error, OSError):
        problem = f"{error.filename or place}: {error.strerror}" if error.errno in DISK_ERRNOS else None
    else:
        problem = f"{place}: {DISK_FULL}" if DISK_FULL in str(error) or DUCKDB_DISK_LIMIT in str(error) else None
    return problem and f"{problem}; make room or choose another place, and run this again"
