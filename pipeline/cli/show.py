"""The stage `inspect`: print an article, an example, a masked example, or mentions that could be added.

Links and entities are underlined in alternating colours, to distinguish neighbours, and are followed by the
title they point to. A masked example shows, after the token or entity that the model sees, the one it must predict.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.text import Text

from pipeline.corpus.artefact import Corpus
from pipeline.corpus.more_mentions import find_more_mentions
from pipeline.errors import PipelineError
from pipeline.io.arrow import Int64Array
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.data import TrainingData
from pipeline.records import Batch, Link
from pipeline.store.layout import Layout

COLOURS = ("cyan", "magenta")
INCOMPLETE_CHARACTER = "\N{REPLACEMENT CHARACTER}"
"""A decoder's output for bytes that are only a part of a character."""
MAX_CHARACTER_TOKENS = 4
"""A character has at most four bytes in UTF-8, and a token has at least one."""
MENTION_COLUMNS = ["title", "text", "links", "is_disambiguation"]
SENTENCEPIECE_SPACE = "▁"
"""The character that SentencePiece writes in place of a space."""
SAMPLE_SIZE = 40
"""Number of mentions in a sample."""
CONTEXT_CHARACTERS = 60
"""Number of characters shown on each side of a mention."""
INPUT_STYLE, TARGET_STYLE = "black on yellow", "black on red"


@dataclass(frozen=True, slots=True)
class AddedMention:
    """A mention that corpus.more_mentions adds to an article, with its kind."""

    title: str
    text: str
    link: Link
    kind: str


def show(what: str, index: int, layout: Layout, pretrain: PretrainConfig) -> None:
    """Print the `index`-th article, example, masked example or sample of mentions to standard output."""
    views: dict[str, Callable[[int, Layout, PretrainConfig], Text]] = {
        "article": format_article,
        "example": partial(format_example, masked=False),
        "masked": partial(format_example, masked=True),
        "mentions": format_mentions,
    }
    Console().print(views[what](index, layout, pretrain), soft_wrap=False)


# ---------------------------------------------------------------------------------------------- articles


def format_article(index: int, layout: Layout, _: PretrainConfig) -> Text:
    """Return the `index`-th article of the corpus with its links."""
    before = 0
    for path in Corpus.open(layout).articles:
        rows = pq.ParquetFile(path).metadata.num_rows
        if index < before + rows:
            row = pq.read_table(path).slice(index - before, 1).to_pylist()[0]
            break
        before += rows
    else:
        raise PipelineError(f"inspect.index is {index}, but the corpus has {before} articles, counted from 0")
    result = Text.assemble((row["title"], "bold"), "  ", (row["url"], "dim"), "\n\n")
    shown = 0
    for number, link in enumerate(row["links"]):
        result.append(row["text"][shown : link["start"]])
        mention = row["text"][link["start"] : link["end"]]
        result.append(mention, style=f"underline {COLOURS[number % 2]}")
        if link["title"] != mention:
            result.append(f" → {link['title']}", style=f"dim {COLOURS[number % 2]}")
        shown = link["end"]
    result.append(row["text"][shown:])
    return result


def format_mentions(index: int, layout: Layout, _: PretrainConfig) -> Text:
    """Return a random sample, seeded by `index`, of the mentions that corpus.more_mentions adds to this corpus."""
    draw = random.Random(index)
    sample: list[AddedMention] = []
    kinds: Counter[str] = Counter()
    for mention in added_mentions(Corpus.open(layout)):
        place = draw.randrange(kinds.total() + 1)  # reservoir sampling: all n mentions have the same chance
        kinds[mention.kind] += 1
        if kinds.total() <= SAMPLE_SIZE:
            sample.append(mention)
        elif place < SAMPLE_SIZE:
            sample[place] = mention
    counts = ", ".join(f"{kind} {number:,}" for kind, number in sorted(kinds.items())) or "none"
    result = Text.assemble((f"added by corpus.more_mentions=true: {counts}", "bold"), "\n")
    for mention in sample:
        start, end, text = mention.link.start, mention.link.end, mention.text
        before = text[max(0, start - CONTEXT_CHARACTERS) : start].replace("\n", " ")
        after = text[end : end + CONTEXT_CHARACTERS].replace("\n", " ")
        result.append(f"\n{mention.title} ({mention.kind}) ", style="dim").append(before)
        result.append(text[start:end], style=f"underline {COLOURS[0]}").append(after)
        result.append(f" → {mention.link.title}\n", style=f"dim {COLOURS[0]}")
    return result


