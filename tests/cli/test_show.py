"""The stage `inspect`: what it prints of articles, examples and mentions."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.cli.show import ExampleReader, format_mentions
from pipeline.corpus.build import build
from pipeline.errors import PipelineError
from tests.corpus.fixture_corpus import CORPUS_CONFIG, WIKI_XML, dump_context
from tests.helpers.stages import SMALL_OVERRIDES, compose_config, run_stage
from tests.helpers.tiny_unigram import tiny_unigram_vocab


def run_inspect(small_data_dir, capsys, *overrides):
    """Run the stage, and return what it prints with white space collapsed."""
    run_stage("inspect", *SMALL_OVERRIDES, f"data_dir={small_data_dir}", *overrides)
    return " ".join(capsys.readouterr().out.split())


def test_an_article_shows_where_links_lead(small_data_dir, capsys):
    text = run_inspect(small_data_dir, capsys, "inspect.what=article", "inspect.index=0")
    assert "https://test.example.org/wiki/" in text
    assert "→" in text


def test_an_example_shows_words_and_entities(small_data_dir, capsys):
    text = run_inspect(small_data_dir, capsys, "inspect.what=example")
    assert "Example 0" in text
    assert "<s>" in text
    assert "</s>" in text
    assert "<mask>" not in text


def test_a_masked_example_shows_what_must_be_predicted(small_data_dir, capsys):
    plain = run_inspect(small_data_dir, capsys, "inspect.what=example")
    text = run_inspect(small_data_dir, capsys, "inspect.what=masked")
    assert "what it must predict" in text
    assert text.count("(") > plain.count("(")


def test_a_character_of_several_tokens_is_shown_at_its_last(small_data_dir):
    config = compose_config("stage=inspect", *SMALL_OVERRIDES, f"data_dir={small_data_dir}")
    reader = ExampleReader.open(config.layout, config.pretrain)
    ids = np.array(reader.data.word_vocab.tokenizer.encode("a 吉🦊", add_special_tokens=False).ids)
    texts = reader.token_texts(ids)
    assert (len(texts), "".join(texts), "\ufffd" in texts) == (len(ids), "a 吉🦊", False)
    assert reader.token_texts(np.append(ids[:-1], reader.data.word_vocab.mask))[-2:] == ["\ufffd", " <mask>"]


def test_sentencepiece_tokens_keep_their_spaces(tmp_path):
    words = tiny_unigram_vocab(tmp_path)
    ids = words.tokenizer.encode(" He saw (NATO) 東京", add_special_tokens=False).ids
    assert "".join(ExampleReader(SimpleNamespace(word_vocab=words)).token_texts(np.array(ids))) == " He saw (NATO) 東京"


def test_mentions_that_could_be_added_are_drawn_and_counted(small_data_dir, capsys):
    text = run_inspect(small_data_dir, capsys, "inspect.what=mentions")
    counts = dict.fromkeys(("own_title", "repeated"), 0)
    added = text.partition("true: ")[2].split(" ")
    for kind in counts:
        counts[kind] = int(added[added.index(kind) + 1].strip(",")) if kind in added else 0
    assert 0 < sum(counts.values()) == text.count("→") <= 40
    assert text == run_inspect(small_data_dir, capsys, "inspect.what=mentions")


def test_mentions_that_were_added_are_the_ones_that_could_be(tmp_path):
    texts = []
    for more in (False, True):
        context = dump_context(tmp_path / str(more), {"wiki.xml": WIKI_XML})
        build(replace(CORPUS_CONFIG, more_mentions=more), context)
        texts.append(format_mentions(0, context.layout, None).plain)
    assert texts[0] == texts[1]
    assert "none" not in texts[0]


def test_a_negative_index_is_refused():
    with pytest.raises(PipelineError, match=r"inspect\.index is -1: it is counted from 0"):
        compose_config("stage=inspect", "inspect.index=-1")


@pytest.mark.parametrize("what", ["article", "example"])
def test_an_index_past_the_end_is_refused(small_data_dir, what):
    with pytest.raises(PipelineError, match=r"inspect.index is 999, but the (corpus|dataset) has \d+"):
        run_stage(
            "inspect", *SMALL_OVERRIDES, f"data_dir={small_data_dir}", f"inspect.what={what}", "inspect.index=999"
        )
