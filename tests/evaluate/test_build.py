"""The artefact of an evaluation: complete, consistent, deterministic; other datasets, models and processes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.dataset.reader import ExampleStore
from pipeline.errors import PipelineError
from pipeline.evaluate.artefact import ENTITY_RIVALS, GROUPINGS, KEYS, MENTION_COLUMNS, SETTING_RIVALS, key_pattern
from pipeline.holdout import is_held_out
from pipeline.store.files import read_json
from pipeline.vocab.words import load_word_vocab
from tests.evaluate.conftest import Animals
from tests.helpers.animals import build_other_dataset, page
from tests.helpers.stages import TINY_OVERRIDES, run_stage

ROOT = Path(__file__).parents[2]
Metrics = dict[str, float | None]


def evaluate(animals: Animals, name: str, *overrides: str) -> Path:
    """Evaluate the animals and return the folder."""
    run_stage("evaluate", *animals.overrides, f"evaluate.name={name}", *overrides)
    return animals.root / f"evaluate-{name}" / "tiny"


def read_metrics(folder: Path) -> Metrics:
    """Read metrics.json."""
    metrics: Metrics = read_json(folder / "metrics.json")
    return metrics


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of all files but run.json and the report, which have times."""
    left_out = ("run.json", "report.html")
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in left_out}


@pytest.fixture(scope="module")
def folder(animals: Animals) -> Path:
    """Return a finished evaluation with curves of the checkpoints."""
    return evaluate(animals, "build", "evaluate.checkpoints=true")


def test_every_key_is_documented_and_every_documented_key_is_there(folder):
    patterns = {key: key_pattern(key) for key in read_metrics(folder)}
    assert [key for key, pattern in patterns.items() if pattern is None] == []
    assert set(patterns.values()) == set(KEYS)


def test_groups_and_the_account_add_up(folder):
    metrics, counts = read_metrics(folder), read_json(folder / "manifest.json")["counts"]
    assert counts["words.count"] == metrics["words.count"] > 100
    assert counts["entities.visible.count"] == counts["entities.hidden.count"] > 20
    assert counts["entities.moved.count"] + counts["entities.moved.left_out"] == counts["entities.visible.count"]
    assert counts["entities.train.count"] == 20
    assert counts["pages.count"] == sum(is_held_out(f"page-{number}", 0.4) for number in range(40))
    assert not any("frequency" in key for key in counts)
    for grouping in GROUPINGS:
        parts = [key for key in metrics if key.startswith(f"entities.visible.{grouping}.") and key.endswith(".count")]
        assert sum(metrics[key] for key in parts) == metrics["entities.visible.count"]


def test_the_parquet_has_every_scored_mention(folder, animals):
    metrics, table = read_metrics(folder), pq.read_table(folder / "mentions.parquet")
    expected = []
    for column in MENTION_COLUMNS:
        setting = "hidden" if column.startswith("hidden") else "visible"
        scorers = ("model", *SETTING_RIVALS[setting]) if "{scorer}" in column else ("",)
        expected += [column.format(scorer=scorer) for scorer in scorers]
    assert sorted(table.column_names) == sorted(expected)
    rows = table.to_pylist()
    assert len(rows) == metrics["entities.visible.count"]
    assert [(row["example"], row["entity_number"]) for row in rows] == sorted(
        (row["example"], row["entity_number"]) for row in rows
    )
    for scorer in ("model", *ENTITY_RIVALS):
        hits = np.mean([row[f"rank_{scorer}"] <= 10 for row in rows])
        assert metrics[f"entities.visible.{scorer}.hits_at_10"] == pytest.approx(hits)
        loss = np.mean([row[f"loss_{scorer}"] for row in rows])
        assert metrics[f"entities.visible.{scorer}.loss"] == pytest.approx(loss)
    assert metrics["entities.hidden.model.mrr"] == pytest.approx(np.mean([1 / r["hidden_rank_model"] for r in rows]))
    store = ExampleStore.open(animals.root / "dataset" / "validation")
    tokenizer = load_word_vocab(animals.root / "vocab" / "words").tokenizer
    for row in rows:
        example = store.example(row["example"])
        start, end = example.entity_spans[row["entity_number"]]
        assert row["page_id"] == example.page_id
        assert row["entity_id"] == example.entity_ids[row["entity_number"]]
        assert row["mention"] == tokenizer.decode(list(example.word_ids[start:end])).strip()
        assert row["title"].partition(" ")[0].lower() == row["mention"].lower()
        assert (row["seen"] != row["mention"]) == (row["ambiguity"] == "damaged")
    assert {row["ambiguity"] for row in rows} == {"one", "several", "unseen", "damaged"}


