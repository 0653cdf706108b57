"""Fixtures: an evaluated LUKE of made pages whose titles and mentions are markup, Arabic and Japanese."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.vocab.words import load_word_vocab
from tests.helpers.animals import RUN_OVERRIDES, data_overrides
from tests.helpers.stages import run_stage, save_roberta

MENTIONS = {
    "<b>": ("<script>alert(1)</script>", "is a tag"),
    "الجزائر": ("مدينة الجزائر", "لها ميناء"),
    "東京": ("東京タワー & <i>", "は大きい"),
    "dog's": ("Dog \"quoted\" 'title'", "tail is long"),
}
"""Mention -> its entity -> the words after it."""


@dataclass(frozen=True)
class Hostile:
    """The evaluated run."""

    data_dir: Path
    overrides: list[str]

    @property
    def evaluation(self) -> Path:
        """Folder of the evaluation."""
        return self.data_dir / "hostile" / "evaluate" / "tiny"


def page(number: int) -> str:
    """Return one page as a line of JSON: six sentences with two mentions each."""
    draw = random.Random(number)
    text, links = "", []
    for _ in range(6):
        for mention in draw.sample(list(MENTIONS), 2):
            title, words = MENTIONS[mention]
            start = len(text) + len("Here ")
            text += f"Here {mention} {words} {draw.choice(['in May', 'in June'])} "
            links.append({"start": start, "end": start + len(mention), "title": title})
        text = text.rstrip() + ".\n"
    return json.dumps({"id": f"page-{number}", "title": f"<u>{number}</u>", "text": text, "links": links})


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """Return a LUKE of 40 pages, pretrained for some steps and evaluated; tests must not change it."""
    data_dir = tmp_path_factory.mktemp("hostile")
    overrides = data_overrides(data_dir, [page(number) for number in range(40)], "hostile")
    overrides = [*overrides, "corpus.language=en", *RUN_OVERRIDES, f"pretrain.init_from={data_dir}/roberta"]
    for stage in ("corpus", "vocab", "dataset"):
        run_stage(stage, *overrides)
    size = load_word_vocab(data_dir / "hostile" / "vocab" / "words").size
    save_roberta(data_dir / "roberta", vocab_size=size, positions=64)
    for stage in ("pretrain", "evaluate"):
        run_stage(stage, *overrides, "evaluate.checkpoints=true")
    return Hostile(data_dir, overrides)
