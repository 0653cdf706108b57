"""The one exception that is addressed to the person at the keyboard.

`__main__` prints its message without a traceback and exits with `EXIT_CODE`; every other exception is a bug of ours
and keeps its traceback.
"""

EXIT_CODE = 2


class PipelineError(Exception):
    """Something the user can mend: the message says what was wrong, where, what is allowed and what to do."""
