"""The files that a config names, by paths or glob patterns: a dump's (`dump.files`) or text of one's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.store.layout import partial


def given_files(patterns: Sequence[str], *, key: str, suffixes: Sequence[str], target: Path) -> list[Path]:
    """Absolute paths, in the order of the files' names, which must differ: manifests go by them.

    Args:
        key: the config's, which is named to people.
        suffixes: one of which each name ends in.
        target: the folder that is made of the files; what lies in it would go when it is made anew.

    Raises:
        PipelineError: a file is not there, cannot be read, lies in `target`, or is named in a way that cannot be used.
    """
    files: dict[str, Path] = {}
    for pattern in patterns:
        matches = sorted(glob(str(Path(pattern).expanduser()), recursive=True)) or [pattern]
        for path in (Path(match).expanduser().absolute() for match in matches):
            if path.is_dir():
                raise PipelineError(f"{key}: {path} is a folder: name its files, such as {path}/*{suffixes[0]}")
            if not path.is_file():
                raise PipelineError(f"{key}: {path} is not there")
            if not os.access(path, os.R_OK):
                raise PipelineError(f"{key}: {path} cannot be read: its mode or its folder's forbids it")
            if path.suffix not in suffixes:
                raise PipelineError(f"{key}: {path} ends in {path.suffix!r}; allowed are {', '.join(suffixes)}")
            if any(path.parent.resolve().is_relative_to(folder.resolve()) for folder in (target, partial(target))):
                raise PipelineError(f"{key}: {path} lies in the folder that is made of it: move it to another place")
            if files.setdefault(path.name, path) != path:
                raise PipelineError(
                    f"{key} names two files {path.name}: {files[path.name]} and {path}; names must differ"
                )
    return [files[name] for name in sorted(files)]
