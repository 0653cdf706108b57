"""Messages of errors that the user can fix."""

from __future__ import annotations

import errno
import os

import pytest

from pipeline.errors import disk_error_message

ADVICE = "make room or choose another place, and run this again"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.txt"), f"a.txt: No space left on device; {ADVICE}"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), f"data: Permission denied; {ADVICE}"),
        (RuntimeError("IO error: No space left on device (os error 28)"), f"data: No space left on device; {ADVICE}"),
        (RuntimeError("see 'max_temp_directory_size'"), f"data: No space left on device; {ADVICE}"),
        (OSError(errno.ENOENT, os.strerror(errno.ENOENT), "a.txt"), None),
        (RuntimeError("failed"), None),
    ],
    ids=["full", "no permission", "full, from Rust", "full, from DuckDB", "missing file", "another error"],
)
def test_disk_errors_name_the_file_or_the_place(error: Exception, message: str | None) -> None:
    assert disk_error_message(error, "data") == message
