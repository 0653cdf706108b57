"""Artefact folders: what every stage reads and writes.

A stage reads finished folders and writes one. While it works, the folder is called `<name>.partial`; when everything
is in it, `manifest.json` is written into it and the folder is renamed. So a folder without that suffix is finished,
and a stage that was killed leaves its parents, its former result and its own finished units as they were.

    files       files that appear only when they are complete; JSON, digests, sizes
    layout      the folders of a dump's artefacts, and the file names that every artefact has
    manifest    the records of an artefact, and the differences between two records
    artefact    a finished folder, opened for reading
    lock        a lock, so that one process at a time builds a folder
    builder     a folder that is being built: started, resumed, finished
"""
