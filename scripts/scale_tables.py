"""Whether vocab and dataset stay small on the tables of a large Wikipedia: made titles and redirects, real stages.

    python -m scripts.scale_tables --work build/scale-tables

A corpus without text is made from a seed: articles, a few links in each, and redirects. Then vocab counts its entities
and a dataset's worker looks the links of one unit up, each in a process of its own. Printed are, of each, the resident
set at its peak, processor seconds, seconds and what lay on disk at most. English Wikipedia has 18 million titles of
articles and redirects together; here as many articles are made, and the redirects are beside them.

Links are as uneven as in a wiki: of the pages in order, a link leads to number `pages * u ** 4`, u even over [0, 1), so
that half of all links lead to the first sixteenth. One redirect in twenty leads to another one, and
one in five hundred in a loop.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.worker import UnitWork
from pipeline.vocab import entities
from pipeline.vocab import entity_counts as counting
from pipeline.vocab.config import EntitiesConfig
from scripts.commands import cost

SEED = 0
FOLDERS = {"make": "corpus", "entities": "vocab", "look-up": "dataset"}
"""Step -> where it writes."""
UNIT_FILES = 4
"""Article files in the unit that is looked up."""
ENTITIES = EntitiesConfig(size=500_000, min_count=1, in_dump_only=True, drop_disambiguation=False, white_list=None)
DATASET = DatasetConfig(
    name="", validation_share=0.001, max_words=512, max_entities=128, max_mention=30, min_sentence=5,
    max_sentence=510, min_entities=1, unknown_entities="keep",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of the made corpus."""

    articles: int
    redirects: int
    links: int
    """In each article."""
    files: int
    """Of articles, and as many of redirects."""


MACROS = f"""
CREATE MACRO even(a, b) AS hash(a, b, {SEED}) / 18446744073709551616.0;
CREATE MACRO article(n) AS 'Title ' || substr(md5(n::VARCHAR), 1, 12) || ' (' || n || ')';
CREATE MACRO redirect(n) AS 'Alias ' || substr(md5(n::VARCHAR), 1, 12) || ' (' || n || ')';
CREATE MACRO linked(a, b, pages) AS floor(pages * even(a, b) ** 4)::BIGINT;
"""

ARTICLES = """
SELECT n::VARCHAR AS id, article(n) AS title, '' AS text, n % 50 = 0 AS is_disambiguation, [
    {{'start': 0, 'end': 0, 'title':
        CASE WHEN even(n, k + 1000) < 0.2 THEN redirect(linked(n, k, {redirects}))
        ELSE article(linked(n, k, {articles})) END}}
    FOR k IN range({links})
] AS links FROM range({first}, {last}) AS numbers(n)
"""

REDIRECTS = """
SELECT redirect(n) AS title,
    CASE
        WHEN n % 1000 IN (1, 2) THEN redirect(n - n % 1000 + 3 - n % 1000)
        WHEN even(n, -1) < 0.05 THEN redirect(linked(n, -2, {redirects}))
        ELSE article(linked(n, -2, {articles}))
    END AS target FROM range({first}, {last}) AS numbers(n)
"""


def make(size: Size, corpus: Path) -> None:
    """Write the corpus' parquet files, unless they are there already."""
    note = corpus / "size.json"
    if note.is_file() and json.loads(note.read_text()) == asdict(size):
        return
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(MACROS)
        for kind, rows, query in (("articles", size.articles, ARTICLES), ("redirects", size.redirects, REDIRECTS)):
            for number in range(size.files):
                first, last = (rows * edge // size.files for edge in (number, number + 1))
                selected = query.format(**asdict(size), first=first, last=last)
                path = corpus / f"{kind}-{number:05d}.parquet"
                connection.execute(f"COPY ({selected}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    note.write_text(json.dumps(asdict(size)))


def count_entities(work: Path, workers: int, memory_gb: int) -> dict[str, int]:
    """Vocab's part."""
    shutil.rmtree(work / "vocab", ignore_errors=True)
    (work / "vocab" / "scratch").mkdir(parents=True)
    return counting.build(
        sorted((work / "corpus").glob("articles-*")),
        sorted((work / "corpus").glob("redirects-*")),
        [],
        ENTITIES,
        validation_share=DATASET.validation_share,
        out=work / "vocab",
        scratch=work / "vocab" / "scratch",
        threads=workers,
        memory_gb=memory_gb,
    )


def look_up(work: Path, memory_gb: int) -> dict[str, int]:
    """A dataset worker's part."""
    files = sorted((work / "corpus").glob("articles-*"))[:UNIT_FILES]
    unit = UnitWork(
        units=(tuple(files),), config=DATASET, language="en", vocab=work / "vocab", fingerprint="",
        out=work / "dataset", memory_gb=memory_gb,
    )  # fmt: skip
    found = unit.entity_ids(files)
    aliases = pq.read_metadata(work / "vocab" / entities.ALIASES).num_rows
    return {"aliases": aliases, "links": len(found), "links.known": int((found != entities.UNK).sum())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", nargs="?", choices=FOLDERS, help="only this, in this process")
    parser.add_argument("--work", type=Path, default=Path("build/scale-tables"), help="folder for all that is written")
    parser.add_argument("--articles", type=int, default=18_000_000)
    parser.add_argument("--redirects", type=int, default=11_000_000)
    parser.add_argument("--links", type=int, default=3, help="in each article")
    parser.add_argument("--files", type=int, default=256, help="of articles, and as many of redirects")
    parser.add_argument("--workers", type=int, default=2, help="threads of the counting, as executor.workers")
    parser.add_argument("--memory-gb", type=int, default=1, help="as executor.memory_gb")
    args = parser.parse_args()
    size = Size(articles=args.articles, redirects=args.redirects, links=args.links, files=args.files)
    if args.step == "make":
        make(size, args.work / "corpus")
    elif args.step == "entities":
        print(json.dumps(count_entities(args.work, args.workers, args.memory_gb)))
    elif args.step == "look-up":
        print(json.dumps(look_up(args.work, args.memory_gb)))
    else:
        print(f"{size.articles:,} articles of {size.links} links, {size.redirects:,} redirects")
        for step in FOLDERS:
            log = args.work / f"{step}.log"
            command = [sys.executable, "-m", "scripts.scale_tables", step, *sys.argv[1:]]
            took = cost(command, log, folder=args.work / FOLDERS[step])
            print(
                f"{step:>8}: {took.peak_mb:,.0f} MB, {took.cpu:.0f} s of CPU, {took.wall:.0f} s, "
                f"{took.disk / 1e9:.2f} GB of disk",
                flush=True,
            )
            print(f"          {log.read_text().strip()}", flush=True)


if __name__ == "__main__":
    main()
