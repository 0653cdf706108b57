"""Measure the memory of vocab and dataset on the titles and redirects of a large Wikipedia: synthetic data, real code.

    python -m scripts.scale_tables --work build/scale-tables

A corpus is generated from a seed: articles with a few links each and no other text, and redirects. Then vocab counts
the entities and the mentions, and a dataset worker looks up the links of one unit, each in its own process. The output
is, for each step, the peak resident set, CPU seconds, elapsed seconds and the largest size on disk. English Wikipedia
has 18 million titles of articles and redirects together; here there are as many articles, and the redirects come on
top.

Links are as unevenly distributed as in a wiki: a link leads to page number `pages * u ** 4`, with u uniform over
[0, 1), so half of all links lead to the first sixteenth of the pages. A title has a mention of its own, which six of
ten of its links have, and eight others. One redirect in twenty leads to another redirect, and one in five hundred is
part of a loop.
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
from pipeline.dataset.worker import BuildShard
from pipeline.vocab import entities, entity_counts, mention_counts
from pipeline.vocab.artefact import ALIASES
from pipeline.vocab.config import EntitiesConfig
from scripts.commands import measure_command

SEED = 0
STEP_FOLDERS = {"make": "corpus", "entities": "vocab", "mentions": "vocab", "look-up": "dataset"}
"""Step -> folder that it writes."""
MENTION_CHARACTERS = 14
UNIT_FILES = 4
"""Number of article files in the unit whose links are looked up."""
ENTITIES_CONFIG = EntitiesConfig(
    size=500_000, min_count=1, in_dump_only=True, drop_disambiguation=False, always_include=None
)
DATASET_CONFIG = DatasetConfig(
    name="", validation_share=0.001, max_seq_length=512, max_entity_length=128, max_mention_length=30,
    min_sentence_length=5, max_sentence_length=510, min_entities=1, unknown_entities="keep",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSize:
    """Size of the generated corpus."""

    articles: int
    redirects: int
    links: int
    """Links in each article."""
    files: int
    """Number of article files, and of redirect files."""


MACROS = f"""
CREATE MACRO even(a, b) AS hash(a, b, {SEED}) / 18446744073709551616.0;
CREATE MACRO article(n) AS 'Title ' || substr(md5(n::VARCHAR), 1, 12) || ' (' || n || ')';
CREATE MACRO redirect(n) AS 'Alias ' || substr(md5(n::VARCHAR), 1, 12) || ' (' || n || ')';
CREATE MACRO linked(a, b, pages) AS floor(pages * even(a, b) ** 4)::BIGINT;
CREATE MACRO mention(title, n, k) AS CASE
    WHEN even(n, k + 2000) < 0.6 THEN substr(title, 1, {MENTION_CHARACTERS})
    ELSE substr(md5(title || floor(8 * even(n, k + 3000))), 1, {MENTION_CHARACTERS}) END;
CREATE MACRO start(k) AS k * {MENTION_CHARACTERS + 1};
"""

ARTICLES_SQL = """
SELECT n::VARCHAR AS id, article(n) AS title, n % 50 = 0 AS is_disambiguation,
    array_to_string([mention(titles[k + 1], n, k) FOR k IN range({links})], ' ') AS text,
    [{{'start': start(k), 'end': start(k + 1) - 1, 'title': titles[k + 1]}} FOR k IN range({links})] AS links
FROM (
    SELECT n, [
        CASE WHEN even(n, k + 1000) < 0.2 THEN redirect(linked(n, k, {redirects}))
        ELSE article(linked(n, k, {articles})) END
        FOR k IN range({links})
    ] AS titles FROM range({first}, {last}) AS numbers(n)
)
"""

REDIRECTS_SQL = """
SELECT redirect(n) AS title,
    CASE
        WHEN n % 1000 IN (1, 2) THEN redirect(n - n % 1000 + 3 - n % 1000)
        WHEN even(n, -1) < 0.05 THEN redirect(linked(n, -2, {redirects}))
        ELSE article(linked(n, -2, {articles}))
    END AS target FROM range({first}, {last}) AS numbers(n)
