"""Give the difference of two means a confidence interval, by a paired bootstrap over pages.

The positions of a page are alike: a page about a city repeats its country. Therefore pages are drawn, with replacement
and as many as there are, and each page brings all of its positions. The pairs stay together, so what two models find
hard alike does not widen the interval. The ends are percentiles of the drawn differences.

2,000 draws of 87 pages take 1 ms, of 3,500 pages 40 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.io.arrow import Int64Array

DRAWS_AT_ONCE = 1 << 22
"""Number of drawn pages that are in memory at once."""


def paired_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    pages: Int64Array,
    generator: np.random.Generator,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Return mean(first) - mean(second) with the lower and the upper end of its confidence interval.

    Args:
        first, second: [K] scores of the same K positions, at least one.
        pages: [K] number of the page of each position.
        generator: source of the draws.
        resamples: number of draws.
        level: share of the draws within the interval.
    """
    _, page_of_position = np.unique(pages, return_inverse=True)
    counts = np.bincount(page_of_position)
    sums = np.bincount(page_of_position, first.astype(np.float64) - second)
    height = max(1, DRAWS_AT_ONCE // len(counts))
    differences = np.empty(resamples)
    for start in range(0, resamples, height):
        stop = min(start + height, resamples)
        drawn = generator.integers(len(counts), size=(stop - start, len(counts)))
        differences[start:stop] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    return float(sums.sum() / counts.sum()), float(low), float(high)
