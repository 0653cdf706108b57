"""A made corpus of short pages about animals, tools and places, whose mentions are ambiguous, and a LUKE of it."""

from __future__ import annotations

import json
import random
from pathlib import Path

from pipeline.corpus.artefact import Corpus
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json, write_json
from pipeline.vocab.words import load_word_vocab
from tests.helpers.stages import run_stage, save_roberta

SENSES = {
    "crane": {"Crane (bird)": ("flew over", "marsh"), "Crane (machine)": ("lifted", "steel")},
    "seal": {"Seal (animal)": ("swam near", "ice"), "Seal (emblem)": ("was pressed on", "wax")},
    "bat": {"Bat (animal)": ("slept in", "cave"), "Bat (sport)": ("hit", "ball")},
    "heron": {"Heron": ("stood in", "pond")},
    "anvil": {"Anvil": ("rang under", "hammer")},
    "Oslo": {"Oslo": ("lies by", "fjord")},
    **{name: {name.title(): ("stood by", "wall")} for name in "ox ram cow pig hen owl elk yak ape cat dog fox".split()},
}
"""Mention -> its entities -> (verb, noun) of the sentence."""


def page(number: int, prefix: str = "page") -> str:
    """Return one page as a line of JSON: five sentences, each with one or two mentions."""
    draw = random.Random(f"{prefix} {number}")
    text, links = "", []
    for _ in range(5):
        mention = draw.choice([*SENSES, *list(SENSES)[:6] * 3])  # the first six are frequent
        title = draw.choice(list(SENSES[mention]))
        verb, noun = SENSES[mention][title]
        if draw.random() < 0.1:
            mention = mention.upper()
        start = len(text) + len("The old ")
        text += f"The old {mention} {verb} the {noun} of {draw.choice(['June', 'May'])}"
        links.append({"start": start, "end": start + len(mention), "title": title})
        if draw.random() < 0.5:
            start = len(text) + len(" near ")
            text += " near Oslo"
            links.append({"start": start, "end": start + len("Oslo"), "title": "Oslo"})
        text += ".\n"
    return json.dumps({"id": f"{prefix}-{number}", "title": f"{prefix} {number}", "text": text, "links": links})


def data_overrides(data_dir: Path, pages: list[str], name: str) -> list[str]:
    """Write pages as JSONL, and return the overrides of their data stages."""
    file = data_dir / f"{name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(pages) + "\n", encoding="utf-8")
    return [
        "corpus=jsonl", f"corpus.files=[{file}]", f"dump.name={name}", f"data_dir={data_dir}", "vocab=jsonl",
        "vocab.tokenizer.pretrained=null", "vocab.tokenizer.size=320", "vocab.entities.size=100",
        "validation_share=0.4", "executor.workers=1", "dataset.min_sentence_length=2", "dataset.max_seq_length=48",
        "dataset.max_sentence_length=46",
    ]  # fmt: skip


RUN_OVERRIDES = [
    "run=tiny", "model.entity_emb_size=16", "model.entity_init=positions", "pretrain.batch_size=4",
    "pretrain.micro_batch_tokens=500", "pretrain.phases.entities.epochs=1", "pretrain.phases.all.epochs=1",
    "pretrain.checkpoints_per_phase=2", "pretrain.keep_checkpoints=10", "pretrain.validations_per_phase=1",
    "evaluate.train_examples=20", "evaluate.micro_batch_tokens=600",
]  # fmt: skip
"""Overrides for a LUKE of the pages that trains in a second."""


def build_animals(data_dir: Path) -> list[str]:
    """Build the data stages and pretrain a LUKE of 40 pages in `data_dir`; return the overrides."""
    overrides = data_overrides(data_dir, [page(number) for number in range(40)], "animals")
    for stage in ("corpus", "vocab", "dataset"):
        run_stage(stage, *overrides)
    size = load_word_vocab(data_dir / "animals" / "vocab" / "words").size
    save_roberta(data_dir / "roberta", vocab_size=size, positions=64)
    overrides += [*RUN_OVERRIDES, f"pretrain.init_from={data_dir}/roberta"]
    for stage in ("pretrain", "export"):
        run_stage(stage, *overrides)
    return overrides


def build_other_dataset(data_dir: Path, pages: list[str], name: str) -> Path:
    """Build a dataset of other pages with the vocabulary of the animals, and return its folder."""
    overrides = data_overrides(data_dir, pages, name)
    run_stage("corpus", *overrides)
    corpus = Corpus(open_artefact(data_dir / name / "corpus", stage="corpus"))
    vocab, source = data_dir / name / "vocab", data_dir / "animals" / "vocab"
    for path in source.rglob("*"):
        if path.is_file():
            target = vocab / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    # as if these entities had been counted on that corpus
    record = read_json(vocab / "manifest.json")
    write_json(vocab / "manifest.json", record | {"parents": record["parents"] | {"corpus": corpus.fingerprint}})
    run_stage("dataset", *overrides)
    return data_dir / name / "dataset"
