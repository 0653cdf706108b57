"""Title lists that a config names: UTF-8 text files with one title per line.

Blank lines, and white space around a title, are ignored. The corpus stage selects pages by such lists and the vocab
stage entities; each stage decides how it matches the titles.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError


def title_list_path(name: str, *, key: str) -> Path:
    """Return the path of the title list, with "~" expanded.

    Args:
        name: the value of the config key.
        key: the config key, for messages.

    Raises:
        PipelineError: the file does not exist.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise PipelineError(f"{key}={path} is not a file; give a text file with one title per line")
    return path


def read_title_list(path: Path, *, key: str) -> list[str]:
    """Return the titles as written, stripped, without blank lines.

    Raises:
        PipelineError: the file is not valid UTF-8 or contains no title.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise PipelineError(f"{key}={path} is not valid UTF-8 at byte {error.start}; save it as UTF-8") from None
    titles = [title for line in lines if (title := line.strip())]
    if not titles:
        raise PipelineError(f"{key}={path} contains no title; add one title per line, or leave {key} unset")
    return titles
