"""The line on the hand-made wiki, built once per test session by the real stages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the Hub is wrong
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest

from tests.line import SMALL, run_stage


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_dir with dump, corpus, vocab and dataset of the small wiki; not to be written to."""
    data_dir = tmp_path_factory.mktemp("small")
    for stage in ("dump", "corpus", "vocab", "dataset"):
        run_stage(stage, *SMALL, f"data_dir={data_dir}")
    return data_dir


@pytest.fixture
def linked(small: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes data_dirs of one's own whose data stages are the small wiki's."""

    def make(name: str) -> Path:
        root = tmp_path / name / "small"
        root.mkdir(parents=True)
        for stage in ("dump", "corpus", "vocab", "dataset"):
            (root / stage).symlink_to(small / "small" / stage, target_is_directory=True)
        return root.parent

    return make
