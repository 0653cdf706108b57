"""Train a small LUKE in several ways and compare what each of them has learnt: the tables of docs/learning.md.

    python -m scripts.learning_trials --list
    python -m scripts.learning_trials --data /data --dump ja.xml.bz2 recipe vanilla --seeds 0 1 2

Every trial changes one thing of the experiment `learn_entities` (with `--sample`: of the demo). Each seed trains a
RoBERTa, and the trials of this seed start from its export. The held-out pages, their masks and the rivals are the same
for all. Work that is finished in `--data` is not repeated. CPU seconds are those of the trial's own training, start-up
included and the RoBERTa not; give each trial a core of its own with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.store.files import read_json, write_json
from scripts.commands import measure_command

PHASE = "pretrain.phases.all"
BEFORE = (
    f"{PHASE}.epochs=2",
    f"{PHASE}.learning_rate=1.5e-3",
    "pretrain.masking.hide_mentions=0",
    "pretrain.optimizer.beta2=0.98",
)
"""The settings before docs/learning.md."""
TRIALS: dict[str, tuple[str, ...]] = {
    "recipe": (),
    "vanilla": ("model.attention=vanilla",),
    "before": BEFORE,
    "before_beta2_0.999": BEFORE[:3],
    "before_10_epochs": BEFORE[1:],
    "before_10_epochs_hidden": (BEFORE[1], BEFORE[3]),
    "beta2_0.98": BEFORE[3:],
    "rate_1.5e-3": BEFORE[1:2],
    "rate_3.5e-4": (f"{PHASE}.learning_rate=3.5e-4",),
    "nothing_hidden": BEFORE[2:3],
    "half_hidden": ("pretrain.masking.hide_mentions=0.5",),
    "dropout": ("model.dropout=0.1",),
    "entities_90": ("pretrain.masking.entities=0.9",),
    "entities_15": ("pretrain.masking.entities=0.15",),
    "words_15": ("pretrain.masking.words=0.15",),
    "start_random": ("model.entity_init=random",),
    "start_positions": ("model.entity_init=positions",),
    "one_phase": ("~pretrain.phases.entities",),
    "20_epochs": (f"{PHASE}.epochs=20",),
    "published_masks": ("pretrain.masking.words=0.15", "pretrain.masking.entities=0.15", "model.dropout=0.1"),
    "modern_masks": ("pretrain.masking.words=0.3", "pretrain.masking.entities=0.15", f"+{PHASE}.decay_ratio=0.1"),
}
"""Trial -> overrides of the LUKE's run."""
METRICS = "metrics.json"
COSTS = "learning_trials.json"
"""File below the dump's folder: run -> CPU seconds of its training."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """The dump on which the trials are run, and its folder."""

    data: Path
    dump: str
    overrides: tuple[str, ...]
    """Overrides of every command."""
    roberta: str
    luke: str
    """Names of the two runs in configs/run/."""
    roberta_epochs: int | None = None
    """Epochs of the RoBERTa; None for those of its run."""

    def run_name(self, name: str, seed: int) -> str:
        """Return the name of a run of this seed."""
        return f"{name}-{seed}" if self.roberta_epochs is None else f"{name}-{seed}-after-{self.roberta_epochs}"

    @property
    def root(self) -> Path:
        """Folder of the dump's artefacts."""
        return self.data / self.dump

    def run(self, stage: str, *overrides: str) -> float:
        """Run a stage and return its CPU seconds."""
        command = [sys.executable, "-m", "pipeline", f"stage={stage}", *self.overrides, *overrides]
        log = self.root / "trial-logs" / f"{stage}-{overrides[-1].rpartition('=')[2].replace('/', '-')}.log"
        return measure_command(command, log).cpu_seconds


