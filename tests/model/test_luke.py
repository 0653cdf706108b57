"""The model against transformers' LUKE and RoBERTa, and its losses and gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel
from transformers import LukeConfig, LukeForMaskedLM, RobertaConfig, RobertaForMaskedLM

from pipeline.model.luke import Luke
from pipeline.model.weights import shared_config_values
from pipeline.records import Batch
from tests.helpers.small_luke import (
    VOCAB_SIZE,
    dimensions,
    ragged_batch,
    random_luke,
    to_transformers_inputs,
    without_entities,
)


def make_transformers_luke(model: Luke) -> LukeForMaskedLM:
    """Return transformers' LUKE with the weights of `model`."""
    dims = model.dimensions
    config = LukeConfig(
        **shared_config_values(dims),
        entity_vocab_size=dims.entity_vocab_size,
        entity_emb_size=dims.entity_embedding,
        use_entity_aware_attention=dims.attention == "entity_aware",
    )
    library = LukeForMaskedLM(config)
    state = model.state_dict() | {"lm_head.decoder.weight": model.luke.embeddings.word_embeddings.weight}
    missing, unexpected = library.load_state_dict(state | {"lm_head.decoder.bias": model.lm_head.bias}, strict=False)
    assert unexpected == []
    assert set(missing) <= {"entity_predictions.decoder.weight", "luke.pooler.dense.weight", "luke.pooler.dense.bias"}
    library.tie_weights()
    return library.eval()


@pytest.mark.parametrize("attention", ["entity_aware", "vanilla"])
@pytest.mark.parametrize("backend", ["auto", "reference", "split"])
@pytest.mark.parametrize("entity_embedding", [16, 32])
@torch.no_grad()
def test_logits_of_both_heads_are_transformers(attention: str, backend: str, entity_embedding: int) -> None:
    batch = ragged_batch()
    model = random_luke(dimensions(attention=attention, backend=backend, entity_embedding=entity_embedding)).eval()
    expected = make_transformers_luke(model)(**to_transformers_inputs(batch))
    words, entities = model.encode(batch)
    real_words = torch.arange(12) < batch.word_lengths[:, None]
    real_entities = torch.arange(3) < batch.entity_lengths[:, None]
    assert expected.logits.abs().max() > 1
    assert torch.allclose(model.word_logits(words)[real_words], expected.logits[real_words], atol=1e-4)
    assert torch.allclose(
        model.entity_logits(entities)[real_entities], expected.entity_logits[real_entities], atol=1e-4
    )


@torch.no_grad()
def test_words_only_is_transformers_roberta() -> None:
    batch = without_entities(ragged_batch())
    model = random_luke(dimensions(entity_vocab_size=0, attention="vanilla")).eval()
    library = RobertaForMaskedLM(RobertaConfig(**shared_config_values(model.dimensions))).eval()
    state = {name.replace("luke.", "roberta."): tensor for name, tensor in model.state_dict().items()}
    missing, unexpected = library.load_state_dict(state, strict=False)
    assert (set(missing), unexpected) == ({"lm_head.decoder.weight", "lm_head.decoder.bias"}, [])
    library.tie_weights()
    real = torch.arange(12) < batch.word_lengths[:, None]
    expected = library(input_ids=batch.word_ids, attention_mask=real.long()).logits
    words, entities = model.encode(batch)
    assert entities.shape == (3, 0, 32)
    assert torch.allclose(model.word_logits(words)[real], expected[real], atol=1e-4)


def test_losses_are_sums_over_targets() -> None:
    batch = ragged_batch()
    model = random_luke(dimensions())
    words, entities = model.encode(batch)
    word_logits = model.word_logits(words).flatten(0, 1)[batch.word_targets]
    entity_logits = model.entity_logits(entities).flatten(0, 1)[batch.entity_targets]
    output = model(batch)
    for logits, labels, loss, correct in (
        (word_logits, batch.word_labels, output.word_loss_sum, output.word_hits),
        (entity_logits, batch.entity_labels, output.entity_loss_sum, output.entity_hits),
    ):
        by_hand = sum(-logits[row].log_softmax(0)[label] for row, label in enumerate(labels))
        assert loss.item() == pytest.approx(by_hand.item(), rel=1e-5)
        assert correct.item() == sum(int(logits[row].argmax() == label) for row, label in enumerate(labels))
        assert loss.shape == correct.shape == ()


