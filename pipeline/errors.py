"""The one exception that is addressed to the person at the keyboard.

`program` prints its message without a traceback and exits with `EXIT_CODE`; every other exception is a bug of ours
and keeps its traceback.
"""

import errno

EXIT_CODE = 2
INTERRUPTED = 130
"""The shell's own code for a program that Ctrl-C ended."""
DISK = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR})


class PipelineError(Exception):
    """Something the user can mend: the message says what was wrong, where, what is allowed and what to do."""


def is_disks(error: OSError) -> bool:
    """Whether the disk is full, or closed to us: the user's to mend, wherever it shows."""
    return error.errno in DISK
