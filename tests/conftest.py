"""The line on the hand-made wiki, built once per test session by the real stages."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the Hub is wrong
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["OMP_NUM_THREADS"] = "1"  # the threads of two tests on two cores wait for each other: 19 seconds for 3
os.environ["ACCELERATE_USE_CPU"] = "true"  # the same figures on a machine with a GPU

import pytest

from pipeline.vocab.words import load
from tests.helpers.stages import SMALL, TINY, run_stage, save_roberta, shared


@pytest.fixture
def few_files() -> Iterator[int]:
    """More files than can be open at once, which elsewhere are 1,024 and here some two hundred."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 200, hard))
    yield 250
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


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
        return shared(small, tmp_path / name)

    return make


@pytest.fixture(scope="session")
def roberta(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RoBERTa of two narrow layers with random weights, as transformers saves it."""
    folder = tmp_path_factory.mktemp("roberta")
    save_roberta(folder, vocab_size=load(small / "small" / "vocab" / "words").size, positions=512)
    return folder


@pytest.fixture(scope="session")
def trained(small: Path, roberta: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_dir with a LUKE of the small wiki, trained, evaluated and exported; not to be written to."""
    data_dir = tmp_path_factory.mktemp("trained")
    shared(small, data_dir)
    for stage in ("pretrain", "evaluate", "export"):
        run_stage(stage, *TINY, f"data_dir={data_dir}", f"pretrain.start={roberta}")
    return data_dir
