"""STAGE corpus, from text of one's own instead of a dump: files of JSON lines -> the same artefact.

The files are cut into parts by their size alone and the executor's workers read them (`parts.py`), so the same files
come out of any number of workers. Every line of every file is checked before anything is finished: what is wrong is
told with file and line, the first `TOLD` of it and how much there is in all.

The files' digests are the artefact's parents: it is known again by their content, wherever they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

from pipeline.corpus import title_lists as lists
from pipeline.corpus.account import ALWAYS, refuse_empty
from pipeline.corpus.build import STAGE, write_site
from pipeline.corpus.card import card
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.jsonl.parts import TOLD, Part, ReadPart, cut, seen_path
from pipeline.corpus.rows import REDIRECTS, write_rows
from pipeline.corpus.titles import SiteInfo
from pipeline.corpus.xml.read_pass import note_path
from pipeline.errors import PipelineError
from pipeline.execution.console import console, working
from pipeline.execution.context import Context
from pipeline.execution.map_units import map_units
from pipeline.execution.preflight import preflight, unpacked
from pipeline.io.duckdb import Connect, connect, parquet
from pipeline.io.input_files import given_files
from pipeline.store.builder import ArtefactBuilder, begin
from pipeline.store.files import digest, read_json, atomic_write
from pipeline.store.manifest import Counts, merged

FILE_CHARACTERS = 4_000_000
"""Of text, after which a file of articles ends, as in the corpus of a dump."""
SUFFIXES = (".jsonl", ".ndjson", ".json", ".gz")

COUNT = "SELECT count(*), count(DISTINCT id) FROM read_parquet($seen)"
TWICE = """
SELECT min(part * $room + line, 2) AS places, id FROM read_parquet($seen)
GROUP BY id HAVING count(*) > 1 ORDER BY places[2] LIMIT $told
"""
ROOM = 1 << 40
"""Lines that a part could have: part * ROOM + line orders the lines of all parts."""


def build(config: CorpusConfig, context: Context) -> None:
    """Make the artefact `corpus` from `config.files`.

    Raises:
        PipelineError: a file is missing or damaged, a line is wrong, or no article is left.
    """
    target = context.layout.folder(STAGE)
    files = given_files(config.files, key="corpus.files", suffixes=SUFFIXES, target=target)
    titles = lists.read(config)
    parents = {path.name: digest(path) for path in files} | lists.parents(config)
    job = begin(target, stage=STAGE, config=config, parents=parents, overwrite=context.overwrite)
    if job is None:
        console.print(f"corpus: {target} is up to date")
        return
    preflight(job, {"own": unpacked(files)}, context.executor)
    parts = cut(files)
    units = [f"{number:05d}" for number in range(len(parts))]
    work = ReadPart(
        parts=tuple(parts),
        folder=job.folder,
        work=job.work,
        config=config,
        choice=lists.choice(titles, config, job.work),
        file_characters=FILE_CHARACTERS,
    )
    read = merged(map_units(work, units, scratch=job.work, label="read", executor=context.executor))
    counts = merged([dict.fromkeys(ALWAYS, 0), read, {"files.seen": len(files)}])
    connect = partial(connect, context.executor.memory_gb, job.work / "duckdb")
    refuse_wrong(job, parts, units, counts, connect)
    counts |= lists.account(titles, [seen_path(job.work, unit) for unit in units], connect)
    place = f"corpus.files, {len(files)} file(s), the first {files[0]}"
    refuse_empty(job, counts, place=place, needed="lines with text are needed")
    write_rows(job.folder / "redirects-00000.parquet", [], REDIRECTS)  # titles of one's own have none
    site = SiteInfo(dbname="", language=config.language, base="", first_letter=False, namespaces={0: ""})
    write_site(job, site, counts)
    with atomic_write(job.folder / "README.md") as file:
        file.write(card(site, counts, own=True))
    with working("sums"):
        job.finish(counts)
    told = {key: f"{number:,}" for key, number in counts.items()}
    console.print(
        f"corpus: {len(files)} file(s) of text ({site.language}) -> {target}\n"
        f"  pages: {told['pages.seen']} seen = {told['pages.articles']} articles, {others(counts)}\n"
        f"  links: {told['links.kept']}, text: {told['characters.text']} characters"
    )


def others(counts: Counts) -> str:
    """What became of the pages that are no articles."""
    pages = {key.removeprefix("pages."): number for key, number in counts.items() if key.startswith("pages.")}
    fates = {key: number for key, number in pages.items() if "." in key}
    return ", ".join(f"{fate} {number:,}" for fate, number in fates.items() if number) or "no others"


# ---------------------------------------------------------------------------------------------- what is wrong


def refuse_wrong(job: ArtefactBuilder, parts: Sequence[Part], units: Sequence[str], counts: Counts, connect: Connect) -> None:
    """Stop if a line is wrong or an id stands twice; what was made is thrown away, since the files must change."""
    notes = [read_json(note_path(job.work, unit)) for unit in units]
    before = first_lines(parts, [note["lines"] for note in notes])

    def place(part: int, line: int) -> str:
        """`line` 0: the file as such."""
        return f"{parts[part].path.name}:{before[part] + line}" if line else parts[part].path.name

    ids, surplus = twice(job, units, connect)
    wrong = counts.get("lines.wrong", 0) + surplus
    if not wrong:
        return
    told = [(part, line, text) for part, note in enumerate(notes) for line, text in note["problems"]]
    told += [(*second, f"the id {name!r} stands at {place(*first)} already") for first, second, name in ids]
    listed = "\n".join(f"  {place(part, line)}: {text}" for part, line, text in sorted(told)[:TOLD])
    job.discard()
    raise PipelineError(
        f"corpus.files: {wrong:,} of {counts['pages.seen']:,} lines cannot be used"
        f"{f', the first {TOLD}' if wrong > TOLD else ''}:\n{listed}\n"
        "Mend the files and run this again; what a line may hold is in the README, under 'Your own text'."
    )


def first_lines(parts: Sequence[Part], lengths: Sequence[int]) -> list[int]:
    """How many lines of its file lie before each part."""
    ends = [0, *accumulate(lengths)]
    starts: dict[Path, int] = {}
    for part, end in zip(parts, ends, strict=False):
        starts.setdefault(part.path, end)
    return [end - starts[part.path] for part, end in zip(parts, ends, strict=False)]


Place = tuple[int, int]
"""A part and a line of it."""


def twice(job: ArtefactBuilder, units: Sequence[str], connect: Connect) -> tuple[list[tuple[Place, Place, str]], int]:
    """The first ids that stand more than once, with their first two places; and how many lines are too many."""
    values = {"seen": parquet(seen_path(job.work, unit) for unit in units)}
    with connect() as connection:
        lines, ids = connection.execute(COUNT, values).fetchone() or (0, 0)
        rows = connection.execute(TWICE, {**values, "room": ROOM, "told": TOLD}).fetchall() if lines > ids else []
    return [(divmod(places[0], ROOM), divmod(places[1], ROOM), name) for places, name in rows], lines - ids
