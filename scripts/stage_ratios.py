"""Measure what corpus, vocab and dataset take for each byte they read: the table of `execution/preflight.py`.

    python -m scripts.stage_ratios

Whole commands on 57 MB of wikitext, as `make bench-data` makes it, with one worker; the folder that a stage works in is
watched. Training a tokenizer is what vocab takes more than one that adopts it. What vocab's SQL spills at a size that
memory does not hold, `python -m scripts.scale_tables` shows: nothing is spilled here. Own text is that corpus' articles
as JSON lines.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.dump.build import sample
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import partial
from scripts.bench_data import WIKITEXT_BYTES
from scripts.bench_dump import repeated
from scripts.commands import Cost, cost


def run(stage: str, work: Path, source: Sequence[str], *overrides: str, name: str = "ratios") -> Cost:
    """One stage from nothing."""
    folder = work / "data" / name / stage
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "pipeline", f"stage={stage}", f"data_dir={work / 'data'}", "executor.workers=1"]
    command += [f"dump.name={name}", *source, "vocab=wikipedia", "dataset=default", *overrides]
    return cost(command, work / "logs" / f"{name}-{stage}.log", folder=partial(folder))


def own_text(corpus: Path, path: Path) -> Path:
    """The articles of a corpus as text of one's own."""
    with open(path, "w", encoding="utf-8") as file:
        for articles in sorted(corpus.glob("articles-*")):
            for row in pq.read_table(articles, columns=["id", "title", "text", "links"]).to_pylist():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def row(step: str, took: Cost, read: float, final: float) -> str:
    scratch = max(0.0, took.disk - final)
    ratios = f"final={final / read:.3g}, scratch={scratch / read:.3g}, core_seconds={took.cpu / read * 1e6:.3g}"
    return f'    "{step}": Ratio({ratios}),'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/stage-ratios"), help="folder for all that is written")
    work = parser.parse_args().work.absolute()
    dump = repeated(next(iter(sample().values())), work / "dump", WIKITEXT_BYTES)
    wiki = ["dump=local", f"dump.files=[{dump.dump}]"]
    words = work / "words"

    def final(stage: str, name: str = "ratios") -> int:
        files = open_artefact(work / "data" / name / stage, stage=stage).manifest["files"]
        return sum(file["bytes"] for file in files.values())

    run("dump", work, wiki)
    print(row("corpus", run("corpus", work, wiki), dump.xml_bytes, final("corpus")), flush=True)
    own = own_text(work / "data/ratios/corpus", work / "own.jsonl")
    took = run("corpus", work, ["corpus=jsonl", f"corpus.files=[{own}]"], name="own")
    print(row("own", took, own.stat().st_size, final("corpus", "own")), flush=True)
    read = sum(path.stat().st_size for path in (work / "data/ratios/corpus").glob("articles-*"))
    trained = run("vocab", work, wiki, "vocab.words.adopt=null")
    shutil.copytree(work / "data/ratios/vocab/words", words, dirs_exist_ok=True)
    adopted = run("vocab", work, wiki, f"vocab.words.adopt={words}")
    learning = Cost(trained.cpu - adopted.cpu, trained.wall - adopted.wall, trained.peak_mb)
    print(row("words", learning, read, 0), flush=True)
    print(row("entities", adopted, read, final("vocab")), flush=True)
    print(row("dataset", run("dataset", work, wiki, f"vocab.words.adopt={words}"), read, final("dataset")), flush=True)


if __name__ == "__main__":
    main()
