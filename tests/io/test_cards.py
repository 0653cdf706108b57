"""The parts that dataset cards share."""

import pytest
from huggingface_hub import DatasetCard

from pipeline.corpus.card import CARD_TEMPLATE as CORPUS
from pipeline.dataset.card import CARD_TEMPLATE as DATASET
from pipeline.export.card import CARD_TEMPLATE as MODEL
from pipeline.io.cards import account_table, size_category


def test_account_table() -> None:
    counts = {
        "pages.seen": 1200, "pages.articles": 1000, "pages.dropped.namespace_4": 50, "pages.quarantined.model": 100,
        "pages.dropped.no_text": 50, "links.seen": 3, "links.kept": 3, "links.dropped.table": 0,
    }  # fmt: skip
    assert account_table(counts, ["pages", "links"]).splitlines()[2:] == [
        "| pages | 1,200 | 1,000 | model 100, namespace 4 50, no text 50 |",
        "| links | 3 | 3 | none |",
    ]


def test_size_category() -> None:
    assert [size_category(rows) for rows in (1, 999, 1000, 10**7 - 1, 10**7)] == [
        "n<1K", "n<1K", "1K<n<10K", "1M<n<10M", "n>10M",
    ]  # fmt: skip


@pytest.mark.parametrize("card", [CORPUS, DATASET, MODEL])
def test_norwegian_is_a_language(card: str) -> None:
    line = next(line for line in card.splitlines() if line.startswith("language:"))
    read = DatasetCard(f"---\n{line.format(language='no')}\n---\n").data.language
    assert read in ("no", ["no"])  # without quotes, YAML reads it as False
