"""Measure the disk and time that corpus, vocab and dataset take per byte that they read.

    python -m scripts.stage_ratios

The output is the table RATIOS of `pipeline/execution/preflight.py`. Whole commands run with one worker on 57 MB of
wikitext, repeated as by `make bench-data`, while the size of the stage's folder is watched. "tokenizer" is the
difference between a vocab that trains its tokenizer and one that uses a pretrained one. "jsonl" reads the corpus' own
articles as JSON lines. The SQL of vocab spills nothing to disk at this size; `python -m scripts.scale_tables` measures
it at one that memory cannot hold.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.dump.build import sample_file
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import partial_folder
from scripts.bench_data import WIKITEXT_BYTES
from scripts.bench_dump import repeat_dump
from scripts.commands import Cost, measure_command


def measure_stage(stage: str, work: Path, source: Sequence[str], *overrides: str, name: str = "ratios") -> Cost:
    """Run one stage from scratch and return its cost."""
    folder = work / "data" / name / stage
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "pipeline", f"stage={stage}", f"data_dir={work / 'data'}", "executor.workers=1"]
    command += [f"dump.name={name}", *source, "vocab=wikipedia", "dataset=default", *overrides]
    return measure_command(command, work / "logs" / f"{name}-{stage}.log", folder=partial_folder(folder))


def write_jsonl(corpus: Path, path: Path) -> Path:
    """Write the articles of a corpus as JSON lines, and return the path."""
    with open(path, "w", encoding="utf-8") as file:
        for articles in sorted(corpus.glob("articles-*")):
            for row in pq.read_table(articles, columns=["id", "title", "text", "links"]).to_pylist():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def format_row(step: str, took: Cost, read: float, final: float) -> str:
    """Return the step's line of RATIOS, from its cost, the bytes that it read and the bytes of its artefact."""
    scratch = max(0.0, took.disk_bytes - final)
    ratios = f"final={final / read:.3g}, scratch={scratch / read:.3g}, core_seconds={took.cpu_seconds / read * 1e6:.3g}"
    return f'    "{step}": StepRatios({ratios}),'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/stage-ratios"), help="folder for all output")
    work = parser.parse_args().work.absolute()
    dump = repeat_dump(next(iter(sample_file().values())), work / "dump", WIKITEXT_BYTES)
    wiki = ["dump=local", f"dump.files=[{dump.dump}]"]
    words = work / "words"

    def final(stage: str, name: str = "ratios") -> int:
        files = open_artefact(work / "data" / name / stage, stage=stage).manifest["files"]
        return sum(file["bytes"] for file in files.values())

    measure_stage("dump", work, wiki)
    print(format_row("corpus", measure_stage("corpus", work, wiki), dump.xml_bytes, final("corpus")), flush=True)
    jsonl = write_jsonl(work / "data/ratios/corpus", work / "articles.jsonl")
    cost = measure_stage("corpus", work, ["corpus=jsonl", f"corpus.files=[{jsonl}]"], name="jsonl")
    print(format_row("jsonl", cost, jsonl.stat().st_size, final("corpus", "jsonl")), flush=True)
    read = sum(path.stat().st_size for path in (work / "data/ratios/corpus").glob("articles-*"))
    trained = measure_stage("vocab", work, wiki, "vocab.tokenizer.pretrained=null")
    shutil.copytree(work / "data/ratios/vocab/words", words, dirs_exist_ok=True)
    pretrained = measure_stage("vocab", work, wiki, f"vocab.tokenizer.pretrained={words}")
    training = Cost(
        trained.cpu_seconds - pretrained.cpu_seconds, trained.wall_seconds - pretrained.wall_seconds, trained.peak_mb
    )
    print(format_row("tokenizer", training, read, 0), flush=True)
    print(format_row("entities", pretrained, read, final("vocab")), flush=True)
    print(
        format_row(
            "dataset",
            measure_stage("dataset", work, wiki, f"vocab.tokenizer.pretrained={words}"),
            read,
            final("dataset"),
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