def main(arguments: Sequence[str]) -> None:
    """Run the trials and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help="names from --list")
    parser.add_argument("--list", action="store_true", help="print the trials with their overrides")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of all artefacts")
    parser.add_argument("--dump", type=Path, help="a dump file; its name without suffixes names the folder")
    parser.add_argument("--sample", action="store_true", help="use the demo's dump and settings instead")
    parser.add_argument("--roberta-epochs", type=int, help="epochs of the RoBERTa")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(f"{name:24} {' '.join(overrides) or '-'}" for name, overrides in TRIALS.items()))
        return
    unknown = sorted(set(options.trials) - set(TRIALS))
    if unknown or bool(options.dump) == options.sample or not options.trials:
        parser.error(f"give trials of --list ({', '.join(unknown) or 'none'} unknown), and either --dump or --sample")
    place = make_workplace(options)
    for seed in options.seeds:
        prepare(place, seed)
        for trial in options.trials:
            run_trial(place, trial, seed)
    print(format_table(place, options.trials, options.seeds))


def make_workplace(options: argparse.Namespace) -> Workplace:
    """Return the dump that the command line names."""
    shared = (f"data_dir={options.data.absolute()}",)
    if options.sample:
        return Workplace(options.data, "sample", shared, "roberta_tiny", "tiny", options.roberta_epochs)
    name = options.dump.name.partition(".")[0]
    files = ("dump=local", f"dump.name={name}", f"dump.files=['{options.dump.absolute()}']")
    overrides = ("experiment=learn_entities", *files, "corpus.allow_truncated=true", *shared)
    return Workplace(options.data, name, overrides, "roberta_tiny_long", "tiny_long", options.roberta_epochs)


def prepare(place: Workplace, seed: int) -> None:
    """Build the dataset, and train and export the RoBERTa of a seed."""
    place.root.mkdir(parents=True, exist_ok=True)
    for stage in ("dump", "corpus", "vocab", "dataset"):
        place.run(stage, "overwrite=false")
    name = place.run_name("roberta", seed)
    epochs = () if place.roberta_epochs is None else (f"{PHASE}.epochs={place.roberta_epochs}",)
    overrides = (f"run={place.roberta}", f"seed={seed}", *epochs, f"run.name={name}")
    record_cost(place, name, place.run("pretrain", *overrides))
    place.run("export", *overrides)


def run_trial(place: Workplace, trial: str, seed: int) -> None:
    """Train and evaluate one trial from the RoBERTa of its seed."""
    name = place.run_name(trial, seed)
    start = place.root.absolute() / "export" / place.run_name("roberta", seed)
    overrides = (*TRIALS[trial], f"run={place.luke}", f"seed={seed}", f"pretrain.init_from={start}", f"run.name={name}")
    record_cost(place, name, place.run("pretrain", *overrides))
    place.run("evaluate", *overrides)
    print(name, file=sys.stderr, flush=True)


def record_cost(place: Workplace, name: str, seconds: float) -> None:
    """Keep the CPU seconds of a training; a later command that finds it finished takes less and does not count."""
    path = place.root / COSTS
    costs = read_json(path) if path.exists() else {}
    write_json(path, {**costs, name: max(seconds, costs.get(name, 0.0))})


def format_table(place: Workplace, trials: Sequence[str], seeds: Sequence[int]) -> str:
    """Return the trials as a Markdown table: means over the seeds, and the range in brackets if there are several."""
    costs = read_json(place.root / COSTS)
    metrics = {
        trial: [read_json(place.root / "evaluate" / place.run_name(trial, seed) / METRICS) for seed in seeds]
        for trial in trials
    }
    first = metrics[trials[0]][0]
    rows = [
        "| | visible: hits@10 | accuracy | nats | damaged or ambiguous: accuracy | hidden: hits@10 | accuracy "
        "| nats per token | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rivals = (
        "unigram", "prior_as_seen", "prior_and_titles", "naive_bayes_mention", "mention_bag", "naive_bayes_tokens",
        "naive_bayes_tokens_and_entities", "naive_bayes_all",
    )  # fmt: skip
    rows += [f"| *{rival.replace('_', ' ')}* | {' | '.join(figures([first], rival))} | |" for rival in rivals]
    for trial in trials:
        seconds = statistics.mean(costs[place.run_name(trial, seed)] for seed in seeds)
        rows.append(f"| {trial.replace('_', ' ')} | {' | '.join(figures(metrics[trial], 'model'))} | {seconds:,.0f} |")
    return "\n".join(rows)


def figures(metrics: Sequence[Mapping[str, float | None]], scorer: str) -> Iterable[str]:
    """Yield the cells of a row; a cell is empty if the scorer does not have the figure."""
    yield spread([one.get(f"entities.visible.{scorer}.hits_at_10") for one in metrics])
    yield spread([one.get(f"entities.visible.{scorer}.accuracy") for one in metrics])
    yield spread([one.get(f"entities.visible.{scorer}.loss") for one in metrics], digits=2)
    yield spread([hard_accuracy(one, scorer) for one in metrics])
    yield spread([one.get(f"entities.hidden.{scorer}.hits_at_10") for one in metrics])
    yield spread([one.get(f"entities.hidden.{scorer}.accuracy") for one in metrics])
    yield spread([one.get(f"words.{scorer}.loss") for one in metrics], digits=2)


def hard_accuracy(metrics: Mapping[str, float | None], scorer: str) -> float | None:
    """Return the accuracy on mentions that are damaged by masking or led to several entities in training."""
    right, total = 0.0, 0.0
    for group in ("damaged", "several"):
        prefix = f"entities.visible.ambiguity.{group}"
        count, accuracy = metrics.get(f"{prefix}.count"), metrics.get(f"{prefix}.{scorer}.accuracy")
        if count and accuracy is not None:
            right, total = right + count * accuracy, total + count
    return right / total if total else None


def spread(values: Sequence[float | None], digits: int = 3) -> str:
    """Return the mean, and the range in brackets if there are several values; nothing if one is missing."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return ""
    mean = f"{statistics.mean(known):.{digits}f}"
    return mean if len(known) == 1 else f"{mean} ({min(known):.{digits}f} to {max(known):.{digits}f})"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(sys.argv[1:])
