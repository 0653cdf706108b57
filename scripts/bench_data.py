"""Compare corpus and dataset with peer projects on the same dump: `make bench-data`, about 25 minutes on two cores.

The dump consists of the pages of a real one, repeated to 57 MB of article wikitext (`bench_dump`). Each round runs, in
this order:

    peers     corpus with 1 worker, and wikipedia2vec's `build-dump-db` with one worker process; vocab; dataset with 1
              worker, and upstream LUKE's dataset step on wikipedia2vec's database, re-created with its slow tokenizer
              (`bench_peers` says how). The peers have their own virtual environment
    scaling   corpus with 1 worker and with 2, then dataset, on 230 MB of the same pages. The start of a command takes
              two to four seconds regardless of its input, which would be much of the time of two workers on 57 MB

Commands that are compared run one after the other and give one ratio per round. The result is the median of the rounds'
ratios, because a shared machine may be half as fast some minutes later. All are whole commands: start-up counts, for
this project and for the peers, and CPU seconds are those of all processes. MB are of article wikitext; tokens are those
of the sequences that are kept. Both sides use the same BPE. The tables show medians and extremes of the rounds, then
the cost of English Wikipedia at these rates (`scale`). The last line is JSON.
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

from pipeline.dump.build import sample_file
from pipeline.store.artefact import open_artefact
from scripts import scale
from scripts.bench_dump import RepeatedDump, repeat_dump
from scripts.commands import Cost, measure_command

HERE = Path(__file__).resolve().parent
WIKITEXT_BYTES = 57_000_000
SCALING_BYTES = 4 * WIKITEXT_BYTES
WORKERS = {1: "1 worker", 2: "2 workers"}
TOKENS_OF = {"dataset": "ours", "upstream's dataset": "upstream"}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder for the artefacts of one dump, and the programs that read the dump."""

    work: Path
    """Folder for all output."""
    dump: RepeatedDump
    tokenizer: str
    """Folder of the tokenizer, or its name on the Hub."""
    peers: Path
    """Folder bin/ of the peers' environment."""

    @property
    def words_folder(self) -> Path:
        """Folder of the vocabulary's tokenizer, which the peer reads too."""
        return self.work / "data" / "bench" / "vocab" / "words"

    def artefact_folder(self, stage: str) -> Path:
        """Return the folder of a stage's artefact."""
        return self.work / "data" / "bench" / stage


def cpu_seconds_of(cost: Cost) -> float:
    """Return the CPU seconds of a cost."""
    return cost.cpu_seconds


def wall_seconds_of(cost: Cost) -> float:
    """Return the elapsed seconds of a cost."""
    return cost.wall_seconds


@dataclass(slots=True)
class Results:
    """Costs of all steps in all rounds."""

    costs: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict(list))
    """Step -> its cost in each round."""
    tokens: dict[str, int] = field(default_factory=dict)
    """ours, upstream -> tokens of the sequences that are kept."""

    def add(self, step: str, cost: Cost) -> None:
        """Add and print the cost of a step."""
        self.costs[step].append(cost)
        times = f"{cost.cpu_seconds:8.2f} s of CPU {cost.wall_seconds:8.2f} s elapsed"
        print(f"  {step:<22} {times} {cost.peak_mb:6.0f} MB", flush=True)

    def median(self, step: str, value: Callable[[Cost], float] = cpu_seconds_of) -> float:
        """Return the median of a step's values over the rounds."""
        return statistics.median(map(value, self.costs[step]))

    def ratio(self, slow: Sequence[str], fast: Sequence[str], value: Callable[[Cost], float] = cpu_seconds_of) -> float:
        """Return the median over the rounds of (sum of the slow steps) / (sum of the fast steps)."""

        def rounds(steps: Sequence[str]) -> list[float]:
            return [sum(map(value, costs)) for costs in zip(*(self.costs[step] for step in steps), strict=True)]

        return statistics.median(more / less for more, less in zip(rounds(slow), rounds(fast), strict=True))


# ---------------------------------------------------------------------------------------------- this project


