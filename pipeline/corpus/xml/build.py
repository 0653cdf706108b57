"""Build the corpus from a dump: articles with the spans of their links, redirects, quarantine.

Two passes over units, both resumable and spread over the executor's workers:

    read     a piece of a file   -> chunks of pages and templates in the scratch folder, redirects in the artefact
    render   a chunk             -> articles-NNNNN.parquet, quarantine-NNNNN.parquet

Pieces and chunks are cut by their size alone, so any number of workers writes the same files. The account: every page
seen is an article, a redirect, a template, in the quarantine or dropped for a reason; every link seen is kept or
dropped for a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.corpus import title_lists
from pipeline.corpus.account import ALWAYS, finish_corpus, refuse_empty, refuse_unmatched
from pipeline.corpus.artefact import REDIRECTS
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.render.templates.definition_file import write_definitions
from pipeline.corpus.titles import SiteInfo, default_site
from pipeline.corpus.xml.dump_reader import read_site
from pipeline.corpus.xml.pieces import cut_into_pieces
from pipeline.corpus.xml.read_pass import PieceNote, ReadPiece
from pipeline.corpus.xml.render_pass import DEFINITIONS_FILE, RenderChunk
from pipeline.dump.artefact import Dump
from pipeline.errors import PipelineError
from pipeline.execution.console import console, spinner
from pipeline.execution.context import Context
from pipeline.execution.map_units import map_units
from pipeline.execution.preflight import preflight, unpacked_bytes
from pipeline.execution.units import unit_names
from pipeline.io.duckdb import Connect, connect, literal_paths
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.manifest import Counts, sum_counts

CHUNK_CHARACTERS = 4_000_000
"""Characters of wikitext in one chunk: seconds of work; English Wikipedia has some 5,000 chunks."""
COUNT_PAGES = "SELECT count(*), count(DISTINCT hash(id, title)) FROM read_parquet($pages)"
REPEATED_PAGES = """
SELECT count(*), min(title), arg_min(first, title), arg_min(last, title) FROM (
    SELECT title, min(unit) AS first, max(unit) AS last
    FROM (SELECT id, title, parse_path(filename)[-2] AS unit FROM read_parquet($pages, filename = true))
    GROUP BY id, title HAVING count(*) > 1
)
"""
NEEDED = "a dump of articles is needed, such as Wikimedia's pages-articles"


def build_from_dump(config: CorpusConfig, context: Context) -> None:
    """Build the artefact `corpus` from the artefact `dump`.

    Raises:
        PipelineError: the dump is damaged, of several wikis, ends too early, or no page of it becomes an article.
    """
    dump = Dump.open(context.layout)
    titles = title_lists.read_titles(config)
    parents = {"dump": dump.fingerprint} | title_lists.title_list_digests(config)
    builder = context.begin("corpus", config, parents)
    if builder is None:
        return
    files = dump.files()
    preflight(builder, {"corpus": unpacked_bytes(files)}, context.executor)
    site = common_site([read_site(path) for path in files], config)
    counts, notes = read_dump(files, site, builder, context)
    refuse_truncated([*notes.values()], config)
    chunks = sorted((builder.work / "pages").glob("*/*.parquet"))
    if not chunks:
        refuse_empty(builder, counts, place=dump.folder, needed=NEEDED)
    connect_here = partial(connect, context.executor.memory_gb, builder.work / "duckdb")
    with spinner("sort"):
        counts |= count_repeated_pages(chunks, {unit: note.file for unit, note in notes.items()}, connect_here)
        templates = sorted((builder.work / "templates").glob("*.parquet"))
        write_definitions(templates, builder.work / DEFINITIONS_FILE, connect_here)
        redirects = sorted(builder.folder.glob(REDIRECTS))
        titles = title_lists.resolve_titles(titles, site, connect_here, pages=chunks, redirects=redirects)
        counts |= title_lists.count_titles(titles, chunks, connect_here)
    refuse_unmatched(builder, counts)
    rendering = RenderChunk(
        chunks=tuple(path.relative_to(builder.work) for path in chunks),
        folder=builder.folder,
        work=builder.work,
        site=site,
        config=config,
        page_filter=title_lists.write_page_filter(titles, config, builder.work),
    )
    units = unit_names(len(chunks))
    rendered = map_units(rendering, units, scratch=builder.work, step="render", executor=context.executor)
    counts = sum_counts([dict.fromkeys(ALWAYS, 0), counts, *rendered])
    refuse_empty(builder, counts, place=dump.folder, needed=NEEDED)
    finish_corpus(builder, site, counts)


def read_dump(
    files: list[Path], site: SiteInfo, builder: ArtefactBuilder, context: Context
) -> tuple[Counts, dict[str, PieceNote]]:
    """Sort the files' pages into chunks, templates and redirects; return the counts, and unit -> note on its piece."""
    pieces = cut_into_pieces(files)
    units = unit_names(len(pieces))
    reading = ReadPiece(
        pieces=tuple(pieces),
        site=site,
        folder=builder.folder,
        work=builder.work,
        chunk_characters=CHUNK_CHARACTERS,
        threads=max(1, context.executor.workers // len(pieces)) if context.executor.kind == "local" else 1,
    )
    counts = sum_counts(map_units(reading, units, scratch=builder.work, step="read", executor=context.executor))
    notes = {unit: PieceNote.read(builder.work, unit) for unit in units}
    truncated = {note.file for note in notes.values() if note.truncated}
    return counts | {"files.seen": len(files), "files.truncated": len(truncated)}, notes


def refuse_truncated(notes: list[PieceNote], config: CorpusConfig) -> None:
    """Raise PipelineError if a file ends too early and the config does not allow it."""
    cut = {note.file: note for note in reversed(notes) if note.truncated}
    if not cut or config.allow_truncated:
        return
    places = "\n".join(
        f"  {file}: at byte {note.bytes_read:,} of {note.file_bytes:,}, {note.position}"
        for file, note in sorted(cut.items())
    )
    raise PipelineError(
        f"the dump ends too early, before </mediawiki>:\n{places}\n"
        f"Download it again, or use the pages that are there: corpus.allow_truncated=true (the work so far is kept)."
    )


def count_repeated_pages(chunks: list[Path], files: Mapping[str, str], connect_here: Connect) -> Counts:
    """Count pages that the dump holds more than once, for example in two forms of one dump, and warn about them.

    Args:
        chunks: parquet files of pages, each in a folder named by its unit.
        files: unit -> name of the dump file that it was read from.
    """
    values = {"pages": literal_paths(chunks)}
    with connect_here() as connection:
        seen, distinct = connection.execute(COUNT_PAGES, values).fetchone() or (0, 0)
        if seen == distinct:
            return {}
        number, title, first, last = connection.execute(REPEATED_PAGES, values).fetchone() or (0, "", "", "")
    console.print(
        f"corpus: {number:,} page(s) occur more than once in the dump, the first is {title!r} (in "
        f"{' and '.join(sorted({files[first], files[last]}))}); every copy is used. Give files that do not overlap."
    )
    return {"files.repeated_pages": number}


def common_site(headers: list[SiteInfo | None], config: CorpusConfig) -> SiteInfo:
    """Return the one wiki of all files, with the config's language if it names one.

    Files without a header are assumed to be files of the same wiki.

    Raises:
        PipelineError: the files are of several wikis.
    """
    described = {site.dbname or site.base: site for site in reversed(headers) if site}
    if len(described) > 1:
        raise PipelineError(
            f"the dump's files are of several wikis ({', '.join(sorted(described))}): "
            f"build a corpus for each wiki, with a name of its own (dump.name=...)"
        )
    if not described:
        return default_site(config.language or "en")
    (site,) = described.values()
    language = config.language or site.language or site.dbname.removesuffix("wiki").replace("_", "-") or "en"
    return replace(site, language=language)
