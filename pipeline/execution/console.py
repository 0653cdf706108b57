"""Console output of a running stage: messages on stderr, progress bars on a terminal, lines in a log."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
"""Markup and emoji are off: "[b]" or ":x:" in a path or a title is printed literally."""
LINE_SECONDS = 60.0
"""Time between two lines of a progress bar when there is no terminal to draw it on."""
DRAWN_COLUMNS = BarColumn, SpinnerColumn
"""Columns that have no text, so that lines leave them out."""


def print_page(text: str) -> None:
    """Print text to stdout; end the program quietly if the reader of a pipe has ended, as `head` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        Console().on_broken_pipe()


@contextmanager
def progress_bar(*columns: ProgressColumn, shown: bool = True, transient: bool = False) -> Iterator[Progress]:
    """Show a progress bar while the block updates it; without a terminal (a batch job's log) print its text as lines.

    Args:
        columns: columns of the bar; by default those of `counting_columns`.
        shown: false in processes that must print nothing because another one shows the bar.
        transient: whether the bar disappears when the block ends.
    """
    bar = Progress(
        *(columns or counting_columns()),
        console=console,
        transient=transient,
        disable=not (shown and console.is_terminal),
    )
    ended = threading.Event()

    def print_lines() -> None:
        while not ended.wait(LINE_SECONDS):
            for task in bar.tasks:
                parts = [str(column(task)) for column in bar.columns if not isinstance(column, (str, *DRAWN_COLUMNS))]
                console.print(Text("  " + " ".join(" ".join(parts).split())))

    thread = threading.Thread(target=print_lines, daemon=True)
    if shown and not console.is_terminal:
        thread.start()
    try:
        with bar:
            yield bar
    finally:
        ended.set()
        if thread.ident:
            thread.join()


def counting_columns() -> Sequence[ProgressColumn]:
    """Return columns that show a description, a bar, how many are done, the elapsed time and the remaining time."""
    description = TextColumn("{task.description:<22}", markup=False)
    times = TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    return description, BarColumn(), MofNCompleteColumn(), *times


@contextmanager
def spinner(description: str, *, shown: bool = True) -> Iterator[None]:
    """Show a spinner with the elapsed time while the block runs, for work of unknown length.

    Args:
        description: text before the spinner.
        shown: false in processes that must print nothing because another one shows the spinner.
    """
    columns = TextColumn("{task.description:<22}", markup=False), SpinnerColumn(), TimeElapsedColumn()
    with progress_bar(*columns, shown=shown, transient=True) as bar:
        bar.add_task(description, total=None)
        yield
