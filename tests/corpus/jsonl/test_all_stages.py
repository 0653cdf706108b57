"""The data stages on the user's own text, as the command line runs them: entities need no Wikipedia."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.cli.slurm_submit import plan_submissions
from pipeline.cli.workflow import workflow_steps
from pipeline.dataset.reader import ExampleStore
from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import load_word_vocab
from tests.helpers.stages import compose_config, run_stage

ENTITIES = [f"gene:G_{number}" for number in range(4)]
"""Entities without pages, with titles that a wiki would not have."""
DOCUMENTS = 12


def document(number: int) -> dict[str, Any]:
    """Return a document of two paragraphs; the second entity's mention ends in a letter of four bytes."""
    first, second = ENTITIES[number % 4], ENTITIES[(number + 1) % 4]
    text = f"The gene G{number % 4} was seen near the 𝒢{(number + 1) % 4}. It is well known.\nNothing is linked here."
    at = text.index("𝒢")
    links = [{"start": 9, "end": 11, "title": first}, {"start": at, "end": at + 2, "title": f" {second} "}]
    return {"id": f"doc-{number}", "title": f"Note {number}", "text": text, "links": links}


@pytest.fixture(scope="module")
def overrides(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("own")
    for name, numbers in (("a.jsonl", range(7)), ("b.jsonl", range(7, DOCUMENTS))):
        lines = (json.dumps(document(number), ensure_ascii=False) + "\n" for number in numbers)
        (folder / name).write_text("".join(lines), encoding="utf-8")
    given = [
        "corpus=jsonl", f"corpus.files=[{folder}/*.jsonl]", "dump.name=mine", f"data_dir={folder}/data", "vocab=jsonl",
        "vocab.tokenizer.pretrained=null", "vocab.tokenizer.size=300", "vocab.entities.size=100",
        "validation_share=0.3", "executor.workers=1", "dataset.min_sentence_length=2",
    ]  # fmt: skip
    for stage in ("dump", "corpus", "vocab", "dataset"):
        run_stage(stage, *given)
    return given


def test_every_mention_is_an_entity_with_its_exact_tokens(overrides: list[str]) -> None:
    layout = compose_config("stage=all", *overrides).layout
    words, entities = (
        load_word_vocab(layout.folder("vocab") / "words"),
        EntityVocab.open(layout.folder("vocab") / "entities.parquet"),
    )
    found = []
    for split in ("train", "validation"):
        examples = ExampleStore.open(layout.folder("dataset") / split)
        for example in map(examples.example, range(len(examples))):
            for entity, (start, end) in zip(example.entity_ids, example.entity_spans, strict=True):
                mention = words.tokenizer.decode(list(example.word_ids[start:end]))
                found.append((example.page_id, mention, entities.title(entity)))
    wanted = []
    for number in range(DOCUMENTS):
        wanted.append((f"doc-{number}", f" G{number % 4}", ENTITIES[number % 4]))
        wanted.append((f"doc-{number}", f" 𝒢{(number + 1) % 4}", ENTITIES[(number + 1) % 4]))
    assert sorted(found) == sorted(wanted)


def test_the_vocabulary_has_the_entities_of_the_links(overrides: list[str]) -> None:
    layout = compose_config("stage=all", *overrides).layout
    titles = pq.read_table(layout.folder("vocab") / "entities.parquet")["title"].to_pylist()
    assert titles[:3] == ["[PAD]", "[UNK]", "[MASK]"]
    assert sorted(titles[3:]) == ENTITIES
    assert open_artefact(layout.folder("vocab"), stage="vocab").counts["links.dropped.not_in_dump"] == 0
    assert not layout.folder("dump").exists()


def test_the_workflow_has_no_dump(overrides: list[str]) -> None:
    assert [(step.stage, step.parents) for step in workflow_steps([], reads_dump=False)] == [
        ("corpus", ()), ("vocab", (0,)), ("dataset", (1,)),
    ]  # fmt: skip
    given = [*overrides, "cluster=one_host", "runs=[tiny]"]
    plan = plan_submissions(compose_config("stage=submit", *given), given)
    assert [submission.name for submission in plan] == [
        "mine-corpus", "mine-vocab", "mine-dataset", "mine-pretrain-tiny", "mine-evaluate-tiny", "mine-export-tiny",
    ]  # fmt: skip
    assert not any(option.startswith("--dependency") for option in plan[0].command([]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "dump.name is sample, the name of a dump, but corpus.source is jsonl"),
        (["experiment=luke_base"], "dump.name is enwiki, the name of a dump, but corpus.source is jsonl"),
        (["dump=local", "dump.name=x", "dump.files=[a.xml]"], "dump.files is given, but corpus.source is jsonl"),
        (["dump.name=mine", "corpus.files=[]"], "corpus.files is empty, but corpus.source is jsonl"),
    ],
)
def test_contradictions_are_refused(given: list[str], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        compose_config("stage=all", "corpus=jsonl", "corpus.files=[a.jsonl]", *given)
