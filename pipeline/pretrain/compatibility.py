"""Checks before the first step of a training run."""

from __future__ import annotations

from pipeline.errors import PipelineError
from pipeline.model.dimensions import WORD_PAD
from pipeline.model.luke import Luke
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.data import TrainingData


def check_compatibility(config: PretrainConfig, model: Luke, data: TrainingData, process_count: int) -> None:
    """Check that the data fits the model and the number of processes.

    Raises:
        PipelineError: a sequence is longer than the model allows, or a step has fewer examples than processes.
    """
    check_sequence_lengths(model, data)
    if config.batch_size < process_count:
        raise PipelineError(
            f"pretrain.batch_size is {config.batch_size}, but {process_count} processes were started: each of them "
            f"needs at least one example per step, so raise the batch size or start fewer processes"
        )


def check_sequence_lengths(model: Luke, data: TrainingData) -> None:
    """Raise PipelineError if a sequence of the data is longer than the model allows."""
    positions = max_sequence_length(model)
    longest = max(int(store.word_lengths.max(initial=0)) for store in (data.train, data.validation))
    if longest > positions:
        raise PipelineError(
            f"the dataset has sequences of {longest} tokens, but the model has positions for {positions} only: "
            f"build the dataset with dataset.max_seq_length={positions}, or start from a checkpoint with more positions"
        )


def max_sequence_length(model: Luke) -> int:
    """Return the largest number of tokens of a sequence that the model can read."""
    return model.dimensions.max_positions - WORD_PAD - 1
