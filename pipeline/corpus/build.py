"""STAGE corpus: a dump's files -> articles with the spans of their links, redirects, quarantine.

Two passes over units, both resumable and spread over the executor's workers:

    read    a piece of a file   -> chunks of pages and templates in the scratch folder, redirects in the artefact
    parse   a chunk             -> articles-NNNNN.parquet, quarantine-NNNNN.parquet

Pieces and chunks are cut by their size alone, so the same files come out of any number of workers. The account: every
page seen is an article, a redirect, a template, in the quarantine or dropped for a reason; every link seen is kept
or dropped for a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.corpus import title_lists as lists
from pipeline.corpus.account import ALWAYS, refuse_empty, refuse_unmatched, tell
from pipeline.corpus.card import card
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.render.templates.definitions import write_definitions
from pipeline.corpus.titles import SiteInfo, default_site
from pipeline.corpus.xml.dump_reader import header_site
from pipeline.corpus.xml.pieces import pieces
from pipeline.corpus.xml.read_pass import ReadPiece, note_path
from pipeline.corpus.xml.render_pass import DEFINITIONS, ParseChunk
from pipeline.errors import PipelineError
from pipeline.execution.console import console, working
from pipeline.execution.context import Context
from pipeline.execution.map_units import map_units
from pipeline.execution.preflight import preflight, unpacked
from pipeline.io.duckdb import Connect, connect, parquet
from pipeline.store.artefact import Artefact, open_artefact
from pipeline.store.builder import ArtefactBuilder, begin
from pipeline.store.files import digest, read_json, write_json, atomic_write
from pipeline.store.layout import RUN
from pipeline.store.manifest import Counts, merged

STAGE = "corpus"
CHUNK_CHARACTERS = 4_000_000
"""Of wikitext, in one chunk: seconds of work, some 5,000 chunks in English Wikipedia."""
COUNT = "SELECT count(*), count(DISTINCT hash(id, title)) FROM read_parquet($pages)"
REPEATED = """
SELECT count(*), min(title), arg_min(first, title), arg_min(last, title) FROM (
    SELECT title, min(unit) AS first, max(unit) AS last
    FROM (SELECT id, title, parse_path(filename)[-2] AS unit FROM read_parquet($pages, filename = true))
    GROUP BY id, title HAVING count(*) > 1
)
"""
NEEDED = "a dump of articles is needed, such as Wikimedia's pages-articles"


def build(config: CorpusConfig, context: Context) -> None:
    """Make the artefact `corpus` from the artefact `dump`."""
    dump = open_artefact(context.layout.folder("dump"), stage="dump")
    target = context.layout.folder(STAGE)
    titles = lists.read(config)
    parents = {"dump": dump.fingerprint} | lists.parents(config)
    job = begin(target, stage=STAGE, config=config, parents=parents, overwrite=context.overwrite)
    if job is None:
        console.print(f"corpus: {target} is up to date")
        return
    files = dump_files(dump)
    preflight(job, {"corpus": unpacked(files)}, context.executor)
    site = common_site([header_site(path) for path in files], config)
    read, notes = first_pass(files, site, job, context)
    refuse_truncated([*notes.values()], config)
    pages = sorted((job.work / "pages").glob("*/*.parquet"))
    if not pages:
        refuse_empty(job, read, place=dump.folder, needed=NEEDED)
    connect = partial(connect, context.executor.memory_gb, job.work / "duckdb")
    with working("sort"):
        read |= repeated(pages, {unit: note["file"] for unit, note in notes.items()}, connect)
        write_definitions(sorted((job.work / "templates").glob("*.parquet")), job.work / DEFINITIONS, connect)
        redirects = sorted(job.folder.glob("redirects-*.parquet"))
        titles = lists.resolved(titles, site, connect, pages=pages, redirects=redirects)
        read |= lists.account(titles, pages, connect)
    refuse_unmatched(job, read)
    choice = lists.choice(titles, config, job.work)
    chunks = [path.relative_to(job.work) for path in pages]
    parsing = ParseChunk(
        chunks=tuple(chunks), folder=job.folder, work=job.work, site=site, config=config, choice=choice
    )
    numbers = [f"{number:05d}" for number in range(len(chunks))]
    parsed = merged(map_units(parsing, numbers, scratch=job.work, label="parse", executor=context.executor))
    counts = merged([dict.fromkeys(ALWAYS, 0), read, parsed])
    refuse_empty(job, counts, place=dump.folder, needed=NEEDED)
    write_site(job, site, counts)
    with atomic_write(job.folder / "README.md") as file:
        file.write(card(site, counts))
    with working("sums"):
        job.finish(counts)
    tell(target, site, counts)


def first_pass(
    files: list[Path], site: SiteInfo, job: ArtefactBuilder, context: Context
) -> tuple[Counts, dict[str, dict[str, Any]]]:
    """Sort the files' pages into chunks, templates and redirects; return the counts, and unit -> its piece's note."""
    parts = pieces(files)
    units = [f"{number:05d}" for number in range(len(parts))]
    reading = ReadPiece(
        pieces=tuple(parts),
        site=site,
        folder=job.folder,
        work=job.work,
        chunk_characters=CHUNK_CHARACTERS,
        threads=max(1, context.executor.workers // len(parts)) if context.executor.kind == "local" else 1,
    )
    read = merged(map_units(reading, units, scratch=job.work, label="read", executor=context.executor))
    notes = {unit: read_json(note_path(job.work, unit)) for unit in units}
    truncated = {note["file"] for note in notes.values() if note["truncated"]}
    return read | {"files.seen": len(files), "files.truncated": len(truncated)}, notes


def dump_files(dump: Artefact) -> list[Path]:
    """The dump's files, in the order of their names; what they are is found out by reading."""
    files = [dump.folder / name for name in sorted(dump.manifest["files"]) if not name.endswith(".json")]
    if not files:
        raise PipelineError(f"{dump.folder} lists no files: run the stage dump again (make dump ARGS=overwrite=true)")
    gone = [path for path in files if not path.is_file()]
    if gone:
        raise PipelineError(
            f"{gone[0]} leads to {gone[0].resolve()}, which is no longer there: put it back, "
            "or run the stage dump again with where it is now"
        )
    refuse_changed(files, dump)
    return files


