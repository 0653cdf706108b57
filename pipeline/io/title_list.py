"""Lists of titles that a config names: text files in UTF-8, a title a line, blank lines and outer white space ignored.

Corpus chooses pages by them, vocab entities. How a title of a list is compared with those of pages is the stage's.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError


def file_of(name: str, *, key: str) -> Path:
    """The file that the config's `key` names.

    Raises:
        PipelineError: it is not there.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise PipelineError(f"{key}={path} is not a file: give a text file with a title a line")
    return path


def titles_of(path: Path, *, key: str) -> list[str]:
    """The titles as they stand there.

    Raises:
        PipelineError: it is no UTF-8, or holds no title.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise PipelineError(f"{key}={path} is no UTF-8 at byte {error.start}: only UTF-8 is read") from None
    titles = [title for line in lines if (title := line.strip())]
    if not titles:
        raise PipelineError(f"{key}={path} holds no title: give some, or leave {key} out")
    return titles