def measure_stage(workspace: Workspace, stage: str, workers: int) -> Cost:
    """Run one stage from scratch, as a user runs it, and return its cost."""
    shutil.rmtree(workspace.artefact_folder(stage), ignore_errors=True)
    command = [sys.executable, "-m", "pipeline", f"stage={stage}", f"data_dir={workspace.work / 'data'}"]
    command += ["dump=local", "dump.name=bench", f"dump.files=[{workspace.dump.dump}]", f"executor.workers={workers}"]
    command += ["vocab=wikipedia", f"vocab.tokenizer.pretrained={workspace.tokenizer}", "dataset=default"]
    return measure_command(command, workspace.work / "logs" / f"{stage}-{workers}.log")


def scaling_round(workspace: Workspace, results: Results) -> None:
    """Run corpus and dataset with one worker and with two.

    Raises:
        RuntimeError: the two datasets differ.
    """
    fingerprints = set()
    for workers, name in WORKERS.items():
        results.add(f"corpus, {name}", measure_stage(workspace, "corpus", workers))
    if not workspace.artefact_folder("vocab").is_dir():  # the corpus is the same in every round, so one vocab is enough
        measure_stage(workspace, "vocab", 1)
    for workers, name in WORKERS.items():
        results.add(f"dataset, {name}", measure_stage(workspace, "dataset", workers))
        fingerprints.add(open_artefact(workspace.artefact_folder("dataset"), stage="dataset").fingerprint)
    if len(fingerprints) > 1:
        raise RuntimeError("the datasets of one worker and of two differ")


# ---------------------------------------------------------------------------------------------- peers


