"""Turn passages into the model's ids, exactly as the dataset does.

A passage is tokenized by the dataset's own code: cut at the borders of its mentions, each piece with the space before
it (`dataset/tokens.py`). Each line of the text is one sentence, which begins as if after a space. The dataset splits
lines into sentences first. In scripts with spaces between words this makes no difference; in a script without them, put
each sentence on a line of its own.

A hidden word is one `<mask>`, which replaces the space before it too, as whole-word masking replaces " dogs". Entities
to be predicted become [MASK], the others are looked up by their titles.

A text of 30 tokens takes 0.05 ms.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from pipeline.dataset.encode import make_encoder
from pipeline.dataset.sentences import lines_with_offsets, trim_span
from pipeline.dataset.tokens import EncodedPieces, Mention, PieceEncoder, tokenize_page, usable_mentions
from pipeline.errors import PipelineError
from pipeline.inference.passage import Passage
from pipeline.inference.titles import EntityTitles
from pipeline.io.arrow import Int64Array
from pipeline.pretrain.batches import flatten_mentions, pad_rows
from pipeline.records import Batch, Example
from pipeline.vocab.entities import MASK, PAD
from pipeline.vocab.words import WordVocab

HIDDEN_START, HIDDEN_REST = "\ufdd0", "\ufdd1"
"""Characters that stand for a hidden word while the text is cut into pieces. Unicode reserves them for such uses."""
HIDDEN_WORD = re.compile(f" ?{HIDDEN_START}{HIDDEN_REST}*")
RESERVED = re.compile(f"[{HIDDEN_START}{HIDDEN_REST}]")


@dataclass(frozen=True, slots=True)
class PassageEncoder:
    """The encoder of one model's tokenizer and entity vocabulary."""

    words: WordVocab
    entities: EntityTitles
    encode: PieceEncoder
    """Tokenizer of pieces that may contain hidden words."""
    max_tokens: int
    """Maximum number of tokens of an example, `<s>` and `</s>` included."""

    @staticmethod
    def make(words: WordVocab, entities: EntityTitles, *, max_tokens: int) -> PassageEncoder:
        """Return the encoder of a model that reads up to `max_tokens` tokens."""
        return PassageEncoder(words, entities, hide_words(make_encoder(words.tokenizer), words.mask), max_tokens)

    def example(self, passage: Passage) -> Example:
        """Return the passage as the model's ids; its page id is empty.

        Raises:
            PipelineError: the text is too long, the text or a mention has no token, a given title is not in the entity
                vocabulary, or the text contains a character that is reserved here.
        """
        text = cover_hidden_words(self.words.with_plain_spaces(passage.text), passage)
        mentions = [
            Mention(span.start, span.end, MASK if span.title is None else self.entities.find(span.title))
            for span in passage.mentions
        ]
        lines = [trim_span(text, start, start + len(line)) for start, line in lines_with_offsets(text)]
        counts: Counter[str] = Counter()
        page = tokenize_page(
            text,
            [span for span in lines if span[0] < span[1]],
            usable_mentions(text, mentions, counts),
            self.encode,
            max_mention_length=self.max_tokens,
            counts=counts,
        )
        length = len(page.word_ids) + 2
        if length > self.max_tokens:
            raise PipelineError(
                f"the text has {length} tokens, <s> and </s> included, but the model reads at most {self.max_tokens}: "
                "shorten it, or predict its parts one by one"
            )
        if length == 2 or len(page.entity_ids) < len(mentions):
            raise PipelineError(f"the text or one of its mentions has no token for this model: {passage.text!r}")
        return Example(
            "",
            (self.words.bos, *page.word_ids.tolist(), self.words.eos),
            tuple(page.entity_ids.tolist()),
            tuple((start + 1, end + 1) for start, end in page.entity_spans.tolist()),
        )

    def batch(self, examples: Sequence[Example]) -> Batch[Int64Array]:
        """Return a batch whose targets are all `<mask>` and [MASK]; its labels, which are unknown, are these too."""
        word_lengths = np.array([len(example.word_ids) for example in examples], dtype=np.int64)
        entity_lengths = np.array([len(example.entity_ids) for example in examples], dtype=np.int64)
        flat_words = [index for example in examples for index in example.word_ids]
        flat_entities = [index for example in examples for index in example.entity_ids]
        spans = [span for example in examples for span in example.entity_spans]
        word_ids, _ = pad_rows(np.array(flat_words, dtype=np.int32), word_lengths, self.words.pad)
        entity_ids, is_entity = pad_rows(np.array(flat_entities, dtype=np.int32), entity_lengths, PAD)
        positions, offsets = flatten_mentions(np.array(spans, dtype=np.int32).reshape(-1, 2), is_entity)
        word_targets = np.flatnonzero(word_ids == self.words.mask)
        entity_targets = np.flatnonzero(entity_ids == MASK)
        return Batch(
            example_ids=np.arange(len(examples)),
            word_ids=word_ids,
            word_lengths=word_lengths,
            entity_ids=entity_ids,
            entity_lengths=entity_lengths,
            mention_positions=positions,
            mention_offsets=offsets,
            word_targets=word_targets,
            word_labels=np.full_like(word_targets, self.words.mask),
            entity_targets=entity_targets,
            entity_labels=np.full_like(entity_targets, MASK),
        )


def cover_hidden_words(text: str, passage: Passage) -> str:
    """Return the text with the hidden words of the passage replaced by reserved characters; it keeps its length.

    Raises:
        PipelineError: the text contains these characters.
    """
    if found := RESERVED.search(text):
        raise PipelineError(f"the text contains U+{ord(found[0]):04X}, which Unicode reserves: remove it")
    parts, position = [], 0
    for start, end in passage.hidden:
        parts += [text[position:start], HIDDEN_START, HIDDEN_REST * (end - start - 1)]
        position = end
    return "".join([*parts, text[position:]])


def hide_words(encode: PieceEncoder, mask: int) -> PieceEncoder:
    """Return an encoder that gives each hidden word, with the space before it, the id `mask`."""

    def encode_with_masks(pieces: list[str]) -> EncodedPieces:
        parts = [HIDDEN_WORD.split(piece) for piece in pieces]  # n hidden words cut a piece into n + 1 parts
        ids, edges = encode([part for piece in parts for part in piece])
        first_parts = np.array([0, *accumulate(map(len, parts))])  # [pieces + 1]
        follows_mask = np.ones(len(edges), dtype=bool)  # [parts + 1]
        follows_mask[first_parts] = False
        masks_before = np.cumsum(follows_mask)
        return np.insert(ids, edges[follows_mask], mask), (edges + masks_before)[first_parts]

    return encode_with_masks
