"""The dataset's README.md: a dataset card with the account, sizes and coverage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.histograms import PERCENTILES, Histogram
from pipeline.io.cards import account_table, size_category
from pipeline.store.manifest import Counts

CARD = """---
language: ["{language}"]
pretty_name: Sequences for LUKE
size_categories: [{size}]
task_categories: [fill-mask]
tags: [luke, entity-linking]
---
# Sequences for LUKE

{train:,} training and {validation:,} validation Examples: sentences of one page each as word ids, with the entities
that they mention. Pages are held out by a hash of their id.

```python
from datasets import load_from_disk

train = load_from_disk(f"{{folder}}/train")  # mapped into memory: page_id, word_ids, entity_ids, entity_spans
example = train[0]
[example["word_ids"][start:end] for start, end in example["entity_spans"]]  # the mentions
```

Ids are those of the `vocab` beside this folder, entity 1 is [UNK], spans are half-open and count `<s>`.

## Sizes of the training Examples
| | {percentiles} | largest | mean |
|---|{rules}---|---|
{sizes}

## Coverage
| entities in the vocabulary | links of training pages that they cover |
|---|---|
{coverage}

![histograms](histograms.png)

## The account
{account}
"""


def card(language: str, counts: Counts, found: dict[str, Histogram], covered: NDArray[np.float64]) -> str:
    """The card of a dataset with this account."""
    sizes = (
        f"| {name} | "
        + " | ".join(str(histogram.percentile(share)) for share in PERCENTILES)
        + f" | {histogram.largest} | {histogram.mean:.1f} |"
        for name, histogram in found.items()
    )
    return CARD.format(
        language=language or "und",
        size=size_category(counts["examples.kept.train"]),
        train=counts["examples.kept.train"],
        validation=counts["examples.kept.validation"],
        percentiles=" | ".join(f"{share} %" for share in PERCENTILES),
        rules="---|" * len(PERCENTILES),
        sizes="\n".join(sizes),
        coverage="\n".join(f"| {size:,} | {covered[size - 1]:.1%} |" for size in steps(len(covered))),
        account=account_table(counts, ["pages", "sentences", "tokens", "links"]),
    )


def steps(size: int) -> list[int]:
    """1, 10, 100, ... and `size` itself."""
    powers = [10**power for power in range(9) if 10**power < size]
    return [*powers, size] if size else []
