"""Fixtures: the stages' artefacts for the small hand-made wiki, built once per test session."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may use the network
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["OMP_NUM_THREADS"] = "1"  # threads of parallel tests slow each other down: 19 seconds instead of 3
os.environ["ACCELERATE_USE_CPU"] = "true"  # the same results on a machine with a GPU

import pytest

from pipeline.vocab.words import load_word_vocab
from tests.helpers.stages import SMALL_OVERRIDES, TINY_OVERRIDES, link_data_stages, run_stage, save_roberta


@pytest.fixture
def file_count_over_limit() -> Iterator[int]:
    """Lower the limit on open files to about 200, and give a number of files above it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 200, hard))
    yield 250
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def small_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a read-only data_dir with dump, corpus, vocab and dataset of the small wiki."""
    data_dir = tmp_path_factory.mktemp("small")
    for stage in ("dump", "corpus", "vocab", "dataset"):
        run_stage(stage, *SMALL_OVERRIDES, f"data_dir={data_dir}")
    return data_dir


@pytest.fixture
def make_data_dir(small_data_dir: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a writable data_dir with links to the small wiki's data stages."""

    def make(name: str) -> Path:
        return link_data_stages(small_data_dir, tmp_path / name)

    return make


@pytest.fixture(scope="session")
def roberta(small_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a RoBERTa of two narrow layers with random weights, as transformers saves it."""
    folder = tmp_path_factory.mktemp("roberta")
    save_roberta(folder, vocab_size=load_word_vocab(small_data_dir / "small" / "vocab" / "words").size, positions=512)
    return folder


@pytest.fixture(scope="session")
def trained_data_dir(small_data_dir: Path, roberta: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a read-only data_dir with a LUKE of the small wiki, trained, evaluated and exported."""
    data_dir = tmp_path_factory.mktemp("trained")
    link_data_stages(small_data_dir, data_dir)
    for stage in ("pretrain", "evaluate", "export"):
        run_stage(stage, *TINY_OVERRIDES, f"data_dir={data_dir}", f"pretrain.init_from={roberta}")
    return data_dir
