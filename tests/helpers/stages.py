"""Run stages in a test: config, stages, and overrides that fit the small wiki."""

from __future__ import annotations

from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from transformers import RobertaConfig, RobertaForMaskedLM

from pipeline.cli.config import Config, parse_config
from pipeline.cli.main import run
from pipeline.cli.paths import CONFIGS

WIKI_FILE = Path(__file__).parents[1] / "fixtures" / "wiki.xml"
SMALL_OVERRIDES = [
    "dump=local", "dump.name=small", f"dump.files=[{WIKI_FILE}]", "validation_share=0.25", "executor.workers=1",
    "vocab.tokenizer.size=400", "vocab.tokenizer.min_count=2", "vocab.entities.min_count=1",
    "dataset.max_seq_length=48", "dataset.max_sentence_length=46", "dataset.min_sentence_length=3",
]  # fmt: skip
"""Overrides for the small wiki. Sequences are short, so that there are many."""


TINY_OVERRIDES = [
    "run=tiny", *SMALL_OVERRIDES, "model.entity_emb_size=16", "model.entity_init=positions",
    "pretrain.batch_size=4", "pretrain.micro_batch_tokens=500",
    "pretrain.phases.entities.epochs=3", "pretrain.phases.entities.learning_rate=2e-3",
    "pretrain.phases.all.epochs=4", "pretrain.log_every=1",
    "pretrain.checkpoints_per_phase=3", "pretrain.keep_checkpoints=10", "pretrain.validations_per_phase=1",
]  # fmt: skip
"""Overrides for a LUKE of the small wiki that trains in a second, in phases of six and eight steps."""


def compose_config(*overrides: str) -> Config:
    """Return the config that the command line would compose."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return parse_config(compose("config", list(overrides)))


def run_stage(stage: str, *overrides: str) -> Config:
    """Run one stage in this process."""
    config = compose_config(f"stage={stage}", *overrides)
    run(config)
    return config


def link_data_stages(small_data_dir: Path, data_dir: Path) -> Path:
    """Link the small wiki's data stages into `data_dir`, and return it."""
    root = data_dir / "small"
    root.mkdir(parents=True)
    for stage in ("dump", "corpus", "vocab", "dataset"):
        (root / stage).symlink_to(small_data_dir / "small" / stage, target_is_directory=True)
    return data_dir


def save_roberta(folder: Path, *, vocab_size: int, positions: int) -> None:
    """Save a RoBERTa of two narrow layers with random weights, as transformers does."""
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=positions + 2, type_vocab_size=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(folder)
