"""What a person sees of a running stage: messages on stderr, progress bars on a terminal, lines in a log."""

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
"""Between two lines of a bar where there is no terminal to draw it on."""
DRAWN = BarColumn, SpinnerColumn


@contextmanager
def progress_bar(*columns: ProgressColumn, shown: bool = True, transient: bool = False) -> Iterator[Progress]:
    """A bar on a terminal while the block feeds it; elsewhere, such as in a batch job's log, what it says as lines.

    Args:
        columns: what it shows, if not how many of how many.
        shown: false in a process that leaves it to another one.
        transient: whether the bar vanishes with its end.
    """
    bar = Progress(
        *(columns or counting()), console=console, transient=transient, disable=not (shown and console.is_terminal)
    )
    over = threading.Event()

    def tell() -> None:
        while not over.wait(LINE_SECONDS):
            for task in bar.tasks:
                parts = [str(column(task)) for column in bar.columns if not isinstance(column, (str, *DRAWN))]
                console.print(Text("  " + " ".join(" ".join(parts).split())))

    thread = threading.Thread(target=tell, daemon=True)
    if shown and not console.is_terminal:
        thread.start()
    try:
        with bar:
            yield bar
    finally:
        over.set()
        if thread.ident:
            thread.join()


def counting() -> Sequence[ProgressColumn]:
    """How many of how many, since when and how much longer."""
    named = TextColumn("{task.description:<22}", markup=False)
    return named, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()


@contextmanager
def working(label: str) -> Iterator[None]:
    """Shows that something goes on whose length nobody knows, and since when."""
    columns = TextColumn("{task.description:<22}", markup=False), SpinnerColumn(), TimeElapsedColumn()
    with progress_bar(*columns, transient=True) as bar:
        bar.add_task(label, total=None)
        yield
