"""Write the dataset card (README.md): the account, the sizes of the examples, and the coverage of the vocabulary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.histograms import PERCENTILES, Histogram
from pipeline.io.cards import account_table, size_category
from pipeline.store.manifest import Counts

CARD_TEMPLATE = """---
language: ["{language}"]
pretty_name: Pretraining examples for LUKE
size_categories: [{size}]
task_categories: [fill-mask]
tags: [luke, entity-linking]
---
# Pretraining examples for LUKE

{train:,} training and {validation:,} validation examples. An example is a sequence of sentences of one page as token
ids, with the entities that these sentences mention. Validation pages are chosen by a hash of the page id.

```python
from datasets import load_from_disk

train = load_from_disk(f"{{folder}}/train")  # mapped into memory: page_id, word_ids, entity_ids, entity_spans
example = train[0]
[example["word_ids"][start:end] for start, end in example["entity_spans"]]  # the mentions
```

Ids are those of the `vocab` folder that this dataset was built with; entity 1 is [UNK]. Spans are half-open, and
position 0 is `<s>`.

## Sizes of the training examples
| | {percentiles} | largest | mean |
|---|{rules}---|---|
{sizes}

## Coverage
| most frequent entities | share of the links on training pages that they cover |
|---|---|
{coverage}

![histograms](histograms.png)

## Account
Everything seen in the corpus is either kept or dropped, by reason.

{account}
"""


def dataset_card(language: str, counts: Counts, histograms: dict[str, Histogram], covered: NDArray[np.float64]) -> str:
    """Return the text of the card.

    Args:
        histograms: those of the training split, by label.
        covered: [entities] the share of links that the n most frequent entities cover.
    """
    sizes = (
        f"| {name} | "
        + " | ".join(str(histogram.percentile(share)) for share in PERCENTILES)
        + f" | {histogram.largest} | {histogram.mean:.1f} |"
        for name, histogram in histograms.items()
    )
    return CARD_TEMPLATE.format(
        language=language or "und",
        size=size_category(counts["examples.kept.train"]),
        train=counts["examples.kept.train"],
        validation=counts["examples.kept.validation"],
        percentiles=" | ".join(f"{share} %" for share in PERCENTILES),
        rules="---|" * len(PERCENTILES),
        sizes="\n".join(sizes),
        coverage="\n".join(f"| {size:,} | {covered[size - 1]:.1%} |" for size in coverage_sizes(len(covered))),
        account=account_table(counts, ["pages", "sentences", "tokens", "links"]),
    )


def coverage_sizes(size: int) -> list[int]:
    """Return the numbers of entities in the coverage table: 1, 10, 100, ... and `size` itself."""
    powers = [10**power for power in range(9) if 10**power < size]
    return [*powers, size] if size else []
