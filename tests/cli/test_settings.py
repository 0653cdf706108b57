"""The page of settings: values, the files that set them, and their sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from pipeline.cli.paths import CONFIGS
from pipeline.cli.settings import COMMAND_LINE, Setting, list_settings, read_yaml_comments, top_comment

ROOT = Path(__file__).parents[2]


def settings(*overrides: str) -> dict[str, Setting]:
    """Return the settings of a composed config by key."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        listed = list_settings(compose("config", list(overrides)), overrides)
    return {setting.key: setting for setting in listed}


@pytest.fixture(scope="module")
def paper() -> dict[str, Setting]:
    """Return the settings of the published luke-large, with another batch size and phase, and no dump files."""
    return settings(
        "stage=settings", "experiment=luke_large_paper", "dump=local", "dump.files=???",
        "pretrain.batch_size=8", "pretrain.phases.all={epochs: 2}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "file", "source"),
    [
        ("pretrain.optimizer.epsilon", "1.0e-06", "pretrain/_recipe.yaml", "pretraining_config"),
        ("pretrain.optimizer.clip_norm", "null", "pretrain/_recipe.yaml",
         "pretraining_config: 10,000, no effective clipping"),
        ("pretrain.init_from", "roberta-large", "run/luke_large.yaml", ""),
        ("model.attention", "vanilla", "run/_paper.yaml",
         "the published models were pretrained with vanilla attention (luke#76)"),
        ("pretrain.phases.all.learning_rate", "1.0e-05", "pretrain/luke.yaml", "pretraining_config"),
        ("runs", "[luke_large_paper]", "experiment/luke_large_paper.yaml", ""),
        ("dump.source", "local", "dump/local.yaml", ""),
    ],
)  # fmt: skip
def test_a_value_has_its_file_and_the_comment_after_it(
    paper: dict[str, Setting], key: str, value: str, file: str, source: str
) -> None:
    assert paper[key] == Setting(key, value, file, source)


@pytest.mark.parametrize(("key", "value"), [("pretrain.batch_size", "8"), ("pretrain.phases.all.epochs", "2")])
def test_an_override_is_named_as_one(paper: dict[str, Setting], key: str, value: str) -> None:
    assert paper[key] == Setting(key, value, COMMAND_LINE, "")


def test_a_value_of_another_key_is_traced_to_its_file(paper: dict[str, Setting]) -> None:
    found = paper["evaluate.masking.unknown_entities"]
    assert (found.value, found.file) == ("true", "run/_paper.yaml")
    assert found.source.startswith("pretrain.masking.unknown_entities: upstream masks")
    assert paper["evaluate.entities"] == Setting(
        "evaluate.entities", "true", "model/luke.yaml", "the same as model.entities"
    )


def test_missing_values_are_printed_and_optional_ones_without_a_value_are_not(paper: dict[str, Setting]) -> None:
    assert paper["dump.files"].value == "(missing)"
    assert "corpus.keep_titles" not in paper
    assert "vocab.name" not in paper


def test_a_deleted_group_is_left_out() -> None:
    assert not any(key.startswith("evaluate.") for key in settings("stage=settings", "~evaluate"))


def test_comments_are_those_of_their_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        "# @package _global_\n# One,\n# two.\n\ndefaults:\n  - a  # no\na: 1  # first\nb:\n  # no\n"
        "  c: 'x # y'   # second\n  d: [1, 2]\ne: {}  # third\nf: null\n"
    )
    assert dict(read_yaml_comments(tmp_path / "x.yaml")) == {
        "a": "first",
        "b.c": "second",
        "b.d": "",
        "e": "third",
        "f": "",
    }
    assert top_comment(tmp_path / "x.yaml") == "One, two."


def test_the_page_is_readable_without_a_terminal() -> None:
    overrides = ["experiment=luke_base", "corpus=jsonl", "pretrain.init_from=${data_dir}/${corpus.source}"]
    command = [sys.executable, "-m", "pipeline", "stage=settings", *overrides]
    page = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = page.splitlines()
    assert "\x1b" not in page
    assert all(line == line.rstrip() for line in lines)
    assert any(line.startswith("  init_from ") and " data/jsonl " in line for line in lines)
    [row] = [line for line in lines if line.startswith("  entity_emb_size")]
    assert row.split(maxsplit=3) == ["entity_emb_size", "256", "model/luke.yaml", "paper, section 3.3"]
    assert "  model/luke.yaml" in "\n".join(lines[lines.index("files in configs/") :])
    assert len(lines) < 130