def test_hits_are_counted() -> None:
    batch = ragged_batch()
    model = random_luke(dimensions())
    words, _ = model.encode(batch)
    best = model.word_logits(words).flatten(0, 1)[batch.word_targets].argmax(1)
    best[0] = (best[0] + 1) % VOCAB_SIZE
    changed = Batch(*(best if name == "word_labels" else getattr(batch, name) for name in batch.__slots__))
    assert model(changed).word_hits.item() == 3


def gradients(model: Luke, batch: Batch) -> dict[str, Tensor]:
    """Return the gradients of the sum of both losses; fail if a parameter has none."""
    model.zero_grad(set_to_none=True)
    output = model(batch)
    (output.word_loss_sum + output.entity_loss_sum).backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, gradient in found.items() if gradient is None] == []
    return {name: gradient for name, gradient in found.items() if gradient is not None}


@pytest.mark.parametrize(
    "change", [{"logits_bytes": 4 * VOCAB_SIZE}, {"logits_bytes": 1}, {"gradient_checkpointing": True}]
)
def test_chunks_and_checkpointing_change_nothing(change: dict[str, object]) -> None:
    batch = ragged_batch()
    plain = gradients(random_luke(dimensions()), batch)
    changed = random_luke(dimensions(**change))
    other = gradients(changed, batch)
    assert changed(batch).word_loss_sum.item() == pytest.approx(
        random_luke(dimensions())(batch).word_loss_sum.item(), rel=1e-6
    )
    assert torch.stack([(plain[name] - other[name]).abs().max() for name in plain]).max() < 1e-5


def test_without_entities_their_parts_get_gradients_of_zero() -> None:
    found = gradients(random_luke(dimensions()), without_entities(ragged_batch()))
    zero = [name for name, gradient in found.items() if not gradient.any()]
    assert all("entit" in name or "e_query" in name or "e2w_query" in name for name in zero)
    assert sum("query" in name for name in zero) == 2 * 3 * 2  # layers, queries, weight and bias
    assert found["lm_head.dense.weight"].any()


def test_ddp_needs_no_search_for_unused_parameters(tmp_path: Path) -> None:
    """Alternate batches with and without entities: DDP raises at the next forward if a parameter had no gradient."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        wrapped = DistributedDataParallel(random_luke(dimensions()))
        for batch in (ragged_batch(), without_entities(ragged_batch()), ragged_batch()):
            output = wrapped(batch)
            (output.word_loss_sum + output.entity_loss_sum).backward()
    finally:
        distributed.destroy_process_group()


def test_no_targets_give_zero_and_not_nan() -> None:
    batch = ragged_batch()
    none = torch.empty(0, dtype=torch.int64)
    targets = {"word_targets", "word_labels", "entity_targets", "entity_labels"}
    empty = Batch(*(none if name in targets else getattr(batch, name) for name in batch.__slots__))
    output = random_luke(dimensions())(empty)
    assert [getattr(output, name).item() for name in output.__slots__] == [0, 0, 0, 0]
    assert all(not gradient.any() for gradient in gradients(random_luke(dimensions()), empty).values())


@pytest.mark.parametrize("attention", ["entity_aware", "vanilla"])
@pytest.mark.parametrize("entities", [True, False])
def test_gradients_are_those_of_all_positions_left_to_autograd(attention: str, entities: bool) -> None:
    """Compare with all positions encoded, reference attention, plain embeddings and torch's cross entropy."""
    batch = ragged_batch() if entities else without_entities(ragged_batch())
    found = gradients(random_luke(dimensions(attention=attention)).double(), batch)
    model = random_luke(dimensions(attention=attention, backend="reference")).double()
    words, others = model.encode(batch)
    total = torch.zeros((), dtype=torch.float64)
    for logits, targets, labels in (
        (model.word_logits(words), batch.word_targets, batch.word_labels),
        (model.entity_logits(others), batch.entity_targets, batch.entity_labels),
    ):
        total = total + F.cross_entropy(logits.flatten(0, 1)[targets], labels, reduction="sum")
    total.backward()
    for name, parameter in model.named_parameters():
        right = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert (found[name] - right).abs().max() < 1e-12 * max(1.0, right.abs().max().item()), name


