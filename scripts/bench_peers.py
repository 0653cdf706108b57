"""Re-create upstream's dataset step, to measure it: `bench_peers.py DUMP_DB VOCAB_JSON MERGES_TXT ENTITIES_JSON OUT`.

The script runs in the peers' own environment (bench_peers.txt) and imports nothing from this project. It does what
`build-wikipedia-pretraining-dataset` of studio-ousia/luke does and was written from its description:

- pages and paragraphs come from the dump database of wikipedia2vec, links are resolved through its redirects;
- ICU splits paragraphs into sentences;
- a sentence is cut at its links, and the RobertaTokenizer of transformers 4, the one in Python, tokenizes each piece
  with `tokenize(..., add_prefix_space=True)` if the piece begins a sentence or follows a space;
- sentences of 5 to 510 tokens are packed up to 512 tokens, with <s> and </s>, and up to 128 entities; mentions have at
  most 30 tokens, links outside the vocabulary become [UNK], and a sequence without entities is dropped.

TensorFlow and its writer (ids are appended to one plain file), AllenNLP and the pool of processes are left out, in
upstream's favour. The entity vocabulary, the 500,000 most linked titles that are articles, is counted in a separate run
(`--count`) whose time does not count for the dataset step. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import re
from array import array
from collections import Counter
from pathlib import Path

from icu import BreakIterator, Locale
from transformers import RobertaTokenizer
from wikipedia2vec.dump_db import DumpDB

MAX_SEQ_LENGTH, MAX_ENTITY_LENGTH, MAX_MENTION_LENGTH, MIN_SENTENCE_LENGTH = 512, 128, 30, 5
ENTITY_VOCAB_SIZE, UNK = 500_000, 1
OTHER_NAMESPACES = ("image:", "file:", "category:")
"""Beginnings of titles, in lower case, that are not articles but that the database keeps."""
WHITESPACE = re.compile(r"\s+")


def article_titles(database):
    """Yield the titles of articles."""
    for title in database.titles():
        if not title.lower().startswith(OTHER_NAMESPACES):
            yield title


def count_entities(database):
    """Return title -> id, numbered from 3 in the order of how often a title is linked."""
    articles = set(database.titles())
    counts = Counter(
        target
        for title in article_titles(database)
        for paragraph in database.get_paragraphs(title)
        for link in paragraph.wiki_links
        if (target := database.resolve_redirect(link.title)) in articles
    )
    return {title: 3 + place for place, (title, _) in enumerate(counts.most_common(ENTITY_VOCAB_SIZE))}


class Tokenizer:
    """Upstream's tokenizer, which is written in Python: piece of text -> token ids."""

    def __init__(self, vocab, merges):
        self.tokenizer = RobertaTokenizer(vocab, merges)

    def __call__(self, text, starts):
        prefix = starts or text.startswith(" ")
        text = WHITESPACE.sub(" ", text).strip()
        if not text:
            return []
        return self.tokenizer.convert_tokens_to_ids(self.tokenizer.tokenize(text, add_prefix_space=prefix))


def sentence_spans(text, breaks):
    """Yield the start and end of each sentence."""
    breaks.setText(text)
    start = 0
    for end in breaks:
        yield start, end
        start = end


def tokenize_sentences(paragraph, entities, database, tokenize, breaks):
    """Yield (token ids, [(entity id, start, end)]) of each sentence; offsets are in tokens."""
    text = paragraph.text
    links = [link for link in paragraph.wiki_links if not link.title.lower().startswith(OTHER_NAMESPACES)]
    for start, end in sentence_spans(text.rstrip(), breaks):
        words, found, at = [], [], start
        for link in links:
            if not start <= link.start < link.end <= end or link.start < at:
                continue
            words += tokenize(text[at : link.start], at == start)
            mention = tokenize(link.text, link.start == start or text[link.start - 1] == " ")
            if mention and len(mention) <= MAX_MENTION_LENGTH:
                entity = entities.get(database.resolve_redirect(link.title), UNK)
                found.append((entity, len(words), len(words) + len(mention)))
            words += mention
            at = link.end
        words += tokenize(text[at:end], at == start)
        if MIN_SENTENCE_LENGTH <= len(words) <= MAX_SEQ_LENGTH - 2:
            yield words, found[:MAX_ENTITY_LENGTH]


def pack_sentences(page):
    """Pack the sentences of a page, and yield (token ids, entities) of each sequence."""
    words, entities = [], []
    for sentence, found in page:
        if len(words) + len(sentence) > MAX_SEQ_LENGTH - 2 or len(entities) + len(found) > MAX_ENTITY_LENGTH:
            yield words, entities
            words, entities = [], []
        entities += [(entity, start + len(words), end + len(words)) for entity, start, end in found]
        words += sentence
    yield words, entities


def write_dataset(database, entities, tokenize, out):
    """Write every sequence; return the number of sequences and of tokens."""
    breaks = BreakIterator.createSentenceInstance(Locale("en"))
    count = tokens = 0
    with open(out, "wb") as file:
        for title in article_titles(database):
            page = (
                sentence
                for paragraph in database.get_paragraphs(title)
                for sentence in tokenize_sentences(paragraph, entities, database, tokenize, breaks)
            )
            for words, found in pack_sentences(page):
                if not found:
                    continue
                array("i", [len(words), len(found), *words, *(value for one in found for value in one)]).tofile(file)
                count += 1
                tokens += len(words)
    return {"sequences": count, "tokens": tokens}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("database", "vocab", "merges", "entities", "out"):
        parser.add_argument(name)
    parser.add_argument("--count", action="store_true", help="only write the entity vocabulary to ENTITIES_JSON")
    args = parser.parse_args()
    database = DumpDB(args.database)
    if args.count:
        Path(args.entities).write_text(json.dumps(count_entities(database)))
        return
    entities = json.loads(Path(args.entities).read_text())
    print(json.dumps(write_dataset(database, entities, Tokenizer(args.vocab, args.merges), args.out)))


if __name__ == "__main__":
    main()
