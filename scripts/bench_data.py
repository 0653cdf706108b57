"""Corpus and dataset beside the peers, on the same dump in one run: `make bench-data`, some 25 minutes on two cores.

The dump is a real one's pages, repeated to 57 MB of article wikitext (`bench_dump`). In each round, in this order:

    beside    corpus with 1 worker, and wikipedia2vec's `build-dump-db` with one worker process; vocab; dataset with 1
              worker, and on wikipedia2vec's database upstream LUKE's dataset step, re-created with its slow tokenizer
              (`bench_peers` says how). The peers have an environment of their own
    scaling   corpus with 1 worker and with 2, then dataset, on 230 MB of the same pages: a command's start is two to
              four seconds whatever it reads, which on 57 MB would be much of what two workers take

What is compared runs one after the other and makes a ratio a round; told is the median of the rounds' ratios, since a
machine that is shared may be half as fast some minutes later. All are whole commands: start-up counts, for ours and for
theirs, and CPU seconds are those of all their processes. MB are of article wikitext; tokens are those of the sequences
that are kept. The same BPE serves both. The tables show medians and extremes of the rounds; then come the costs of
English Wikipedia at these rates (`scale`). The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.dump.build import sample
from pipeline.store.artefact import open_artefact
from scripts import scale
from scripts.bench_dump import Repeated, repeated
from scripts.commands import Cost, cost

HERE = Path(__file__).resolve().parent
WIKITEXT_BYTES = 57_000_000
SCALING_BYTES = 4 * WIKITEXT_BYTES
WORKERS = {1: "1 worker", 2: "2 workers"}
TOKENS_OF = {"dataset": "ours", "upstream's dataset": "upstream"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What all rounds share."""

    work: Path
    dump: Repeated
    tokenizer: str
    peers: Path
    """Their environment's bin/."""

    @property
    def words(self) -> Path:
        """Our vocabulary's tokenizer, which the peer reads too."""
        return self.work / "data" / "bench" / "vocab" / "words"

    def artefact(self, stage: str) -> Path:
        return self.work / "data" / "bench" / stage


def cpu_seconds(spent: Cost) -> float:
    return spent.cpu


def elapsed(spent: Cost) -> float:
    return spent.wall


@dataclass(slots=True)
class Results:
    """Each step's costs, a round after the other, and what they were spent on."""

    costs: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict(list))
    tokens: dict[str, int] = field(default_factory=dict)

    def add(self, step: str, spent: Cost) -> None:
        self.costs[step].append(spent)
        print(f"  {step:<22} {spent.cpu:8.2f} s of CPU {spent.wall:8.2f} s elapsed {spent.peak_mb:6.0f} MB", flush=True)

    def median(self, step: str, value: Callable[[Cost], float] = cpu_seconds) -> float:
        return statistics.median(map(value, self.costs[step]))

    def ratio(self, slow: Sequence[str], fast: Sequence[str], value: Callable[[Cost], float] = cpu_seconds) -> float:
        """How many times as much the slow steps took together as the fast ones: the median of the rounds' ratios."""

        def rounds(steps: Sequence[str]) -> list[float]:
            return [sum(map(value, costs)) for costs in zip(*(self.costs[step] for step in steps), strict=True)]

        return statistics.median(more / less for more, less in zip(rounds(slow), rounds(fast), strict=True))


# ---------------------------------------------------------------------------------------------- ours


def ours(setting: Setting, stage: str, workers: int) -> Cost:
    """One stage, as a user runs it, from nothing."""
    shutil.rmtree(setting.artefact(stage), ignore_errors=True)
    command = [sys.executable, "-m", "pipeline", f"stage={stage}", f"data_dir={setting.work / 'data'}"]
    command += ["dump=local", "dump.name=bench", f"dump.files=[{setting.dump.dump}]", f"executor.workers={workers}"]
    command += ["vocab=wikipedia", f"vocab.words.adopt={setting.tokenizer}", "dataset=default"]
    return cost(command, setting.work / "logs" / f"{stage}-{workers}.log")


def scaling_round(setting: Setting, results: Results) -> None:
    made = set()
    for workers, name in WORKERS.items():
        results.add(f"corpus, {name}", ours(setting, "corpus", workers))
    if not setting.artefact("vocab").is_dir():  # the same corpus again: it stays true
        ours(setting, "vocab", 1)
    for workers, name in WORKERS.items():
        results.add(f"dataset, {name}", ours(setting, "dataset", workers))
        made.add(open_artefact(setting.artefact("dataset"), stage="dataset").fingerprint)
    if len(made) > 1:
        raise RuntimeError("one worker and two made different datasets")


# ---------------------------------------------------------------------------------------------- peers


def environment(folder: Path) -> Path:
    """The peers' environment, made once; its bin/."""
    wanted, mark = HERE / "bench_peers.txt", folder / "installed.txt"
    if not mark.is_file() or mark.read_text() != wanted.read_text():
        print(f"the peers' environment: {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", wanted], check=True)
        mark.write_text(wanted.read_text())
    return folder / "bin"


