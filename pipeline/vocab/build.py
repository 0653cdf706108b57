"""The vocab stage: corpus -> words/ (the tokenizer), entities.parquet and aliases.parquet.

Both vocabularies see training pages only, chosen by `split.py`, whose share the dataset must use too. The tokenizer is
trained in one process with as many threads as tokenizers takes, the entities are counted in DuckDB with one thread a
worker of the executor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.execution.console import console, progress_bar
from pipeline.execution.context import Context
from pipeline.execution.preflight import preflight, total
from pipeline.holdout import is_validation
from pipeline.io.arrow import batches
from pipeline.io.title_list import file_of, titles_of
from pipeline.store.artefact import Artefact, open_artefact
from pipeline.store.builder import begin
from pipeline.store.files import digest
from pipeline.store.manifest import Counts
from pipeline.vocab import bpe, words
from pipeline.vocab import entity_counts as counting
from pipeline.vocab.config import VocabConfig
from pipeline.vocab.pretrained_tokenizer import FILES, adopt, source

ROWS = 256
"""Articles read at a time."""
WHITE_LIST = "vocab.entities.white_list"


def build(config: VocabConfig, context: Context) -> None:
    """Make the vocab artefact.

    Raises:
        PipelineError: no training page, no entity, an unfit tokenizer or white list, or what `begin` raises.
    """
    corpus = open_artefact(context.layout.folder("corpus"), stage="corpus")
    adopted = source(config.words.adopt) if config.words.adopt else None
    target = context.layout.folder("vocab")
    parents = {"corpus": corpus.fingerprint, **outside(config, adopted)}
    wanted = white_list(config.entities.white_list, corpus)
    job = begin(target, stage="vocab", config=config, parents=parents, overwrite=context.overwrite)
    if job is None:
        console.print(f"vocab: {target} is up to date")
        return
    articles = corpus.files("articles-*.parquet")
    steps = ["entities"] if adopted else ["words", "entities"]
    preflight(job, dict.fromkeys(steps, total(articles)), context.executor)
    counts = make_words(articles, config, adopted, job.folder / "words")
    counts |= counting.build(
        articles,
        corpus.files("redirects-*.parquet"),
        wanted,
        config.entities,
        validation_share=config.validation_share,
        out=job.folder,
        scratch=job.work,
        threads=context.executor.workers,
        memory_gb=context.executor.memory_gb,
    )
    job.finish(dict(sorted(counts.items())))
    tell(counts, target)


def outside(config: VocabConfig, adopted: Path | None) -> dict[str, str]:
    """Digests of the files this stage reads beside the corpus: the config only names them."""
    files = {f"words.adopt/{name}": adopted / name for name in FILES} if adopted else {}
    if config.entities.white_list:
        files["entities.white_list"] = file_of(config.entities.white_list, key=WHITE_LIST)
    return {name: digest(path) for name, path in files.items() if path.is_file()}


def white_list(name: str | None, corpus: Artefact) -> list[str]:
    """The titles of the file `name` as the corpus has titles: underscores are spaces, but in text of one's own."""
    if not name:
        return []
    titles = titles_of(file_of(name, key=WHITE_LIST), key=WHITE_LIST)
    own = corpus.manifest["config"].get("source") == "jsonl"
    return sorted({title if own else title.replace("_", " ").strip() for title in titles})


# ---------------------------------------------------------------------------------------------- words


def make_words(articles: list[Path], config: VocabConfig, adopted: Path | None, folder: Path) -> Counts:
    """Write the tokenizer's folder; return how much text it saw and how many tokens it has."""
    counts = {"pages.training": 0, "pages.validation": 0}
    if adopted:
        tokenizer = adopt(adopted)
        words.save(tokenizer, folder)
        return {"words": tokenizer.get_vocab_size()}
    tokenizer = bpe.train(training_lines(articles, config.validation_share, counts), config.words)
    if not counts["pages.training"]:
        raise PipelineError(
            f"no training page in the corpus ({counts['pages.validation']} validation pages): "
            "take a larger dump or lower validation_share"
        )
    words.save(tokenizer, folder)
    return {"words": tokenizer.get_vocab_size(), **counts}


def training_lines(articles: list[Path], share: float, counts: Counts) -> Iterator[str]:
    """The paragraphs of training pages, each after a space, as the dataset tokenizes a sentence; counts the pages."""
    with progress_bar() as bar:
        task = bar.add_task("words", total=sum(pq.read_metadata(path).num_rows for path in articles))
        for batch in batches(articles, ROWS, ["id", "text"]):
            for page_id, text in zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True):
                held_out = is_validation(page_id, share)
                counts["pages.validation" if held_out else "pages.training"] += 1
                if not held_out:
                    yield from (" " + line for line in text.split("\n") if line)
            bar.advance(task, batch.num_rows)


# ---------------------------------------------------------------------------------------------- account


def tell(counts: Counts, target: Path) -> None:
    """The account, for people."""
    seen = counts["links.seen"]
    share = counts["links.covered"] / seen if seen else 0.0
    console.print(f"vocab: {counts['words']:,} words, {counts['entities']:,} entities in {target}")
    console.print(
        f"  links of training pages: {seen:,} seen, {counts['links.through_redirects']:,} through redirects, "
        f"{counts['links.covered']:,} covered ({share:.1%})"
    )
    reasons = [
        f"{number:,} {key.removeprefix('links.dropped.').replace('_', ' ')}"
        for key, number in counting.dropped(counts)
        if number
    ]
    console.print("  out of vocabulary: " + (", ".join(reasons) or "none"))
    if counts["redirects.in_loops"]:
        console.print(f"  {counts['redirects.in_loops']:,} redirects lead into a loop")