def added_mentions(corpus: Corpus) -> Iterator[AddedMention]:
    """Yield the mentions that corpus.more_mentions adds, whether or not this corpus was built with it."""
    for path in corpus.articles:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=64, columns=MENTION_COLUMNS):
            for row in batch.to_pylist():
                if row["is_disambiguation"]:
                    continue
                links = [Link(**link) for link in row["links"] if not link.get("added")]
                for link, kind in find_more_mentions(row["title"], row["text"], links):
                    yield AddedMention(title=row["title"], text=row["text"], link=link, kind=kind)


# ---------------------------------------------------------------------------------------------- examples


@dataclass(frozen=True, slots=True)
class ExampleReader:
    """Examples of one dataset, with the texts of their tokens."""

    data: TrainingData

    @staticmethod
    def open(layout: Layout, pretrain: PretrainConfig) -> ExampleReader:
        """Open the dataset of the layout, with the run's masking."""
        return ExampleReader(TrainingData.open(layout, masking=pretrain.masking, entities=True, seed=pretrain.seed))

    def masked_batch(self, index: int) -> Batch[Int64Array]:
        """Return a batch of one training example, masked as in the first epoch of the first phase."""
        examples = len(self.data.train)
        if index >= examples:
            raise PipelineError(f"inspect.index is {index}, but the dataset has {examples} examples, counted from 0")
        return self.data.masker(self.data.train, phase=0).masked_batch(np.array([index]), np.array([0]))

    def entity_title(self, entity_id: int) -> str:
        """Return the title of an entity."""
        assert self.data.entity_vocab is not None
        return self.data.entity_vocab.title(entity_id)

    def token_texts(self, ids: Int64Array) -> list[str]:
        """Return the text of each token; special tokens are shown by their names.

        The text of a character that consists of several tokens is at the last of them; the others are empty.
        """
        tokenizer = self.data.word_vocab.tokenizer
        texts: list[str] = []
        pending: list[int] = []  # tokens of a character that is not complete yet
        for token_id in ids.tolist():
            if self.data.word_vocab.special[token_id]:
                if pending:
                    texts[-1], pending = INCOMPLETE_CHARACTER, []
                texts.append(f" {tokenizer.id_to_token(token_id)}")
                continue
            text = tokenizer.decode([*pending, token_id])
            if not pending and (tokenizer.id_to_token(token_id) or "").startswith(SENTENCEPIECE_SPACE):
                text = f" {text}"  # the decoder drops the space of a first token
            incomplete = text.endswith(INCOMPLETE_CHARACTER) and len(pending) + 1 < MAX_CHARACTER_TOKENS
            pending = [*pending, token_id] if incomplete else []
            texts.append("" if incomplete else text)
        return texts


def format_example(index: int, layout: Layout, pretrain: PretrainConfig, *, masked: bool) -> Text:
    """Return the `index`-th training example with its entities; `masked` shows it as the model sees it."""
    reader = ExampleReader.open(layout, pretrain)
    batch = reader.masked_batch(index)
    original = reader.data.train.example(index)
    texts = reader.token_texts(batch.word_ids[0] if masked else np.array(original.word_ids))
    word_targets = zip(batch.word_targets.tolist(), reader.token_texts(batch.word_labels), strict=True)
    target_texts = dict(word_targets) if masked else {}
    target_entities = set(batch.entity_targets.tolist()) if masked else set()
    starts = {start: number for number, (start, _) in enumerate(original.entity_spans)}
    ends = {end: number for number, (_, end) in enumerate(original.entity_spans)}
    result = Text.assemble((f"Example {index}", "bold"), (f"  page {original.page_id}\n\n", "dim"))
    style = ""
    for position in range(len(texts) + 1):
        if position in ends:
            number = ends[position]
            entity_style = TARGET_STYLE if number in target_entities else f"dim {COLOURS[number % 2]}"
            result.append(f" → {reader.entity_title(original.entity_ids[number])}", style=entity_style)
            style = ""
        if position == len(texts):
            break
        if position in starts:
            style = f"underline {COLOURS[starts[position] % 2]}"
        result.append(texts[position], style=INPUT_STYLE if position in target_texts else style)
        if position in target_texts:
            result.append(f"({target_texts[position].strip()})", style=TARGET_STYLE)
    if masked:
        result.append("\n\n").append("what the model sees", style=INPUT_STYLE)
        result.append(" ").append("what it must predict", style=TARGET_STYLE).append("\n")
    return result