@pytest.mark.slow
def test_compiled_layers_are_the_layers() -> None:
    """Trace the layers as pretrain.compile does, without compiling the result."""
    plain, compiled = random_luke(dimensions()), random_luke(dimensions())
    for layer in compiled.luke.encoder.layer:
        layer.compile(dynamic=True, backend="aot_eager")
    before, after = (gradients(model, ragged_batch()) for model in (plain, compiled))
    assert torch.stack([(before[name] - after[name]).abs().max() for name in before]).max() < 1e-5


def test_decoders_are_the_embeddings() -> None:
    """A word that is not in the batch has a gradient through the decoder only."""
    batch = ragged_batch()
    absent = next(word for word in range(4, VOCAB_SIZE) if word not in batch.word_ids)
    found = gradients(random_luke(dimensions()), batch)
    assert found["luke.embeddings.word_embeddings.weight"][absent].any()
    assert found["luke.entity_embeddings.entity_embeddings.weight"][7].any()
    assert not any("decoder" in name for name in found)


def test_a_document_alone_is_the_document_in_a_batch() -> None:
    batch = ragged_batch()
    alone = Batch(
        example_ids=batch.example_ids[2:],
        word_ids=batch.word_ids[2:, :4],
        word_lengths=batch.word_lengths[2:],
        entity_ids=batch.entity_ids[2:, :1],
        entity_lengths=batch.entity_lengths[2:],
        mention_positions=torch.tensor([2, 3]),
        mention_offsets=torch.tensor([0]),
        word_targets=torch.tensor([2]),
        word_labels=batch.word_labels[3:],
        entity_targets=torch.tensor([0]),
        entity_labels=batch.entity_labels[1:],
    )
    model = random_luke(dimensions()).eval()
    together, separate = model.encode(batch), model.encode(alone)
    assert torch.allclose(together[0][2, :4], separate[0][0], atol=1e-5)
    assert torch.allclose(together[1][2, :1], separate[1][0], atol=1e-5)


def test_bf16_autocast_keeps_losses_in_fp32_and_near() -> None:
    batch = ragged_batch()
    model = random_luke(dimensions())
    exact = model(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(batch)
    assert output.word_loss_sum.dtype == output.entity_loss_sum.dtype == torch.float32
    assert output.word_loss_sum.item() == pytest.approx(exact.word_loss_sum.item(), rel=0.05)
    assert output.entity_loss_sum.item() == pytest.approx(exact.entity_loss_sum.item(), rel=0.05)
    (output.word_loss_sum + output.entity_loss_sum).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


def test_dropout_is_off_in_evaluation_and_on_in_training() -> None:
    batch = ragged_batch()
    model = random_luke(dimensions(dropout=0.1, attention_dropout=0.1))
    torch.manual_seed(0)
    trained = [model(batch).word_loss_sum.item() for _ in range(2)]
    model.eval()
    evaluated = [model(batch).word_loss_sum.item() for _ in range(2)]
    assert trained[0] != trained[1]
    assert evaluated[0] == evaluated[1] == random_luke(dimensions())(batch).word_loss_sum.item()


def test_reset_parameters() -> None:
    model = Luke(dimensions(hidden=64, heads=4, vocab_size=500))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(torch.nan)
    model.reset_parameters(torch.Generator().manual_seed(0))
    state = model.state_dict()
    assert all(tensor.isfinite().all() for tensor in state.values())
    assert state["luke.embeddings.word_embeddings.weight"].std().item() == pytest.approx(0.02, rel=0.05)
    assert not state["luke.embeddings.word_embeddings.weight"][1].any()
    assert not state["luke.entity_embeddings.entity_embeddings.weight"][0].any()
    assert not state["lm_head.bias"].any()
    assert not state["entity_predictions.bias"].any()
    assert (state["entity_predictions.transform.LayerNorm.weight"] == 1).all()
    again = Luke(dimensions(hidden=64, heads=4, vocab_size=500))
    again.reset_parameters(torch.Generator().manual_seed(0))
    assert all(torch.equal(state[name], tensor) for name, tensor in again.state_dict().items())


def test_too_many_tokens() -> None:
    with pytest.raises(ValueError, match="sequences of 12 tokens, but the model has 11 positions"):
        random_luke(dimensions(max_positions=13))(ragged_batch())
    random_luke(dimensions(max_positions=14))(ragged_batch())