def beside_round(setting: Setting, results: Results) -> None:
    results.add("corpus", ours(setting, "corpus", 1))
    database, entities = setting.work / "peers.db", setting.work / "peers-entities.json"
    database.unlink(missing_ok=True)
    building = [setting.peers / "wikipedia2vec", "build-dump-db", setting.dump.dump, database, "--pool-size", "1"]
    results.add("wikipedia2vec", cost(building, setting.work / "logs" / "wikipedia2vec.log"))
    results.add("vocab", ours(setting, "vocab", 1))
    step = [setting.peers / "python", HERE / "bench_peers.py", database]
    step += [setting.words / "vocab.json", setting.words / "merges.txt", entities, setting.work / "peers.bin"]
    cost([*step, "--count"], setting.work / "logs" / "upstream-entities.log")
    results.add("dataset", ours(setting, "dataset", 1))
    results.tokens["ours"] = open_artefact(setting.artefact("dataset"), stage="dataset").counts["tokens.kept"]
    log = setting.work / "logs" / "upstream.log"
    results.add("upstream's dataset", cost(step, log))
    results.tokens["upstream"] = json.loads(log.read_text().splitlines()[-1])["tokens"]


# ---------------------------------------------------------------------------------------------- figures


def figures(dump: Repeated, results: Results) -> dict[str, float]:
    """What the last line says."""
    megabytes = dump.wikitext_bytes / 1e6
    steps = {workers: [f"{stage}, {name}" for stage in ("corpus", "dataset")] for workers, name in WORKERS.items()}
    more_tokens = results.tokens["ours"] / results.tokens["upstream"]
    return {
        "corpus_mb_per_cpu_s": round(megabytes / results.median("corpus"), 2),
        "corpus_vs_wikipedia2vec": round(results.ratio(["wikipedia2vec"], ["corpus"]), 2),
        "dataset_tokens_per_cpu_s": round(results.tokens["ours"] / results.median("dataset")),
        "dataset_vs_upstream": round(more_tokens * results.ratio(["upstream's dataset"], ["dataset"]), 2),
        "scaling_1_to_2": round(results.ratio(steps[1], steps[2], elapsed), 2),
        "peak_mb_per_worker": round(max(spent.peak_mb for name in steps[2] for spent in results.costs[name])),
    }


def table(dump: Repeated, larger: Repeated, results: Results) -> str:
    """Medians, and the extremes of the CPU seconds."""
    lines = ["| MB of wikitext | step | CPU s | min | max | wall s | peak MB | per CPU second |", "|---" * 8 + "|"]
    for step, costs in results.costs.items():
        cpu = [spent.cpu for spent in costs]
        megabytes = (larger if "worker" in step else dump).wikitext_bytes / 1e6
        rate = f"{megabytes / statistics.median(cpu):.2f} MB"
        if step in TOKENS_OF:
            rate = f"{results.tokens[TOKENS_OF[step]] / statistics.median(cpu):,.0f} tokens"
        lines.append(
            f"| {megabytes:.1f} | {step} | {statistics.median(cpu):.2f} | {min(cpu):.2f} | {max(cpu):.2f} "
            f"| {results.median(step, elapsed):.2f} "
            f"| {max(spent.peak_mb for spent in costs):.0f} | {rate} |"
        )
    return "\n".join(lines)


def rates(setting: Setting, results: Results) -> scale.Rates:
    """What was measured, as what `scale` counts with."""
    megabytes = setting.dump.wikitext_bytes / 1e6

    def disk(stage: str) -> float:
        files = (path for path in setting.artefact(stage).rglob("*") if path.is_file() and "words" not in path.parts)
        return sum(path.stat().st_size for path in files) / 1e6 / megabytes

    stages = ("corpus", "vocab", "dataset")
    return scale.Rates(
        xml=setting.dump.xml_bytes / setting.dump.wikitext_bytes,
        seconds={stage: results.median(stage) / megabytes for stage in stages},
        disk={stage: disk(stage) for stage in stages},
        tokens=results.tokens["ours"] / megabytes,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, help="an XML dump, bz2 or not, to repeat; the sample's by default")
    parser.add_argument("--megabytes", type=float, default=WIKITEXT_BYTES / 1e6, help="of article wikitext, at least")
    parser.add_argument("--scaling-megabytes", type=float, default=SCALING_BYTES / 1e6, help="the same, for scaling")
    parser.add_argument("--tokenizer", default="roberta-base", help="folder, or name on the Hub, of the BPE for both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("build/bench-data"), help="folder for all that is written")
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers"), help="the peers' virtual environment")
    args = parser.parse_args()
    source = args.dump or next(iter(sample().values()))
    peers = environment(args.peers.absolute())
    tokenizer = str(Path(args.tokenizer).absolute()) if Path(args.tokenizer).is_dir() else args.tokenizer

    def prepared(work: Path, megabytes: float) -> Setting:
        dump = repeated(source, work / "dump", int(megabytes * 1e6))
        told = f"{dump.articles:,} articles, {dump.wikitext_bytes / 1e6:.1f} MB of wikitext"
        print(f"{source.name}, repeated: {told}", flush=True)
        setting = Setting(work, dump, tokenizer, peers)
        shutil.rmtree(work / "data", ignore_errors=True)
        ours(setting, "dump", 1)
        return setting

    setting = prepared(args.work.absolute(), args.megabytes)
    larger = prepared(args.work.absolute() / "scaling", args.scaling_megabytes)
    results = Results()
    for turn in range(args.rounds):
        print(f"round {turn + 1} of {args.rounds}", flush=True)
        beside_round(setting, results)
        scaling_round(larger, results)
    print(f"\n{table(setting.dump, larger.dump, results)}\n\n{scale.table(rates(setting, results))}\n")
    print(json.dumps(figures(setting.dump, results)))


if __name__ == "__main__":
    main()
