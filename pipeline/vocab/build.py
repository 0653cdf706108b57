"""STAGE vocab: corpus -> words/ (the tokenizer), entities.parquet, aliases.parquet and mentions.parquet.

Both vocabularies see training pages only, chosen by `holdout.py`, whose share the dataset must use too. The tokenizer
is trained in one process with as many threads as tokenizers takes; the entities and mentions are counted in DuckDB with
`executor.workers` threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.corpus.artefact import Corpus
from pipeline.errors import PipelineError
from pipeline.execution.console import console, progress_bar
from pipeline.execution.context import Context
from pipeline.execution.preflight import preflight, total_bytes
from pipeline.holdout import is_held_out
from pipeline.io.arrow import read_batches
from pipeline.io.title_list import read_title_list, title_list_path
from pipeline.store.files import file_digest
from pipeline.store.manifest import Counts
from pipeline.vocab import bpe, entity_counts, mention_counts
from pipeline.vocab.artefact import WORDS
from pipeline.vocab.config import VocabConfig
from pipeline.vocab.pretrained_tokenizer import FILES, find_tokenizer_folder, load_pretrained_tokenizer
from pipeline.vocab.words import save_tokenizer

ROWS_PER_READ = 256
"""Articles in memory at a time."""
TITLE_LIST_KEY = "vocab.entities.always_include"


def build(config: VocabConfig, context: Context) -> None:
    """Build the artefact `vocab`.

    Raises:
        PipelineError: no training page, no entity, an unsuitable tokenizer or title list, or as `Context.begin`.
    """
    corpus = Corpus.open(context.layout)
    pretrained = find_tokenizer_folder(config.tokenizer.pretrained) if config.tokenizer.pretrained else None
    always_include = titles_to_include(config.entities.always_include, corpus)
    parents = {"corpus": corpus.fingerprint, **input_digests(config, pretrained)}
    builder = context.begin("vocab", config, parents)
    if builder is None:
        return
    articles = corpus.articles
    steps = ["entities"] if pretrained else ["tokenizer", "entities"]
    preflight(builder, dict.fromkeys(steps, total_bytes(articles)), context.executor)
    counts = write_tokenizer(articles, config, pretrained, builder.folder / WORDS)
    counts |= entity_counts.write_entity_vocab(
        articles,
        corpus.redirects,
        always_include,
        config.entities,
        validation_share=config.validation_share,
        out=builder.folder,
        scratch=builder.work,
        threads=context.executor.workers,
        memory_gb=context.executor.memory_gb,
    )
    counts |= mention_counts.write_mention_counts(
        articles,
        validation_share=config.validation_share,
        vocab=builder.folder,
        scratch=builder.work,
        threads=context.executor.workers,
        memory_gb=context.executor.memory_gb,
    )
    builder.finish(dict(sorted(counts.items())))
    print_account(counts, builder.target)


def input_digests(config: VocabConfig, pretrained: Path | None) -> dict[str, str]:
    """Return name -> sha256 of the files that the stage reads in addition to the corpus; the config only names them."""
    files = {f"tokenizer.pretrained/{name}": pretrained / name for name in FILES} if pretrained else {}
    if config.entities.always_include:
        files["entities.always_include"] = title_list_path(config.entities.always_include, key=TITLE_LIST_KEY)
    return {name: file_digest(path) for name, path in files.items() if path.is_file()}


def titles_to_include(name: str | None, corpus: Corpus) -> list[str]:
    """Return the titles in the file `name`; a wiki's are normalised like links: underscores become spaces."""
    if not name:
        return []
    titles = read_title_list(title_list_path(name, key=TITLE_LIST_KEY), key=TITLE_LIST_KEY)
    return sorted({title if corpus.is_own_text else title.replace("_", " ").strip() for title in titles})


# ---------------------------------------------------------------------------------------------- tokenizer


def write_tokenizer(articles: list[Path], config: VocabConfig, pretrained: Path | None, folder: Path) -> Counts:
    """Write the tokenizer's folder; return its number of tokens and how many pages it was trained on."""
    counts = {"pages.training": 0, "pages.validation": 0}
    if pretrained:
        tokenizer = load_pretrained_tokenizer(pretrained)
        save_tokenizer(tokenizer, folder)
        return {"words": tokenizer.get_vocab_size()}
    tokenizer = bpe.train(training_lines(articles, config.validation_share, counts), config.tokenizer)
    if not counts["pages.training"]:
        raise PipelineError(
            f"the corpus has no training page ({counts['pages.validation']} held-out pages): "
            "use a larger dump or lower validation_share"
        )
    save_tokenizer(tokenizer, folder)
    return {"words": tokenizer.get_vocab_size(), **counts}


def training_lines(articles: list[Path], share: float, counts: Counts) -> Iterator[str]:
    """Yield the paragraphs of training pages, each after a space, as the dataset tokenizes a sentence; count pages."""
    with progress_bar() as bar:
        task = bar.add_task("tokenizer", total=sum(pq.read_metadata(path).num_rows for path in articles))
        for batch in read_batches(articles, ROWS_PER_READ, ["id", "text"]):
            for page_id, text in zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True):
                held_out = is_held_out(page_id, share)
                counts["pages.validation" if held_out else "pages.training"] += 1
                if not held_out:
                    yield from (" " + line for line in text.split("\n") if line)
            bar.advance(task, batch.num_rows)


# ---------------------------------------------------------------------------------------------- account


def print_account(counts: Counts, target: Path) -> None:
    """Print the account."""
    seen = counts["links.seen"]
    share = counts["links.covered"] / seen if seen else 0.0
    console.print(f"vocab: {counts['words']:,} tokens, {counts['entities']:,} entities in {target}")
    console.print(
        f"  links of training pages: {seen:,} seen, {counts['links.through_redirects']:,} through redirects, "
        f"{counts['links.covered']:,} covered ({share:.1%})"
    )
    reasons = [
        f"{number:,} {key.removeprefix('links.dropped.').replace('_', ' ')}"
        for key, number in entity_counts.dropped_links(counts)
        if number
    ]
    console.print("  out of vocabulary: " + (", ".join(reasons) or "none"))
    console.print(
        f"  mentions: {counts['mentions.kept']:,} kept, in {counts['mentions.rows']:,} rows (mention, entity)"
    )
    if counts["redirects.in_loops"]:
        console.print(f"  {counts['redirects.in_loops']:,} redirects lead into a loop")
