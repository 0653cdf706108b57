"""Load a LUKE in transformers' format with all its rows, to compute what transformers computes.

The input is a folder that `make export` wrote, or a released LUKE. Unlike `from_checkpoint.py`, which copies the rows
of our vocabularies into a new model, this module keeps the checkpoint's own vocabularies: its rows of `<ent>`, `<ent2>`
and [MASK2] stay, so probabilities are those of transformers' LukeForMaskedLM.
"""

from __future__ import annotations

from transformers import PretrainedConfig

from pipeline.model.config import ModelConfig
from pipeline.model.hf_checkpoint import LUKE, StateDict, read_config, read_weights
from pipeline.model.luke import Luke
from pipeline.model.weights import ENTITY_QUERY, dimensions_from_checkpoint, empty_model, load_strict

MAX_LOGITS_BYTES = 1 << 30
"""`ModelConfig.max_logits_bytes` of a loaded model."""


def load_transformers_luke(source: str) -> Luke:
    """Return the LUKE in `source`, a folder or a name on the Hub, on the CPU and without dropout.

    Raises:
        PipelineError: it is not a LUKE in transformers' format, or its weights are missing, extra or misshapen.
    """
    checkpoint = read_config(source, (LUKE,))
    dimensions = dimensions_from_checkpoint(
        checkpoint,
        vocab_size=checkpoint.vocab_size,
        entity_vocab_size=checkpoint.entity_vocab_size,
        entity_embedding=checkpoint.entity_emb_size,
        config=checkpoint_model_config(checkpoint),
    )
    model = empty_model(dimensions)
    load_strict(model, read_luke_weights(source, checkpoint), source, may_be_missing=[])
    return model.eval()


def checkpoint_model_config(checkpoint: PretrainedConfig) -> ModelConfig:
    """Return the settings with which a LUKE or a RoBERTa computes what transformers computes, without dropout."""
    is_luke = checkpoint.model_type == LUKE
    return ModelConfig(
        attention="entity_aware" if is_luke and checkpoint.use_entity_aware_attention else "vanilla",
        backend="auto",
        body=None,
        entities=is_luke,
        entity_emb_size=checkpoint.entity_emb_size if is_luke else checkpoint.hidden_size,
        entity_init="random",
        dropout=0.0,
        attention_dropout=0.0,
        gradient_checkpointing=False,
        max_logits_bytes=MAX_LOGITS_BYTES,
    )


def read_luke_weights(source: str, checkpoint: PretrainedConfig) -> StateDict:
    """Return the weights of a LUKE with the config `checkpoint`, without queries that its attention does not use.

    mluke-base-lite has vanilla attention and contains the entity-aware queries anyway (luke#174).
    """
    weights = read_weights(source)
    if checkpoint.use_entity_aware_attention:
        return weights
    return {name: tensor for name, tensor in weights.items() if not ENTITY_QUERY.search(name)}
