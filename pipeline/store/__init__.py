"""Artefact folders: what every stage reads and writes.

A stage reads finished folders and writes one. While it works, the folder is called `<name>.partial`; when everything
is in it, `manifest.json` is written into it and the folder is renamed. So a folder without that suffix is finished,
and a stage that was killed leaves its parents, its former result and its own finished units as they were.

    files       a file that appears whole or not at all; JSON, digests, sizes
    layout      where the artefacts of a dump lie, and what has a name of its own in each
    manifest    what is recorded of an artefact, and what has changed since
    artefact    a finished folder, opened for reading
    lock        one process at a time makes a folder
    job         a folder in the making: begun, gone on with, finished
"""