def refuse_changed(files: list[Path], dump: Artefact) -> None:
    """Stop when a linked file is another one than the stage dump saw: the account would be of both."""
    seen = read_json(dump.folder / RUN).get("stats", {})
    for path in files:
        stat, known = path.stat(), dump.manifest["files"][path.name]
        touched = path.name in seen and seen[path.name] != [stat.st_size, stat.st_mtime_ns]
        if stat.st_size != known["bytes"] or (touched and digest(path) != known["sha256"]):
            raise PipelineError(
                f"{path.resolve()} has changed since the stage dump was finished: "
                "run that again first (make dump ARGS=overwrite=true, with the same dump.*)"
            )


def refuse_truncated(notes: list[dict[str, Any]], config: CorpusConfig) -> None:
    """Stop on a dump that ends too early, unless that is allowed."""
    cut = {note["file"]: note for note in reversed(notes) if note["truncated"]}
    if not cut or config.allow_truncated:
        return
    places = "\n".join(
        f"  {name}: at byte {note['read']:,} of {note['size']:,}, {note['place']}" for name, note in sorted(cut.items())
    )
    raise PipelineError(
        f"The dump ends too early, before </mediawiki>:\n{places}\n"
        f"Fetch it again; or take what is there with corpus.allow_truncated=true (what is read so far is kept)."
    )


def repeated(pages: list[Path], files: Mapping[str, str], connect: Connect) -> Counts:
    """How many pages stand in the dump more than once, as where two forms of one dump were given; tells it.

    Args:
        pages: the chunks.
        files: unit -> the file that it is of.
    """
    values = {"pages": parquet(pages)}
    with connect() as connection:
        seen, distinct = connection.execute(COUNT, values).fetchone() or (0, 0)
        if seen == distinct:
            return {}
        number, title, first, last = connection.execute(REPEATED, values).fetchone() or (0, "", "", "")
    console.print(
        f"corpus: {number:,} page(s) are in the dump more than once, {title!r} first (in "
        f"{' and '.join(sorted({files[first], files[last]}))}), and taken each time: give files that do not "
        "overlap"
    )
    return {"files.repeated_pages": number}


def common_site(headers: list[SiteInfo | None], config: CorpusConfig) -> SiteInfo:
    """The one wiki that all files are of, its language overridden if asked for; files without a header are taken for
    the others' wiki.

    Raises:
        PipelineError: the files are of several wikis.
    """
    described = {site.dbname or site.base: site for site in reversed(headers) if site}
    if len(described) > 1:
        raise PipelineError(
            f"The dump's files are of several wikis ({', '.join(sorted(described))}): "
            f"give each wiki a dump of its own (dump.name=...)"
        )
    if not described:
        return default_site(config.language or "en")
    (site,) = described.values()
    language = config.language or site.language or site.dbname.removesuffix("wiki").replace("_", "-") or "en"
    return replace(site, language=language)


def write_site(job: ArtefactBuilder, site: SiteInfo, counts: Counts) -> None:
    """What later stages need to know of the wiki; `dataset` splits sentences by its language."""
    facts = asdict(site) | {"articles": counts["pages.articles"]}
    del facts["prefixes"]
    write_json(job.folder / "site.json", facts)
