"""What `make inspect` prints: an article, an Example, a masked Example, or mentions that could be added.

Links and entities are underlined in colours that alternate, so that neighbours stay apart, and carry the title they
point to; in a masked Example, what the model must predict is shown in the place of what it sees.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.text import Text

from pipeline.corpus.more_mentions import added
from pipeline.errors import PipelineError
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.data import Data
from pipeline.records import Batch, Link
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import Layout
from pipeline.vocab.entities import EntityVocab

COLOURS = ("cyan", "magenta")
CUT = "\N{REPLACEMENT CHARACTER}"
"""How a decoder shows bytes that are no whole character."""
MENTIONS_OF = ["title", "text", "links", "is_disambiguation"]
SPACE = "▁"
"""How SentencePiece writes a space."""
SAMPLE, CONTEXT = 40, 60
"""Mentions of a sample; characters shown on either side of one."""
SEEN, HIDDEN = "black on yellow", "black on red"


def show(what: str, index: int, layout: Layout, pretrain: PretrainConfig) -> None:
    """Print the `index`-th article, Example, masked Example or sample of mentions to standard output."""
    views = {"article": article, "example": example, "masked": masked, "mentions": mentions}
    Console().print(views[what](index, layout, pretrain), soft_wrap=False)


def article(index: int, layout: Layout, _: PretrainConfig) -> Text:
    corpus = open_artefact(layout.folder("corpus"), stage="corpus")
    before = 0
    for path in corpus.files("articles-*.parquet"):
        rows = pq.ParquetFile(path).metadata.num_rows
        if index < before + rows:
            row = pq.read_table(path).slice(index - before, 1).to_pylist()[0]
            break
        before += rows
    else:
        raise PipelineError(f"inspect.index is {index}, but the corpus has {before} articles, counted from 0")
    result = Text.assemble((row["title"], "bold"), "  ", (row["url"], "dim"), "\n\n")
    place = 0
    for number, link in enumerate(row["links"]):
        result.append(row["text"][place : link["start"]])
        mention = row["text"][link["start"] : link["end"]]
        result.append(mention, style=f"underline {COLOURS[number % 2]}")
        if link["title"] != mention:
            result.append(f" → {link['title']}", style=f"dim {COLOURS[number % 2]}")
        place = link["end"]
    result.append(row["text"][place:])
    return result


def mentions(index: int, layout: Layout, _: PretrainConfig) -> Text:
    """The `index`-th sample of what corpus.more_mentions would add to this corpus, or has added, in context."""
    corpus = open_artefact(layout.folder("corpus"), stage="corpus")
    draw = random.Random(index)
    sample: list[tuple[str, str, Link, str]] = []
    kinds: Counter[str] = Counter()
    for path in corpus.files("articles-*.parquet"):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=64, columns=MENTIONS_OF):
            for row in (row for row in batch.to_pylist() if not row["is_disambiguation"]):
                own = [Link(**link) for link in row["links"] if not link.get("added")]
                for link, kind in added(row["title"], row["text"], own):
                    place = draw.randrange(kinds.total() + 1)  # of n seen, each is kept with the same chance, SAMPLE/n
                    kinds[kind] += 1
                    if kinds.total() <= SAMPLE:
                        sample.append((row["title"], kind, link, row["text"]))
                    elif place < SAMPLE:
                        sample[place] = (row["title"], kind, link, row["text"])
    told = ", ".join(f"{kind} {number:,}" for kind, number in sorted(kinds.items())) or "none"
    result = Text.assemble((f"added by corpus.more_mentions=true: {told}", "bold"), "\n")
    for title, kind, link, text in sample:
        around = text[max(0, link.start - CONTEXT) : link.start], text[link.end : link.end + CONTEXT]
        before, after = (part.replace("\n", " ") for part in around)
        mention = Text.assemble((text[link.start : link.end], f"underline {COLOURS[0]}"))
        result.append_text(Text.assemble("\n", (f"{title} ({kind}) ", "dim"), before, mention, after))
        result.append(f" → {link.title}\n", style=f"dim {COLOURS[0]}")
    return result


@dataclass(frozen=True, slots=True)
class Reader:
    """Tokens and titles of one dataset."""

    data: Data
    entities: EntityVocab

    @staticmethod
    def open(layout: Layout, pretrain: PretrainConfig) -> Reader:
        open_artefact(layout.folder("dataset"), stage="dataset")
        data = Data.open(layout, masking=pretrain.masking, entities=True, seed=pretrain.seed)
        return Reader(data, EntityVocab.open(layout.folder("vocab") / "entities.parquet"))

    def batch(self, index: int) -> Batch:
        examples = len(self.data.train)
        if index >= examples:
            raise PipelineError(f"inspect.index is {index}, but the dataset has {examples} Examples, counted from 0")
        return self.data.masker(self.data.train, phase=0).batch(np.array([index]), np.array([0]))

    def words(self, ids: np.ndarray) -> list[str]:
        """Each token as the text it stands for; special tokens under their names.

        A character that several tokens share stands at the last of them, before which there is nothing.
        """
        tokenizer = self.data.words.tokenizer
        texts: list[str] = []
        begun: list[int] = []
        for index in ids.tolist():
            if self.data.words.special[index]:
                if begun:
                    texts[-1], begun = CUT, []
                texts.append(f" {tokenizer.id_to_token(index)}")
                continue
            text = tokenizer.decode([*begun, index])
            if not begun and (tokenizer.id_to_token(index) or "").startswith(SPACE):
                text = f" {text}"  # which the decoder leaves out before a first token
            cut = text.endswith(CUT) and len(begun) < 3
            begun = [*begun, index] if cut else []
            texts.append("" if cut else text)
        return texts


def example(index: int, layout: Layout, pretrain: PretrainConfig) -> Text:
    return marked(Reader.open(layout, pretrain), index, masked=False)


def masked(index: int, layout: Layout, pretrain: PretrainConfig) -> Text:
    return marked(Reader.open(layout, pretrain), index, masked=True)


def marked(reader: Reader, index: int, *, masked: bool) -> Text:
    """One training Example with its entities, and with the masks of its first epoch where `masked`."""
    batch, store = reader.batch(index), reader.data.train
    original = store.example(index)
    seen = reader.words(batch.word_ids[0] if masked else np.array(original.word_ids))
    hidden = dict(zip(batch.word_targets.tolist(), reader.words(batch.word_labels), strict=True)) if masked else {}
    hidden_entities = set(batch.entity_targets.tolist()) if masked else set()
    begins = {start: number for number, (start, _) in enumerate(original.entity_spans)}
    ends = {end: number for number, (_, end) in enumerate(original.entity_spans)}
    result = Text.assemble((f"Example {index}", "bold"), (f"  page {original.page_id}\n\n", "dim"))
    style = ""
    for position in range(len(seen) + 1):
        if position in ends:
            number = ends[position]
            title = reader.entities.title(original.entity_ids[number])
            entity = HIDDEN if number in hidden_entities else f"dim {COLOURS[number % 2]}"
            result.append(f" → {title}", style=entity)
            style = ""
        if position == len(seen):
            break
        if position in begins:
            style = f"underline {COLOURS[begins[position] % 2]}"
        result.append(seen[position], style=SEEN if position in hidden else style)
        if position in hidden:
            result.append(f"({hidden[position].strip()})", style=HIDDEN)
    if masked:
        legend = Text.assemble("\n\n", ("what the model sees", SEEN), " ", ("what it must predict", HIDDEN), "\n")
        result.append_text(legend)
    return result
