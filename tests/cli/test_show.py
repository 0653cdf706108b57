"""What a person is shown."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.cli.show import Reader, mentions
from pipeline.corpus.build import build
from pipeline.errors import PipelineError
from tests.corpus.test_build import CONFIG, XML, context
from tests.helpers.stages import SMALL, configured, run_stage
from tests.vocab.tiny_unigram import tiny_unigram


def shown(small, capsys, *overrides):
    run_stage("inspect", *SMALL, f"data_dir={small}", *overrides)
    return " ".join(capsys.readouterr().out.split())


def test_an_article_shows_where_links_lead(small, capsys):
    text = shown(small, capsys, "inspect.what=article", "inspect.index=0")
    assert "https://test.example.org/wiki/" in text
    assert "→" in text


def test_an_example_shows_words_and_entities(small, capsys):
    text = shown(small, capsys, "inspect.what=example")
    assert "Example 0" in text
    assert "<s>" in text
    assert "</s>" in text
    assert "<mask>" not in text


def test_a_masked_example_shows_what_must_be_predicted(small, capsys):
    plain = shown(small, capsys, "inspect.what=example")
    text = shown(small, capsys, "inspect.what=masked")
    assert "what it must predict" in text
    assert text.count("(") > plain.count("(")


def test_a_character_of_several_tokens_stands_at_its_last(small):
    config = configured("stage=inspect", *SMALL, f"data_dir={small}")
    reader = Reader.open(config.layout, config.pretrain)
    ids = np.array(reader.data.words.tokenizer.encode("a 吉🦊", add_special_tokens=False).ids)
    texts = reader.words(ids)
    assert (len(texts), "".join(texts), "\ufffd" in texts) == (len(ids), "a 吉🦊", False)
    assert reader.words(np.append(ids[:-1], reader.data.words.mask))[-2:] == ["\ufffd", " <mask>"]


def test_sentencepiece_tokens_keep_their_spaces(tmp_path):
    words = tiny_unigram(tmp_path)
    ids = words.tokenizer.encode(" He saw (NATO) 東京", add_special_tokens=False).ids
    assert "".join(Reader(SimpleNamespace(words=words), None).words(np.array(ids))) == " He saw (NATO) 東京"


def test_mentions_that_could_be_added_are_drawn_and_counted(small, capsys):
    text = shown(small, capsys, "inspect.what=mentions")
    counts = dict.fromkeys(("own_title", "repeated"), 0)
    told = text.partition("true: ")[2].split(" ")
    for kind in counts:
        counts[kind] = int(told[told.index(kind) + 1].strip(",")) if kind in told else 0
    assert 0 < sum(counts.values()) == text.count("→") <= 40
    assert text == shown(small, capsys, "inspect.what=mentions")


def test_mentions_that_were_added_are_the_ones_that_could_be(tmp_path):
    texts = []
    for more in (False, True):
        where = context(tmp_path / str(more), {"wiki.xml": XML})
        build(replace(CONFIG, more_mentions=more), where)
        texts.append(mentions(0, where.layout, None).plain)
    assert texts[0] == texts[1]
    assert "none" not in texts[0]


def test_a_negative_index_is_told():
    with pytest.raises(PipelineError, match=r"inspect\.index is -1: it counts from 0"):
        configured("stage=inspect", "inspect.index=-1")


@pytest.mark.parametrize("what", ["article", "example"])
def test_an_index_past_the_end_is_told(small, what):
    with pytest.raises(PipelineError, match=r"inspect.index is 999, but the (corpus|dataset) has \d+"):
        run_stage("inspect", *SMALL, f"data_dir={small}", f"inspect.what={what}", "inspect.index=999")
