"""The dataset stage on a corpus written by hand."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus.artefact import Corpus
from pipeline.dataset import build as stage
from pipeline.dataset.build import build
from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.reader import ExampleStore
from pipeline.dataset.worker import BuildShard
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import LocalExecutorConfig
from pipeline.records import Example
from pipeline.stages import STAGES
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import Layout
from pipeline.vocab.build import build as build_vocab
from pipeline.vocab.config import EntitiesConfig, TokenizerConfig, VocabConfig
from tests.dataset.tiny_bpe import BYTE, DOGS, HE, SAW, tiny_bpe_vocab
from tests.helpers.corpus_files import article, write_corpus

SHARE = 0.1  # of these pages only 303 is held out, see tests/test_holdout.py
PAGES = [
    [
        article("1", "Dog", "he saw [[Dog|dogs]]. O!\n"),
        article("2", "Cat", "no links here, none at all\n"),
    ],
    [
        article("3", "Ant", ""),
        article(
            "303", "Fox", "he saw [[Hound|dogs]]!\nhe saw [[Unseen|x]]\nhe saw [[ ]] and [[Dog|" + "d" * 40 + "]]\n"
        ),
    ],
    [article("4", "Emu", "he saw [[Emu|dogs]] [[Dog]]\n" * 2)],
]
REDIRECTS = {"Hound": "Dog"}


def context(root: Path, *, workers: int = 1, overwrite: bool = False) -> Context:
    executor = LocalExecutorConfig(kind="local", workers=workers, memory_gb=1)
    return Context(layout=Layout(root, "tiny"), executor=executor, overwrite=overwrite)


def config(**changes: Any) -> DatasetConfig:
    values: dict[str, Any] = {
        "name": "",
        "validation_share": SHARE,
        "max_seq_length": 64,
        "max_entity_length": 8,
        "max_mention_length": 30,
        "min_sentence_length": 4,
        "max_sentence_length": 62,
        "min_entities": 1,
        "unknown_entities": "keep",
    }
    return DatasetConfig(**values | changes)


def make_vocab(root: Path, *, share: float = SHARE, overwrite: bool = False) -> None:
    tiny_bpe_vocab(root / "tiny")
    build_vocab(
        VocabConfig(
            name="",
            validation_share=share,
            tokenizer=TokenizerConfig(pretrained=str(root / "tiny"), size=261, min_count=1),
            entities=EntitiesConfig(
                size=100, min_count=1, in_dump_only=True, drop_disambiguation=False, always_include=None
            ),
        ),
        context(root, overwrite=overwrite),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write a corpus and a vocabulary, in which Dog is entity 3 and Emu is entity 4."""
    write_corpus(tmp_path / "corpus", PAGES, REDIRECTS)
    make_vocab(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the same with a dataset, once for all tests, which only read it."""
    root = tmp_path_factory.mktemp("finished")
    write_corpus(root / "corpus", PAGES, REDIRECTS)
    make_vocab(root)
    build(config(), context(root))
    return root


def read_examples(folder: Path) -> list[Example]:
    """Read all examples of a split."""
    store = ExampleStore.open(folder)
    return [store.example(index) for index in range(len(store))]


def test_literal_examples(finished_root: Path) -> None:
    emu = (HE, SAW, DOGS, BYTE["Ġ"], BYTE["D"], BYTE["o"], BYTE["g"])
    assert read_examples(finished_root / "dataset" / "train") == [
        Example("1", (0, HE, SAW, DOGS, BYTE["."], 2), (3,), ((3, 4),)),
        Example("4", (0, *emu, *emu, 2), (4, 3, 4, 3), ((3, 4), (4, 8), (10, 11), (11, 15))),
    ]
    # "Hound" leads to Dog; "Unseen" is [UNK]; the blank mention and the long mention lost their links
    validation = read_examples(finished_root / "dataset" / "validation")
    assert [(example.page_id, example.entity_ids) for example in validation] == [("303", (3, 1))]
    assert validation[0].word_ids[:5] == (0, HE, SAW, DOGS, BYTE["!"])


def test_the_account_adds_up(finished_root: Path) -> None:
    counts = open_artefact(finished_root / "dataset", stage="dataset").counts
    for noun in ("pages", "examples", "sentences", "tokens", "links"):
        parts = {key: number for key, number in counts.items() if key.startswith((f"{noun}.kept", f"{noun}.dropped"))}
        assert sum(parts.values()) == counts[f"{noun}.seen"], (noun, counts)
    assert {key: number for key, number in counts.items() if key.startswith(("pages", "links", "examples"))} == {
        "pages.seen": 5,
        "pages.kept.train": 2,
        "pages.kept.validation": 1,
        "pages.dropped.no_example": 2,
        "examples.seen": 4,
        "examples.kept.train": 2,
        "examples.kept.validation": 1,
        "examples.dropped.few_entities": 1,
        "links.seen": 9,
        "links.kept.known": 6,
        "links.kept.unknown": 1,
        "links.dropped.blank_mention": 1,
        "links.dropped.long_mention": 1,
    }


def test_same_bytes_from_any_number_of_workers_and_on_a_second_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MIN_UNIT_BYTES", 1)  # one unit per file
    results = []
    for workers in (1, 2, 1):
        build(config(), context(root, workers=workers))
        files = sorted(path for path in (root / "dataset").rglob("*") if path.is_file() and path.name != "run.json")
        results.append({str(path.relative_to(root)): path.read_bytes() for path in files})
        (root / "dataset").rename(root / f"dataset-former{len(results)}")
    assert len(results[0]) == 3 + 2 * (3 + 2)  # manifest, card, histograms; per split 3 shards and 2 JSON files
    assert results[0] == results[1] == results[2]


def test_a_killed_run_is_resumed_to_the_same_bytes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MIN_UNIT_BYTES", 1)
    build(config(), context(root))
    uninterrupted = (root / "dataset" / "manifest.json").read_bytes()
    (root / "dataset").rename(root / "uninterrupted")

    def interrupt(*_: object) -> None:
        (root / "dataset.partial" / "train" / ".examples-00002.arrow.999").write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "check_result", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(config(), context(root))
    monkeypatch.undo()
    monkeypatch.setattr(stage, "MIN_UNIT_BYTES", 1)
    (root / "dataset.partial" / "work" / "dataset" / "00001.json").unlink()  # as if killed during this unit
    build(config(), context(root))
    assert (root / "dataset" / "manifest.json").read_bytes() == uninterrupted


def test_the_grouping_of_files_does_not_change_the_examples(
    finished_root: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MIN_UNIT_BYTES", 1)
    build(config(), context(root))
    assert read_examples(root / "dataset" / "train") == read_examples(finished_root / "dataset" / "train")


@pytest.mark.parametrize(
    ("units", "least", "most", "groups"),
    [
        (1, 1, 10, [["0", "1"], ["2"], ["3", "4"]]),  # 34 bytes per unit, limited to 10
        (64, 10, 99, [["0", "1"], ["2"], ["3", "4"]]),  # 0 bytes per unit, raised to 10
        (2, 1, 99, [["0", "1", "2"], ["3", "4"]]),  # 17 bytes per unit
    ],
)
def test_files_are_grouped_by_their_size(
    units: int, least: int, most: int, groups: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "UNITS", units)
    monkeypatch.setattr(stage, "MIN_UNIT_BYTES", least)
    monkeypatch.setattr(stage, "MAX_UNIT_BYTES", most)
    paths = [tmp_path / str(number) for number in range(5)]
    for path, size in zip(paths, (6, 6, 20, 1, 1), strict=True):
        path.write_bytes(b"x" * size)
    assert [[path.name for path in group] for group in stage.group_files(paths)] == groups


def test_a_finished_dataset_is_reported_and_then_up_to_date(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(config(), context(root))
    output = capsys.readouterr().err
    assert "dataset: 2 training and 1 held-out examples" in output
    assert "links: 9 seen, 7 kept (77.8%) (1 of them [UNK]); dropped: 1 blank mention, 1 long mention" in output
    build(config(), context(root))
    assert "is up to date" in capsys.readouterr().err
    with pytest.raises(PipelineError, match=r"config\.max_entity_length: 8 -> 4"):
        build(config(max_entity_length=4), context(root))


def test_a_vocabulary_of_another_split_is_refused(root: Path) -> None:
    with pytest.raises(PipelineError, match=r"counted with validation_share=0\.1, but the dataset has .*=0\.2"):
        build(config(validation_share=0.2), context(root))


def test_a_vocabulary_of_another_corpus_is_refused(root: Path) -> None:
    (root / "corpus").rename(root / "old")
    write_corpus(root / "corpus", PAGES[:1], REDIRECTS)
    with pytest.raises(PipelineError, match="was counted on another corpus"):
        build(config(), context(root))


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([PAGES[0]], r"no held-out page gave an example \(3 pages .*raise validation_share"),
        (
            [PAGES[0][1:], [article("4", "Emu", "[[Emu|x]]")]],
            r"no training page gave an example \(3 pages, .*short_sen",
        ),
    ],
)
def test_an_empty_split_is_an_error_that_says_what_to_change(tmp_path: Path, pages: Any, message: str) -> None:
    write_corpus(tmp_path / "corpus", [*pages, [article("5", "Dog", "")]])
    make_vocab(tmp_path)
    with pytest.raises(PipelineError, match=message):
        build(config(), context(tmp_path))
    assert not (tmp_path / "dataset").exists()


def test_a_corpus_without_articles_is_an_error() -> None:
    with pytest.raises(PipelineError, match="the corpus has no articles"):
        stage.check_result({}, config())


def test_workers_start_without_torch() -> None:
    program = "import sys, pipeline.dataset.build; print({'torch', 'transformers', 'datasets'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_a_unit_imports_no_module_that_the_fork_server_has_not(finished_root: Path, tmp_path: Path) -> None:
    """Each worker would import it again."""
    layout = Layout(finished_root, "tiny")
    work = BuildShard(
        units=stage.group_files(Corpus.open(layout).articles),
        config=config(),
        language="en",
        vocab_folder=layout.folder("vocab"),
        vocab_fingerprint="",
        out=tmp_path,
        memory_gb=1,
    )
    (tmp_path / "work.pickle").write_bytes(pickle.dumps(work))
    program = (
        f"import pickle, sys, {', '.join(STAGES['dataset'].preload)}\n"
        "work = pickle.load(open(sys.argv[1], 'rb'))\n"
        "before = set(sys.modules)\n"
        "work('00000', lambda share: None)\n"
        "print(sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "work.pickle")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
    assert any(tmp_path.rglob("*.arrow"))


def test_the_card_has_sizes_and_coverage_and_the_histograms_are_a_png_file(finished_root: Path) -> None:
    card = (finished_root / "dataset" / "README.md").read_text()
    assert "2 training and 1 validation examples" in card
    assert "| tokens per example | 6 | 6 | 16 | 16 | 11.0 |" in card
    assert "| entities per example | 1 | 1 | 4 | 4 | 2.5 |" in card
    assert "| tokens per mention | 1 | 1 | 4 | 4 | 2.2 |" in card
    assert "| 2 | 100.0% |" in card  # share of the links on training pages
    assert (finished_root / "dataset" / "histograms.png").read_bytes().startswith(b"\x89PNG")


def test_a_corpus_may_have_more_files_than_can_be_open(tmp_path: Path, file_count_over_limit: int) -> None:
    pages = [[article(str(number), "Dog", "he saw [[Dog|dogs]]. O!\n")] for number in range(file_count_over_limit)]
    write_corpus(tmp_path / "corpus", pages)
    make_vocab(tmp_path)
    build(config(), context(tmp_path))
    assert open_artefact(tmp_path / "dataset", stage="dataset").counts["pages.seen"] == file_count_over_limit
