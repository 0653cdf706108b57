"""Records of schema 1, which have the old config keys: read with today's keys, and never rewritten."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.store.builder import begin
from pipeline.store.renamed_keys import RENAMED_KEYS, RENAMED_VALUES, add_keys, current_key, upgrade_record

TRAINING: dict[str, Any] = {
    "stage": "pretrain",
    "config": {
        "model": {
            "attention": "vanilla", "entity_embedding": 128, "entity_start": "titles", "logits_bytes": 2000000000,
            "body": {
                "attention_start": "local", "deviation": 0.05, "heads": 4, "hidden": 128, "intermediate": 512,
                "layers": 2,
            },
        },
        "phases": ["v1.0", "all"],
        "pretrain": {
            "batch": 8,
            "masking": {"as_mask": 0.8, "as_random": 0.1, "entities": 0.5, "unknown_entities": False, "words": 0.1},
            "objective": "batch_means",
            "phases": {
                "all": {"epochs": 2.0, "learning_rate": 0.0015, "trains": "everything", "warmup": 0.1},
                "v1.0": {"epochs": 0.25, "learning_rate": 0.001, "trains": "entities", "warmup": 0.1},
            },
        },
    },
    "parents": {"dataset": "d", "start": "s", "vocab": "v"},
}  # fmt: skip
"""The plan of a training run of schema 1, whose plans had no schema."""

TRAINING_TODAY: dict[str, Any] = {
    "schema": 2,
    "stage": "pretrain",
    "config": {
        "model": {
            "attention": "vanilla", "entity_emb_size": 128, "entity_init": "titles", "max_logits_bytes": 2000000000,
            "body": {
                "attention_init": "local", "initializer_range": 0.05, "num_attention_heads": 4, "hidden_size": 128,
                "intermediate_size": 512, "num_hidden_layers": 2,
            },
        },
        "phases": ["v1.0", "all"],
        "pretrain": {
            "batch_size": 8,
            "masking": {
                "mask_replace_prob": 0.8, "random_replace_prob": 0.1, "entities": 0.5, "unknown_entities": False,
                "words": 0.1,
            },
            "loss_normalization": "global_batch",
            "phases": {
                "all": {"epochs": 2.0, "learning_rate": 0.0015, "trains": "everything", "warmup_ratio": 0.1},
                "v1.0": {"epochs": 0.25, "learning_rate": 0.001, "trains": "entities", "warmup_ratio": 0.1},
            },
        },
    },
    "parents": {"dataset": "d", "init_from": "s", "vocab": "v"},
}  # fmt: skip

VOCAB: dict[str, Any] = {
    "schema": 1,
    "stage": "vocab",
    "config": {
        "validation_share": 0.1,
        "words": {"adopt": "roberta-base", "min_count": 2, "size": 4000},
        "entities": {"white_list": "titles.txt", "size": 20000},
    },
    "parents": {"corpus": "c", "words.adopt/tokenizer.json": "t", "entities.white_list": "w"},
    "counts": {"words": 4000},
    "files": {},
}
VOCAB_CONFIG_TODAY: dict[str, Any] = {
    "validation_share": 0.1,
    "tokenizer": {"pretrained": "roberta-base", "min_count": 2, "size": 4000},
    "entities": {"always_include": "titles.txt", "size": 20000},
}
VOCAB_PARENTS_TODAY = {"corpus": "c", "tokenizer.pretrained/tokenizer.json": "t", "entities.always_include": "w"}


def write_vocab(folder: Path) -> bytes:
    """Write the vocab's manifest of schema 1, and return its bytes."""
    folder.mkdir()
    content = json.dumps(VOCAB, indent=1, sort_keys=True).encode()
    (folder / "manifest.json").write_bytes(content)
    return content


def test_a_plan_is_read_with_the_keys_and_values_of_today() -> None:
    assert upgrade_record(TRAINING) == TRAINING_TODAY