def install_peers(folder: Path) -> Path:
    """Create the peers' virtual environment unless it is up to date, and return its bin/."""
    requirements, installed = HERE / "bench_peers.txt", folder / "installed.txt"
    if not installed.is_file() or installed.read_text() != requirements.read_text():
        print(f"the peers' environment: {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        installed.write_text(requirements.read_text())
    return folder / "bin"


def peers_round(workspace: Workspace, results: Results) -> None:
    """Run corpus, vocab and dataset with one worker, and the peers' counterparts."""
    results.add("corpus", measure_stage(workspace, "corpus", 1))
    database, entities = workspace.work / "peers.db", workspace.work / "peers-entities.json"
    database.unlink(missing_ok=True)
    building = [workspace.peers / "wikipedia2vec", "build-dump-db", workspace.dump.dump, database, "--pool-size", "1"]
    results.add("wikipedia2vec", measure_command(building, workspace.work / "logs" / "wikipedia2vec.log"))
    results.add("vocab", measure_stage(workspace, "vocab", 1))
    vocab, merges = workspace.words_folder / "vocab.json", workspace.words_folder / "merges.txt"
    step = [workspace.peers / "python", HERE / "bench_peers.py", database, vocab, merges, entities]
    step.append(workspace.work / "peers.bin")
    measure_command([*step, "--count"], workspace.work / "logs" / "upstream-entities.log")
    results.add("dataset", measure_stage(workspace, "dataset", 1))
    results.tokens["ours"] = open_artefact(workspace.artefact_folder("dataset"), stage="dataset").counts["tokens.kept"]
    log = workspace.work / "logs" / "upstream.log"
    results.add("upstream's dataset", measure_command(step, log))
    results.tokens["upstream"] = json.loads(log.read_text().splitlines()[-1])["tokens"]


# ---------------------------------------------------------------------------------------------- figures


def summarize(dump: RepeatedDump, results: Results) -> dict[str, float]:
    """Return the figures of the last line."""
    megabytes = dump.wikitext_bytes / 1e6
    steps = {workers: [f"{stage}, {name}" for stage in ("corpus", "dataset")] for workers, name in WORKERS.items()}
    more_tokens = results.tokens["ours"] / results.tokens["upstream"]
    return {
        "corpus_mb_per_cpu_s": round(megabytes / results.median("corpus"), 2),
        "corpus_vs_wikipedia2vec": round(results.ratio(["wikipedia2vec"], ["corpus"]), 2),
        "dataset_tokens_per_cpu_s": round(results.tokens["ours"] / results.median("dataset")),
        "dataset_vs_upstream": round(more_tokens * results.ratio(["upstream's dataset"], ["dataset"]), 2),
        "scaling_1_to_2": round(results.ratio(steps[1], steps[2], wall_seconds_of), 2),
        "peak_mb_per_worker": round(max(cost.peak_mb for name in steps[2] for cost in results.costs[name])),
    }


def results_table(dump: RepeatedDump, larger: RepeatedDump, results: Results) -> str:
    """Return medians, and the extremes of the CPU seconds, as a Markdown table."""
    lines = ["| MB of wikitext | step | CPU s | min | max | wall s | peak MB | per CPU second |", "|---" * 8 + "|"]
    for step, costs in results.costs.items():
        cpu = [cost.cpu_seconds for cost in costs]
        megabytes = (larger if "worker" in step else dump).wikitext_bytes / 1e6
        rate = f"{megabytes / statistics.median(cpu):.2f} MB"
        if step in TOKENS_OF:
            rate = f"{results.tokens[TOKENS_OF[step]] / statistics.median(cpu):,.0f} tokens"
        lines.append(
            f"| {megabytes:.1f} | {step} | {statistics.median(cpu):.2f} | {min(cpu):.2f} | {max(cpu):.2f} "
            f"| {results.median(step, wall_seconds_of):.2f} "
            f"| {max(cost.peak_mb for cost in costs):.0f} | {rate} |"
        )
    return "\n".join(lines)


def measured_rates(workspace: Workspace, results: Results) -> scale.Rates:
    """Return the measured rates in the form that `scale` extrapolates from."""
    megabytes = workspace.dump.wikitext_bytes / 1e6

    def disk(stage: str) -> float:
        paths = workspace.artefact_folder(stage).rglob("*")
        files = (path for path in paths if path.is_file() and "words" not in path.parts)
        return sum(path.stat().st_size for path in files) / 1e6 / megabytes

    stages = ("corpus", "vocab", "dataset")
    return scale.Rates(
        xml=workspace.dump.xml_bytes / workspace.dump.wikitext_bytes,
        seconds={stage: results.median(stage) / megabytes for stage in stages},
        disk={stage: disk(stage) for stage in stages},
        tokens=results.tokens["ours"] / megabytes,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, help="XML dump to repeat, compressed with bz2 or not; default: the sample")
    parser.add_argument(
        "--megabytes", type=float, default=WIKITEXT_BYTES / 1e6, help="MB of article wikitext, at least"
    )
    parser.add_argument("--scaling-megabytes", type=float, default=SCALING_BYTES / 1e6, help="the same, for scaling")
    parser.add_argument("--tokenizer", default="roberta-base", help="folder, or name on the Hub, of the BPE for both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("build/bench-data"), help="folder for all output")
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers"), help="the peers' virtual environment")
    args = parser.parse_args()
    source = args.dump or next(iter(sample_file().values()))
    peers = install_peers(args.peers.absolute())
    tokenizer = str(Path(args.tokenizer).absolute()) if Path(args.tokenizer).is_dir() else args.tokenizer

    def prepare(work: Path, megabytes: float) -> Workspace:
        dump = repeat_dump(source, work / "dump", int(megabytes * 1e6))
        size = f"{dump.articles:,} articles, {dump.wikitext_bytes / 1e6:.1f} MB of wikitext"
        print(f"{source.name}, repeated: {size}", flush=True)
        workspace = Workspace(work, dump, tokenizer, peers)
        shutil.rmtree(work / "data", ignore_errors=True)
        measure_stage(workspace, "dump", 1)
        return workspace

    workspace = prepare(args.work.absolute(), args.megabytes)
    larger = prepare(args.work.absolute() / "scaling", args.scaling_megabytes)
    results = Results()
    for turn in range(args.rounds):
        print(f"round {turn + 1} of {args.rounds}", flush=True)
        peers_round(workspace, results)
        scaling_round(larger, results)
    print(f"\n{results_table(workspace.dump, larger.dump, results)}\n")
    print(f"{scale.cost_table(measured_rates(workspace, results))}\n")
    print(json.dumps(summarize(workspace.dump, results)))


if __name__ == "__main__":
    main()
