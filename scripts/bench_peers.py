"""Upstream's dataset step, re-created to be measured: `bench_peers.py DUMP_DB VOCAB_JSON MERGES_TXT ENTITIES_JSON OUT`.

It runs in the peers' own environment (bench_peers.txt) and imports nothing of this project. What it does is what
studio-ousia/luke's `build-wikipedia-pretraining-dataset` is known to do, written anew from its description:

- pages and paragraphs come from the dump database of wikipedia2vec, links are resolved through its redirects;
- ICU splits paragraphs into sentences;
- a sentence is cut at its links, and transformers 4's RobertaTokenizer, the one in Python, tokenizes each piece with
  `tokenize(..., add_prefix_space=True)` where a piece begins a sentence or follows a space;
- sentences of 5 to 510 tokens are packed up to 512 with <s> and </s>, up to 128 entities, mentions of up to 30 tokens,
  links outside of the vocabulary as [UNK]; a sequence without entities is dropped.

Left out, to its advantage: TensorFlow and its writer (ids are appended to one plain file), AllenNLP, the pool of
processes. Its entity vocabulary, the 500,000 most linked titles that are articles, is counted in a run of its own
(`--count`), whose time is not the dataset step's. The last line is JSON.
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

MAX_WORDS, MAX_ENTITIES, MAX_MENTION, MIN_SENTENCE = 512, 128, 30, 5
ENTITIES, UNK = 500_000, 1
SPACE = re.compile(r"\s+")


def titles(database):
    """Its articles; the database has dropped other namespaces, but for these."""
    for title in database.titles():
        if not title.lower().startswith(("image:", "file:", "category:")):
            yield title


def count_entities(database):
    """Title -> id, from 3 on by how often it is linked."""
    articles = set(database.titles())
    counts = Counter(
        target
        for title in titles(database)
        for paragraph in database.get_paragraphs(title)
        for link in paragraph.wiki_links
        if (target := database.resolve_redirect(link.title)) in articles
    )
    return {title: 3 + place for place, (title, _) in enumerate(counts.most_common(ENTITIES))}


class Tokenizer:
    """Pieces -> word ids, one token after the other, in Python."""

    def __init__(self, vocab, merges):
        self.tokenizer = RobertaTokenizer(vocab, merges)

    def __call__(self, text, starts):
        prefix = starts or text.startswith(" ")
        text = SPACE.sub(" ", text).strip()
        if not text:
            return []
        return self.tokenizer.convert_tokens_to_ids(self.tokenizer.tokenize(text, add_prefix_space=prefix))


def sentence_spans(text, breaks):
    breaks.setText(text)
    start = 0
    for end in breaks:
        yield start, end
        start = end


def sentences(paragraph, entities, database, tokenize, breaks):
    """(words, [(entity, start, end)]) of each sentence; offsets in tokens."""
    text = paragraph.text
    links = [
        link for link in paragraph.wiki_links if not link.title.lower().startswith(("image:", "file:", "category:"))
    ]
    for start, end in sentence_spans(text.rstrip(), breaks):
        words, found, at = [], [], start
        for link in links:
            if not start <= link.start < link.end <= end or link.start < at:
                continue
            words += tokenize(text[at : link.start], at == start)
            mention = tokenize(link.text, link.start == start or text[link.start - 1] == " ")
            if mention and len(mention) <= MAX_MENTION:
                entity = entities.get(database.resolve_redirect(link.title), UNK)
                found.append((entity, len(words), len(words) + len(mention)))
            words += mention
            at = link.end
        words += tokenize(text[at:end], at == start)
        if MIN_SENTENCE <= len(words) <= MAX_WORDS - 2:
            yield words, found[:MAX_ENTITIES]


def sequences(page):
    """A page's sentences, packed."""
    words, entities = [], []
    for sentence, found in page:
        if len(words) + len(sentence) > MAX_WORDS - 2 or len(entities) + len(found) > MAX_ENTITIES:
            yield words, entities
            words, entities = [], []
        entities += [(entity, start + len(words), end + len(words)) for entity, start, end in found]
        words += sentence
    yield words, entities


def dataset(database, entities, tokenize, out):
    """Write every sequence; return how many, and their tokens."""
    breaks = BreakIterator.createSentenceInstance(Locale("en"))
    count = tokens = 0
    with open(out, "wb") as file:
        for title in titles(database):
            page = (
                sentence
                for paragraph in database.get_paragraphs(title)
                for sentence in sentences(paragraph, entities, database, tokenize, breaks)
            )
            for words, found in sequences(page):
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
    parser.add_argument("--count", action="store_true", help="write the entity vocabulary to ENTITIES, nothing else")
    args = parser.parse_args()
    database = DumpDB(args.database)
    if args.count:
        Path(args.entities).write_text(json.dumps(count_entities(database)))
        return
    entities = json.loads(Path(args.entities).read_text())
    print(json.dumps(dataset(database, entities, Tokenizer(args.vocab, args.merges), args.out)))


if __name__ == "__main__":
    main()