def test_a_record_without_an_added_key_stands_for_its_old_behaviour() -> None:
    groups = {"masking": {"words": 0.15}, "phases": {"all": {"epochs": 2.0}, "more": {"epochs": 1, "decay_ratio": 0.2}}}
    record = {"schema": 2, "stage": "pretrain", "config": {"pretrain": groups, "model": {}, "phases": ["all", "more"]}}
    assert add_keys(record)["config"] == {
        "pretrain": {
            "masking": {"words": 0.15, "hide_mentions": 0.0},
            "phases": {"all": {"epochs": 2.0, "decay_ratio": None}, "more": {"epochs": 1, "decay_ratio": 0.2}},
        },
        "model": {},
        "phases": ["all", "more"],
    }
    assert "hide_mentions" not in groups["masking"]  # the record itself is not changed


def test_keys_are_added_to_their_own_stage_only() -> None:
    record = {"schema": 2, "stage": "vocab", "config": {"pretrain": {"masking": {}}, "masking": {}}}
    assert add_keys(record) == record


def test_a_finished_artefact_is_up_to_date_and_keeps_its_manifest_and_fingerprint(tmp_path: Path) -> None:
    content = write_vocab(tmp_path / "vocab")
    arguments: dict[str, Any] = {"stage": "vocab", "parents": VOCAB_PARENTS_TODAY, "overwrite": False}
    assert begin(tmp_path / "vocab", config=VOCAB_CONFIG_TODAY, **arguments) is None
    artefact = open_artefact(tmp_path / "vocab", stage="vocab")
    assert artefact.manifest["config"] == VOCAB_CONFIG_TODAY
    assert artefact.fingerprint == hashlib.sha256(json.dumps(VOCAB, sort_keys=True).encode()).hexdigest()
    assert (tmp_path / "vocab/manifest.json").read_bytes() == content


def test_another_value_still_differs_and_is_named_by_the_key_of_today(tmp_path: Path) -> None:
    write_vocab(tmp_path / "vocab")
    changed = VOCAB_CONFIG_TODAY | {"tokenizer": {"pretrained": "xlm-roberta-base", "min_count": 2, "size": 4000}}
    with pytest.raises(PipelineError, match=r"  config\.tokenizer\.pretrained: roberta-base -> xlm-roberta-base\n"):
        begin(tmp_path / "vocab", stage="vocab", config=changed, parents=VOCAB_PARENTS_TODAY, overwrite=False)


def test_an_unfinished_artefact_is_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "tiny.partial"
    (folder / "work").mkdir(parents=True)
    (folder / "work/unit").touch()
    (folder / "plan.json").write_text(json.dumps(TRAINING))
    config, parents = add_keys(TRAINING_TODAY)["config"], TRAINING_TODAY["parents"]
    builder = begin(tmp_path / "tiny", stage="pretrain", config=config, parents=parents, overwrite=False)
    assert builder is not None
    assert builder.resumed
    assert (folder / "work/unit").is_file()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"source": "sample", "wiki": "", "date": ""}, {"source": "sample"}),
        ({"source": "local", "wiki": "", "date": ""}, {"source": "local"}),
        (
            {"source": "wikimedia", "wiki": "jawiki", "date": "20260101"},
            {"source": "wikimedia", "wiki": "jawiki", "date": "20260101"},
        ),
    ],
)
def test_a_dump_records_only_the_keys_of_its_source(old: dict[str, str], new: dict[str, str]) -> None:
    parents = {"page_seconds.xml": "x"}
    assert upgrade_record({"schema": 1, "stage": "dump", "config": old, "parents": parents}) == {
        "schema": 2, "stage": "dump", "config": new, "parents": parents,
    }  # fmt: skip


def test_what_is_below_a_renamed_key_moves_with_it() -> None:
    assert current_key("vocab.words") == "vocab.tokenizer"
    assert current_key("vocab.words.size") == "vocab.tokenizer.size"
    assert current_key("vocab.words.adopt") == "vocab.tokenizer.pretrained"
    assert current_key("pretrain.phases.more.warmup") == "pretrain.phases.more.warmup_ratio"
    assert current_key("pretrain.batch_size") == "pretrain.batch_size"


def test_no_new_name_is_an_old_one() -> None:
    assert all(current_key(key) == key for key in RENAMED_KEYS.values())
    assert all(not set(names) & set(names.values()) for names in RENAMED_VALUES.values())