"""


def write_corpus(size: CorpusSize, corpus: Path) -> None:
    """Write the corpus' parquet files unless they exist already in this size."""
    record, made = corpus / "size.json", {**asdict(size), "queries": [MACROS, ARTICLES_SQL, REDIRECTS_SQL]}
    if record.is_file() and json.loads(record.read_text()) == made:
        return
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(MACROS)
        for kind, rows, query in (
            ("articles", size.articles, ARTICLES_SQL),
            ("redirects", size.redirects, REDIRECTS_SQL),
        ):
            for number in range(size.files):
                first, last = (rows * edge // size.files for edge in (number, number + 1))
                selected = query.format(**asdict(size), first=first, last=last)
                path = corpus / f"{kind}-{number:05d}.parquet"
                connection.execute(f"COPY ({selected}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    record.write_text(json.dumps(made))


def count_entities(work: Path, workers: int, memory_gb: int) -> dict[str, int]:
    """Run the step of vocab that counts entities, and return its counts."""
    shutil.rmtree(work / "vocab", ignore_errors=True)
    (work / "vocab" / "scratch").mkdir(parents=True)
    return entity_counts.write_entity_vocab(
        sorted((work / "corpus").glob("articles-*")),
        sorted((work / "corpus").glob("redirects-*")),
        [],
        ENTITIES_CONFIG,
        validation_share=DATASET_CONFIG.validation_share,
        out=work / "vocab",
        scratch=work / "vocab" / "scratch",
        threads=workers,
        memory_gb=memory_gb,
    )


def count_mentions(work: Path, workers: int, memory_gb: int) -> dict[str, int]:
    """Run the step of vocab that counts mentions, and return its counts."""
    return mention_counts.write_mention_counts(
        sorted((work / "corpus").glob("articles-*")),
        validation_share=DATASET_CONFIG.validation_share,
        vocab=work / "vocab",
        scratch=work / "vocab" / "scratch",
        threads=workers,
        memory_gb=memory_gb,
    )


def look_up_links(work: Path, memory_gb: int) -> dict[str, int]:
    """Look up the links of one unit as a dataset worker does, and return counts."""
    files = sorted((work / "corpus").glob("articles-*"))[:UNIT_FILES]
    unit = BuildShard(
        units=(tuple(files),), config=DATASET_CONFIG, language="en", vocab_folder=work / "vocab", vocab_fingerprint="",
        out=work / "dataset", memory_gb=memory_gb,
    )  # fmt: skip
    found = unit.look_up_entities(files)
    aliases = pq.read_metadata(work / "vocab" / ALIASES).num_rows
    return {"aliases": aliases, "links": len(found), "links.known": int((found != entities.UNK).sum())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", nargs="?", choices=STEP_FOLDERS, help="run only this step, in this process")
    parser.add_argument("--work", type=Path, default=Path("build/scale-tables"), help="folder for all output")
    parser.add_argument("--articles", type=int, default=18_000_000)
    parser.add_argument("--redirects", type=int, default=11_000_000)
    parser.add_argument("--links", type=int, default=3, help="number of links in each article")
    parser.add_argument("--files", type=int, default=256, help="number of article files, and of redirect files")
    parser.add_argument("--workers", type=int, default=2, help="threads that count, like executor.workers")
    parser.add_argument("--memory-gb", type=int, default=1, help="memory limit, like executor.memory_gb")
    args = parser.parse_args()
    size = CorpusSize(articles=args.articles, redirects=args.redirects, links=args.links, files=args.files)
    if args.step == "make":
        write_corpus(size, args.work / "corpus")
    elif args.step == "entities":
        print(json.dumps(count_entities(args.work, args.workers, args.memory_gb)))
    elif args.step == "mentions":
        print(json.dumps(count_mentions(args.work, args.workers, args.memory_gb)))
    elif args.step == "look-up":
        print(json.dumps(look_up_links(args.work, args.memory_gb)))
    else:
        print(f"{size.articles:,} articles of {size.links} links, {size.redirects:,} redirects")
        for step in STEP_FOLDERS:
            log = args.work / f"{step}.log"
            command = [sys.executable, "-m", "scripts.scale_tables", step, *sys.argv[1:]]
            cost = measure_command(command, log, folder=args.work / STEP_FOLDERS[step])
            print(
                f"{step:>8}: {cost.peak_mb:,.0f} MB, {cost.cpu_seconds:.0f} s of CPU, {cost.wall_seconds:.0f} s, "
                f"{cost.disk_bytes / 1e9:.2f} GB of disk",
                flush=True,
            )
            print(f"          {log.read_text().strip()}", flush=True)


if __name__ == "__main__":
    main()
