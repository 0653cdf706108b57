"""The examples of another dataset: pages that the run was trained on are left out, other vocabularies are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.compute as pc
import pytest

from pipeline.errors import PipelineError
from pipeline.evaluate.inputs import Inputs, kept_examples
from pipeline.holdout import is_held_out
from pipeline.store.files import read_json, write_json
from tests.evaluate.conftest import Animals
from tests.helpers.animals import build_other_dataset, page
from tests.helpers.stages import compose_config

HELD_OUT = [number for number in range(40) if is_held_out(f"page-{number}", 0.4)]
TRAIN = [number for number in range(40) if number not in HELD_OUT]


def open_inputs(animals: Animals, *overrides: str) -> Inputs:
    """Open the inputs of an evaluation of the animals."""
    config = compose_config("stage=evaluate", *animals.overrides, *overrides)
    return Inputs.open(config.evaluate, config.layout)


@pytest.fixture(scope="module")
def other(animals: Animals) -> Path:
    """Return a dataset of 20 new pages, of which one has the title of a training page, and of one of the old ones."""
    new = [page(number, "new") for number in range(20)]
    known = next(number for number in range(20) if is_held_out(f"new-{number}", 0.4))
    new[known] = new[known].replace(f'"title": "new {known}"', f'"title": "page {TRAIN[0]}"')
    return build_other_dataset(animals.data_dir, [*new, page(HELD_OUT[0]), page(TRAIN[1])], "other")


def test_nothing_of_the_runs_own_dataset_is_left_out(animals):
    inputs = open_inputs(animals)
    assert len(inputs.left_out_pages()) == 0
    assert set(inputs.data.validation.page_ids.to_pylist()) == {f"page-{number}" for number in HELD_OUT}
    assert sorted(inputs.parents()) == ["dataset", "pretrain", "vocab"]


def test_a_page_with_a_known_title_is_left_out(animals, other):
    inputs = open_inputs(animals, f"evaluate.dataset={other}")
    held_out = [f"new-{number}" for number in range(20) if is_held_out(f"new-{number}", 0.4)]
    assert inputs.left_out_pages().to_pylist() == [held_out[0]]
    kept = kept_examples(inputs.data.validation.page_ids, inputs.left_out_pages())
    pages = inputs.data.validation.page_ids.take(pc.cast(kept, "int64"))
    assert set(pages.to_pylist()) == {*held_out[1:], f"page-{HELD_OUT[0]}"}
    assert inputs.parents()["scored_dataset"] == inputs.scored.fingerprint
    assert set(inputs.data.train.page_ids.to_pylist()) == {f"page-{number}" for number in TRAIN}


def test_a_page_with_a_known_id_is_left_out(animals, other, tmp_path):
    """A dataset with a larger share holds out pages that this run was trained on."""
    shutil.copytree(other.parent, tmp_path / "other")
    for split in ("train", "validation"):  # exchange the splits: page-TRAIN[1] is held out now
        (tmp_path / "other" / "dataset" / split).rename(tmp_path / split)
    (tmp_path / "train").rename(tmp_path / "other" / "dataset" / "validation")
    (tmp_path / "validation").rename(tmp_path / "other" / "dataset" / "train")
    inputs = open_inputs(animals, f"evaluate.dataset={tmp_path}/other/dataset")
    assert inputs.left_out_pages().to_pylist() == [f"page-{TRAIN[1]}"]


def test_a_dataset_whose_corpus_is_gone_is_refused(animals, other, tmp_path):
    shutil.copytree(other.parent, tmp_path / "other")
    shutil.rmtree(tmp_path / "other" / "corpus")
    inputs = open_inputs(animals, f"evaluate.dataset={tmp_path}/other/dataset")
    with pytest.raises(PipelineError, match="was made from the artefact corpus with the fingerprint"):
        inputs.left_out_pages()


def test_a_dataset_of_another_vocabulary_is_refused(animals, small_data_dir):
    dataset = small_data_dir / "small" / "dataset"
    with pytest.raises(PipelineError, match=f"evaluate.dataset is {dataset}, whose vocabulary .* another tokenizer"):
        open_inputs(animals, f"evaluate.dataset={dataset}")


def test_a_folder_that_is_not_a_dataset_is_refused(animals, tmp_path):
    with pytest.raises(PipelineError, match=f"{tmp_path}/no does not exist: run the stage dataset first"):
        open_inputs(animals, f"evaluate.dataset={tmp_path}/no")
    with pytest.raises(PipelineError, match="was built by the stage vocab, not by dataset"):
        open_inputs(animals, f"evaluate.dataset={animals.root}/vocab")


def test_a_missing_run_is_refused(animals):
    with pytest.raises(PipelineError, match="pretrain/absent does not exist: run the stage pretrain first"):
        open_inputs(animals, "run.name=absent")


def test_a_run_of_another_dataset_is_refused(animals, tmp_path):
    shutil.copytree(animals.root, tmp_path / "animals")
    record = read_json(tmp_path / "animals" / "dataset" / "manifest.json")
    write_json(tmp_path / "animals" / "dataset" / "manifest.json", record | {"counts": {}})
    with pytest.raises(
        PipelineError, match=r"was trained on another dataset than .*: choose its own with dataset.name"
    ):
        open_inputs(animals, f"data_dir={tmp_path}")
