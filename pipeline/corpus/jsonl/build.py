"""Build the corpus from the user's own text: files of JSON lines -> the same artefact as from a dump.

The files are cut into parts by their size alone and the executor's workers read the parts (`parts.py`), so any number
of workers writes the same files. Every line of every file is checked before the stage finishes; the first
`MAX_PROBLEMS_LISTED` problems are reported with file and line, together with their total number.

The files' digests are the artefact's parents, so the files may move to another folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

from pipeline.corpus import title_lists
from pipeline.corpus.account import ALWAYS, finish_corpus, refuse_empty
from pipeline.corpus.artefact import redirects_name
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.jsonl.parts import MAX_PROBLEMS_LISTED, Part, PartNote, ReadPart, cut_into_parts, seen_path
from pipeline.corpus.rows import REDIRECT_SCHEMA, write_rows
from pipeline.corpus.titles import SiteInfo
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.map_units import map_units
from pipeline.execution.preflight import preflight, unpacked_bytes
from pipeline.execution.units import unit_names
from pipeline.io.duckdb import Connect, connect, literal_paths
from pipeline.io.input_files import resolve_input_files
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.files import file_digest
from pipeline.store.manifest import Counts, sum_counts

FILE_CHARACTERS = 4_000_000
"""Characters of text after which a file of articles ends, as in the corpus of a dump."""
SUFFIXES = (".jsonl", ".ndjson", ".json", ".gz")

COUNT_IDS = "SELECT count(*), count(DISTINCT id) FROM read_parquet($seen)"
REPEATED_IDS = """
SELECT min(part * $room + line, 2) AS places, id FROM read_parquet($seen)
GROUP BY id HAVING count(*) > 1 ORDER BY places[2] LIMIT $most
"""
ROOM = 1 << 40
"""More lines than a part can have: part * ROOM + line orders the lines of all parts."""

Place = tuple[int, int]
"""A part and a line in it; line 0 is the whole file."""


def build_from_jsonl(config: CorpusConfig, context: Context) -> None:
    """Build the artefact `corpus` from `config.files`.

    Raises:
        PipelineError: a file is missing or damaged, a line is wrong, or no article is left.
    """
    target = context.layout.folder("corpus")
    files = resolve_input_files(config.files, key="corpus.files", suffixes=SUFFIXES, target=target)
    titles = title_lists.read_titles(config)
    parents = {path.name: file_digest(path) for path in files} | title_lists.title_list_digests(config)
    builder = context.begin("corpus", config, parents)
    if builder is None:
        return
    preflight(builder, {"jsonl": unpacked_bytes(files)}, context.executor)
    parts = cut_into_parts(files)
    units = unit_names(len(parts))
    reading = ReadPart(
        parts=tuple(parts),
        folder=builder.folder,
        work=builder.work,
        config=config,
        page_filter=title_lists.write_page_filter(titles, config, builder.work),
        file_characters=FILE_CHARACTERS,
    )
    part_counts = map_units(reading, units, scratch=builder.work, step="read", executor=context.executor)
    counts = sum_counts([dict.fromkeys(ALWAYS, 0), *part_counts, {"files.seen": len(files)}])
    connect_here = partial(connect, context.executor.memory_gb, builder.work / "duckdb")
    refuse_wrong(builder, parts, units, counts, connect_here)
    counts |= title_lists.count_titles(titles, [seen_path(builder.work, unit) for unit in units], connect_here)
    place = f"corpus.files, {len(files)} file(s), the first {files[0]}"
    refuse_empty(builder, counts, place=place, needed="lines with text are needed")
    write_rows(builder.folder / redirects_name("00000"), [], REDIRECT_SCHEMA)  # the user's own titles have none
    site = SiteInfo(dbname="", language=config.language, base="", first_letter=False, namespaces={0: ""})
    finish_corpus(builder, site, counts, is_own_text=True)


# ---------------------------------------------------------------------------------------------- wrong lines


def refuse_wrong(
    builder: ArtefactBuilder, parts: Sequence[Part], units: Sequence[str], counts: Counts, connect_here: Connect
) -> None:
    """Raise PipelineError and delete the partial folder if a line is wrong or an id occurs twice."""
    notes = [PartNote.read(builder.work, unit) for unit in units]
    before = lines_before(parts, [note.lines for note in notes])

    def describe(part: int, line: int) -> str:
        name = parts[part].path.name
        return f"{name}:{before[part] + line}" if line else name

    repeated, surplus = repeated_ids(builder, units, connect_here)
    wrong = counts.get("lines.wrong", 0) + surplus
    if not wrong:
        return
    problems = [(part, problem.line, problem.text) for part, note in enumerate(notes) for problem in note.problems]
    problems += [
        (*second, f"the id {name!r} is already used in {describe(*first)}") for first, second, name in repeated
    ]
    listed = "\n".join(
        f"  {describe(part, line)}: {text}" for part, line, text in sorted(problems)[:MAX_PROBLEMS_LISTED]
    )
    builder.discard()
    raise PipelineError(
        f"corpus.files: {wrong:,} of {counts['pages.seen']:,} lines cannot be used"
        f"{f', the first {MAX_PROBLEMS_LISTED}' if wrong > MAX_PROBLEMS_LISTED else ''}:\n{listed}\n"
        "Fix the files and run this again; docs/corpus.md describes the fields of a line under 'Your own text'."
    )


def lines_before(parts: Sequence[Part], lengths: Sequence[int]) -> list[int]:
    """Return, for each part, the number of lines of its file before it."""
    ends = [0, *accumulate(lengths)]
    starts: dict[Path, int] = {}
    for part, end in zip(parts, ends, strict=False):
        starts.setdefault(part.path, end)
    return [end - starts[part.path] for part, end in zip(parts, ends, strict=False)]


def repeated_ids(
    builder: ArtefactBuilder, units: Sequence[str], connect_here: Connect
) -> tuple[list[tuple[Place, Place, str]], int]:
    """Return the first ids that occur more than once, with their first two places, and the number of surplus lines."""
    values = {"seen": literal_paths(seen_path(builder.work, unit) for unit in units)}
    limits = {"room": ROOM, "most": MAX_PROBLEMS_LISTED}
    with connect_here() as connection:
        lines, ids = connection.execute(COUNT_IDS, values).fetchone() or (0, 0)
        rows = connection.execute(REPEATED_IDS, {**values, **limits}).fetchall() if lines > ids else []
    return [(divmod(places[0], ROOM), divmod(places[1], ROOM), name) for places, name in rows], lines - ids
