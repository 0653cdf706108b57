"""The line on the hand-made wiki, built once per test session by the real stages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the Hub is wrong
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from hydra import compose, initialize_config_dir

from pipeline.__main__ import CONFIGS, STAGES, composed
from pipeline.config import Config, typed

WIKI = Path(__file__).parent / "fixtures" / "wiki.xml"
SMALL = [
    "dump=local", "dump.name=small", f"dump.files=[{WIKI}]", "validation_share=0.25", "executor.workers=1",
    "vocab.words.size=400", "vocab.words.min_count=2", "vocab.entities.min_count=1",
    "dataset.max_words=48", "dataset.max_sentence=46", "dataset.min_sentence=3",
]  # fmt: skip
"""Overrides that make much of a small wiki: short sequences, so that there are many."""


def configured(*overrides: str) -> Config:
    """The config as the command line would compose it."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return typed(composed(compose("config", list(overrides))))


def run_stage(stage: str, *overrides: str) -> Config:
    """Run one stage in this process."""
    config = configured(f"stage={stage}", *overrides)
    STAGES[stage](config)
    return config


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
