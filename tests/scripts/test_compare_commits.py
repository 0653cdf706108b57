"""The comparison of two results: what counts as a difference and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from scripts.compare_commits import compare_folders, workflows


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Write the same result twice, with other times, cards and records."""
    for number, side in enumerate(("before", "after")):
        corpus, model = tmp_path / side / "sample" / "corpus", tmp_path / side / "sample" / "pretrain" / "tiny"
        corpus.mkdir(parents=True)
        model.mkdir(parents=True)
        (corpus / "articles-00000.parquet").write_bytes(b"rows")
        (corpus / "README.md").write_text(side)
        (corpus / "manifest.json").write_text(side)
        save_file({"a": np.arange(3.0)}, model / "model.safetensors", metadata={"side": side})
        line = {"kind": "train", "phase": "all", "step": 1, "word_loss": 2.5, "tokens_per_second": 100.0 + number}
        (model / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return tmp_path / "before", tmp_path / "after"


def test_times_cards_and_records_are_no_difference(sides: tuple[Path, Path]) -> None:
    assert list(compare_folders(*sides)) == []


def test_a_byte_a_tensor_and_a_loss_are_differences(sides: tuple[Path, Path]) -> None:
    after = sides[1] / "sample"
    (after / "corpus" / "articles-00000.parquet").write_bytes(b"row")
    save_file({"a": np.array([0.0, 1.0, 2.0 + 1e-12])}, after / "pretrain" / "tiny" / "model.safetensors")
    (after / "pretrain" / "tiny" / "metrics.jsonl").write_text(
        '{"kind": "train", "phase": "all", "step": 1, "word_loss": 2.6}\n'
    )
    assert list(compare_folders(*sides)) == [
        "differs: sample/corpus/articles-00000.parquet",
        "differs: sample/pretrain/tiny/metrics.jsonl",
        "differs: sample/pretrain/tiny/model.safetensors",
    ]


def test_a_missing_file_is_a_difference(sides: tuple[Path, Path]) -> None:
    (sides[1] / "sample" / "corpus" / "articles-00000.parquet").rename(sides[1] / "sample" / "corpus" / "b.parquet")
    assert list(compare_folders(*sides)) == [
        "only before: sample/corpus/articles-00000.parquet",
        "only after: sample/corpus/b.parquet",
    ]


def test_a_dump_gets_a_name_and_quotes(tmp_path: Path) -> None:
    assert list(workflows([tmp_path / "a b.xml"])) == [
        ("sample", []),
        (
            "dump0",
            ["dump=local", "dump.name=dump0", f"dump.files=['{tmp_path}/a b.xml']", "corpus.allow_truncated=true"],
        ),
    ]
