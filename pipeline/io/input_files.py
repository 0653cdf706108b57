"""The input files that a config names by paths or glob patterns: `dump.files` and `corpus.files`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.store.layout import partial_folder


def resolve_input_files(patterns: Sequence[str], *, key: str, suffixes: Sequence[str], target: Path) -> list[Path]:
    """Return the absolute paths of the files, sorted by file name.

    Args:
        patterns: paths or glob patterns; "~" and "**" are expanded.
        key: the config key, for messages.
        suffixes: the allowed file name suffixes, such as ".gz".
        target: the folder of the artefact that is built from the files. Building it again would delete files in it.

    Raises:
        PipelineError: a file is missing, a folder, unreadable, inside `target`, has another suffix, or has the same
            name as another file; manifests identify input files by name.
    """
    files: dict[str, Path] = {}
    for pattern in patterns:
        matches = sorted(glob(str(Path(pattern).expanduser()), recursive=True)) or [pattern]
        for path in (Path(match).expanduser().absolute() for match in matches):
            if path.is_dir():
                raise PipelineError(f"{key}: {path} is a folder; name its files, such as {path}/*{suffixes[0]}")
            if not path.is_file():
                raise PipelineError(f"{key}: {path} does not exist")
            if not os.access(path, os.R_OK):
                raise PipelineError(f"{key}: you have no permission to read {path}")
            if path.suffix not in suffixes:
                raise PipelineError(f"{key}: {path} ends in {path.suffix!r}; allowed are {', '.join(suffixes)}")
            outputs = (target.resolve(), partial_folder(target).resolve())
            if any(path.parent.resolve().is_relative_to(output) for output in outputs):
                raise PipelineError(f"{key}: {path} is inside the output folder of this stage; move it elsewhere")
            if files.setdefault(path.name, path) != path:
                raise PipelineError(
                    f"{key} has two files named {path.name}: {files[path.name]} and {path}; rename one of them"
                )
    return [files[name] for name in sorted(files)]
