"""Paths of artefacts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.layout import Layout, name_override


def test_folders_of_stages_and_runs() -> None:
    layout = Layout(Path("data/sample"), "tiny", {"corpus": "", "vocab": "small"})
    assert str(layout.folder("corpus")) == "data/sample/corpus"
    assert str(layout.folder("vocab")) == "data/sample/vocab-small"
    assert str(layout.folder("pretrain")) == "data/sample/pretrain/tiny"


def test_an_evaluation_has_variants_and_a_folder_per_run() -> None:
    layout = Layout(Path("data/sample"), "tiny", {"evaluate": "other"})
    assert str(layout.folder("evaluate")) == "data/sample/evaluate-other/tiny"
    assert [name_override(stage) for stage in ("corpus", "pretrain", "evaluate", "export")] == [
        "corpus.name=...", "run.name=...", "evaluate.name=...", "run.name=...",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [".", "..", "a/b", ".hidden"])
def test_a_name_that_is_not_a_folder_name_is_refused(name: str) -> None:
    with pytest.raises(PipelineError, match=rf"^vocab.name is '{name}': a folder's name"):
        Layout(Path("data"), "tiny", {"vocab": name})
    with pytest.raises(PipelineError, match=rf"^run.name is '{name}': a folder's name"):
        Layout(Path("data"), name)
