"""The corpus config: errors name the key and the value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.corpus.fixture_corpus import CORPUS_CONFIG


def test_an_error_names_the_key_and_the_value() -> None:
    with pytest.raises(ValueError, match=r"^max_page_bytes is 0"):
        replace(CORPUS_CONFIG, max_page_bytes=0)
    with pytest.raises(ValueError, match=r"^language is 'pt_BR'"):
        replace(CORPUS_CONFIG, language="pt_BR")


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^files is empty, but corpus\.source is jsonl"):
        replace(CORPUS_CONFIG, source="jsonl", language="en")
    with pytest.raises(ValueError, match=r"^language is empty, but corpus\.source is jsonl"):
        replace(CORPUS_CONFIG, source="jsonl", files=("a.jsonl",))
    with pytest.raises(ValueError, match=r"^files is given, but corpus\.source is wikipedia"):
        replace(CORPUS_CONFIG, files=("a.jsonl",))


def test_a_negative_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^min_characters is -1"):
        replace(CORPUS_CONFIG, min_characters=-1)
