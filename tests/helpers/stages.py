"""Running the line in a test: its config, its stages, and settings that make much of the small wiki."""

from __future__ import annotations

from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from transformers import RobertaConfig, RobertaForMaskedLM

from pipeline.cli.config import Config, typed
from pipeline.cli.main import CONFIGS, STAGES, composed

WIKI = Path(__file__).parents[1] / "fixtures" / "wiki.xml"
SMALL = [
    "dump=local", "dump.name=small", f"dump.files=[{WIKI}]", "validation_share=0.25", "executor.workers=1",
    "vocab.words.size=400", "vocab.words.min_count=2", "vocab.entities.min_count=1",
    "dataset.max_words=48", "dataset.max_sentence=46", "dataset.min_sentence=3",
]  # fmt: skip
"""Overrides that make much of a small wiki: short sequences, so that there are many."""


TINY = [
    "run=tiny", *SMALL, "model.entity_embedding=16", "model.entity_start=positions",
    "pretrain.batch=4", "pretrain.micro_batch_tokens=500",
    "pretrain.phases.entities.epochs=3", "pretrain.phases.entities.learning_rate=2e-3",
    "pretrain.phases.all.epochs=4", "pretrain.log_every=1",
    "pretrain.checkpoints=3", "pretrain.keep=10", "pretrain.validations=1",
]  # fmt: skip
"""Overrides for a LUKE of the small wiki that trains in a second, six steps and eight."""


def configured(*overrides: str) -> Config:
    """The config as the command line would compose it."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return typed(composed(compose("config", list(overrides))))


def run_stage(stage: str, *overrides: str) -> Config:
    """Run one stage in this process."""
    config = configured(f"stage={stage}", *overrides)
    STAGES[stage](config)
    return config


def shared(small: Path, data_dir: Path) -> Path:
    """Give `data_dir` the small wiki's data stages, as links."""
    root = data_dir / "small"
    root.mkdir(parents=True)
    for stage in ("dump", "corpus", "vocab", "dataset"):
        (root / stage).symlink_to(small / "small" / stage, target_is_directory=True)
    return data_dir


def save_roberta(folder: Path, *, vocab_size: int, positions: int) -> None:
    """A RoBERTa of two narrow layers with random weights, as transformers saves it."""
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=positions + 2, type_vocab_size=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(folder)