def test_the_last_checkpoint_has_the_figures_of_the_model(folder):
    metrics, points = read_metrics(folder), read_json(folder / "checkpoints.json")
    assert [(point["phase"], point["step"]) for point in points] == [
        ("entities", 8), ("entities", 15), ("all", 23), ("all", 30),
    ]  # fmt: skip
    assert points[-1]["figures"] == {key: metrics[key] for key in points[-1]["figures"]}
    assert {"words.model.loss", "entities.visible.model.hits_at_10", "entities.hidden.model.loss"} <= set(
        points[0]["figures"]
    )
    assert points[0]["figures"]["words.model.loss"] != points[-1]["figures"]["words.model.loss"]


def test_the_pictures_are_png(folder):
    for name in ("loss_curves.png", "checkpoint_curves.png"):
        assert (folder / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_evaluating_again_gives_the_same_bytes_and_another_seed_others(folder, animals):
    before = files_of(folder)
    evaluate(animals, "build", "evaluate.checkpoints=true", "evaluate.seed=2", "overwrite=true")
    assert files_of(folder)["metrics.json"] != before["metrics.json"]
    evaluate(animals, "build", "evaluate.checkpoints=true", "overwrite=true")
    assert files_of(folder) == before


def test_the_size_of_the_batches_does_not_change_the_figures_and_they_are_printed(folder, animals, capsys):
    other = read_metrics(evaluate(animals, "small_batches", "evaluate.micro_batch_tokens=60"))
    printed = capsys.readouterr().err
    assert "prior, clean (sees more than the model)" in printed
    assert "embedding bag, mention as seen" in printed
    assert "entities, held out, hits@10, model minus naive Bayes, mention and all around" in printed
    assert "entities, held out, hits@10, model minus prior, mention as seen" in printed
    ours, theirs = (
        {key: value for key, value in metrics.items() if value is not None} for metrics in (read_metrics(folder), other)
    )
    assert ours == pytest.approx(theirs, abs=1e-6, rel=0)


def test_a_bag_without_passes_has_no_figures_and_changes_no_others(folder, animals, capsys):
    without = evaluate(animals, "no_bag", "evaluate.bag_passes=0")
    expected = {key: value for key, value in read_metrics(folder).items() if ".mention_bag." not in key}
    assert read_metrics(without) == expected
    assert len(expected) < len(read_metrics(folder))
    columns = [set(pq.read_schema(path / "mentions.parquet").names) for path in (folder, without)]
    assert columns[0] - columns[1] == {"rank_mention_bag", "loss_mention_bag"}
    for text in (capsys.readouterr().err, (without / "report.html").read_text(encoding="utf-8")):
        assert "naive Bayes, mention as seen" in text
        assert "embedding bag" not in text


def test_the_export_has_the_same_figures_as_the_run(folder, animals):
    export = evaluate(animals, "export", f"evaluate.model={animals.root}/export/tiny")
    assert read_metrics(export) == read_metrics(folder)
    assert sorted(files_of(export)) == ["manifest.json", "mentions.parquet", "metrics.json"]
    assert "scored_model" in read_json(export / "manifest.json")["parents"]


def test_pages_of_another_dataset_are_scored_without_those_that_are_known(folder, animals):
    known = next(number for number in range(20) if is_held_out(f"new-{number}", 0.4))
    train = next(number for number in range(40) if not is_held_out(f"page-{number}", 0.4))
    pages = [page(number, "new") for number in range(20)]
    pages[known] = pages[known].replace(f'"title": "new {known}"', f'"title": "page {train}"')
    dataset = build_other_dataset(animals.data_dir, pages, "unknown")
    other = evaluate(animals, "other", f"evaluate.dataset={dataset}")
    metrics = read_metrics(other)
    assert metrics["pages.left_out"] == 1
    assert metrics["pages.count"] == sum(is_held_out(f"new-{number}", 0.4) for number in range(20)) - 1
    scored = set(pq.read_table(other / "mentions.parquet")["page_id"].to_pylist())
    assert all(page_id.startswith("new-") for page_id in scored)
    assert f"new-{known}" not in scored
    assert metrics["entities.train.model.loss"] == read_metrics(folder)["entities.train.model.loss"]


def test_a_words_only_model_has_words_only(animals):
    words_only = ["run=roberta_tiny", "run.name=words", "pretrain.init_from=null", "pretrain.phases.all.epochs=0.1"]
    overrides = [item for item in animals.overrides if "phases" not in item and not item.startswith(("run=", "model"))]
    overrides = [item for item in overrides if "init_from" not in item]
    for stage in ("pretrain", "evaluate"):
        run_stage(stage, *overrides, *words_only, "evaluate.checkpoints=true")
    folder = animals.root / "evaluate" / "words"
    metrics = read_metrics(folder)
    assert {key.split(".")[0] for key in metrics} == {"words", "pages"}
    assert metrics["words.count"] > 100
    assert not (folder / "mentions.parquet").exists()
    assert (folder / "checkpoint_curves.png").exists()


def test_two_evaluations_are_compared(folder, animals, capsys):
    evaluate(animals, "build", "evaluate.runs=[tiny]")
    comparison = read_json(animals.root / "evaluate-build" / "comparison.json")
    metrics = read_metrics(folder)
    assert comparison["words.loss"]["runs"] == {"tiny": metrics["words.model.loss"]}
    assert comparison["entities.hidden.mrr"]["rivals"]["unigram"] == metrics["entities.hidden.unigram.mrr"]
    assert "best rival" in capsys.readouterr().err


def test_a_refused_model_leaves_nothing_behind(animals):
    with pytest.raises(PipelineError, match="a RoBERTa, but the run has entities"):
        evaluate(animals, "refused", f"evaluate.model={animals.data_dir}/roberta")
    assert list((animals.root / "evaluate-refused").iterdir()) == []


def test_settings_that_cannot_work_are_refused(animals):
    for override, message in (
        ("evaluate.masking.hide_mentions=0.2", "hide_mentions is 0.2: it must be 0"),
        ("evaluate.runs=[a,a]", r"runs is \[a, a\]: it names a run twice"),
        ("evaluate.moved_mentions=-1", "moved_mentions is -1: it cannot be negative"),
        ("evaluate.bag_passes=-1", "bag_passes is -1: it cannot be negative"),
        ("evaluate.rival_examples=0", "rival_examples is 0: at least 1 is needed"),
    ):
        with pytest.raises(PipelineError, match=message):
            evaluate(animals, "refused", override)
    with pytest.raises(PipelineError, match=r"checkpoints is true, but model is a, and only the run itself has"):
        evaluate(animals, "refused", "evaluate.checkpoints=true", "evaluate.model=a")


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(folder, animals):
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(ROOT / "configs/launch/ddp.yaml"),
        "--num_processes=2", "-m", "pipeline", "stage=evaluate", *animals.overrides, "evaluate.name=two",
        "evaluate.checkpoints=true",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    two = animals.root / "evaluate-two" / "tiny"
    assert read_json(two / "run.json")["processes"] == 2
    assert files_of(two) == files_of(folder)


# ---------------------------------------------------------------------------------------------- the small wiki


@pytest.fixture(scope="module")
def small_metrics(trained_data_dir: Path) -> Metrics:
    """Return the figures of the small wiki's LUKE, which has one held-out page."""
    return read_metrics(trained_data_dir / "small" / "evaluate" / "tiny")


def test_an_untrained_model_is_near_uniform(small_metrics, trained_data_dir):
    words = load_word_vocab(trained_data_dir / "small" / "vocab" / "words").size
    assert small_metrics["words.model.loss"] == pytest.approx(math.log(words), abs=0.5)


def test_a_single_held_out_page_has_no_other_page_to_move_a_mention_to(small_metrics):
    assert small_metrics["pages.count"] == 1
    assert small_metrics["entities.moved.count"] == 0
    assert small_metrics["entities.moved.left_out"] == small_metrics["entities.visible.count"] > 0
    assert small_metrics["entities.moved.model.loss"] is None
    assert small_metrics["entities.moved.host"] is None


def test_the_unigram_is_over_the_training_tokens(small_metrics, trained_data_dir):
    """The rival's mean loss is between those of the most and the least frequent token."""
    root = trained_data_dir / "small"
    vocab, train = load_word_vocab(root / "vocab" / "words"), ExampleStore.open(root / "dataset" / "train")
    ids = np.concatenate([np.array(train.example(index).word_ids) for index in range(len(train))])
    counts = np.bincount(ids[~vocab.special[ids]], minlength=vocab.size)
    least = math.log(counts.sum() + vocab.size)
    assert least - math.log(counts.max() + 1) <= small_metrics["words.unigram.loss"] <= least


def test_an_evaluation_that_is_up_to_date_is_not_repeated(trained_data_dir, roberta, capsys):
    folder = trained_data_dir / "small" / "evaluate" / "tiny"
    before = (folder / "run.json").read_bytes()
    run_stage("evaluate", *TINY_OVERRIDES, f"data_dir={trained_data_dir}", f"pretrain.init_from={roberta}")
    assert (folder / "run.json").read_bytes() == before
    assert "evaluate/tiny is up to date" in capsys.readouterr().err
