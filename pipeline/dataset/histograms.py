"""Count and draw the sizes of a dataset: lengths of examples and mentions, entities per example, coverage of links.

The finished files are counted block by block through memory maps: 10 million examples take seconds, and no array is
longer than a block. The result is one figure, histograms.png; the same counts give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.reader import ExampleStore
from pipeline.io.arrow import Int64Array
from pipeline.store.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERCENTILES = (5, 50, 95)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Numbers of items by size."""

    counts: Int64Array
    """[largest size + 1] `counts[n]` items have size n."""

    @classmethod
    def from_sizes(cls, blocks: Iterable[NDArray[np.integer]]) -> Histogram:
        """Count the sizes in all blocks."""
        sums = np.zeros(1, dtype=np.int64)
        for sizes in blocks:
            counts = np.bincount(sizes)
            longer, shorter = (counts, sums) if len(counts) > len(sums) else (sums, counts)
            sums = longer.astype(np.int64)
            sums[: len(shorter)] += shorter
        return cls(sums)

    @property
    def total(self) -> int:
        """Number of items."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean size; 0 if there are no items."""
        return float(self.counts @ np.arange(len(self.counts)) / max(1, self.total))

    def percentile(self, share: float) -> int:
        """Return the smallest size that at least `share` percent of the items do not exceed."""
        return int(np.searchsorted(self.counts.cumsum(), self.total * share / 100))

    @property
    def largest(self) -> int:
        """Largest size; 0 if there are no items."""
        return int(np.flatnonzero(self.counts)[-1]) if self.total else 0


def size_histograms(store: ExampleStore) -> dict[str, Histogram]:
    """Return the histograms of a split, by the label each has in the figure and in the card."""
    spans = (block.entity_spans for block in store.blocks)
    return {
        "tokens per example": Histogram.from_sizes(np.diff(block.word_offsets) for block in store.blocks),
        "entities per example": Histogram.from_sizes(np.diff(block.entity_offsets) for block in store.blocks),
        "tokens per mention": Histogram.from_sizes(span[:, 1] - span[:, 0] for span in spans),
    }


def coverage(counts: Int64Array, seen: int) -> NDArray[np.float64]:
    """Return the share of all links that the n most frequent entities cover, for n = 1, 2, ...: [entities].

    Args:
        counts: number of links to each entity, the most frequent first.
        seen: number of links on training pages, including those to no entity.
    """
    return counts.cumsum() / max(1, seen)


def draw_figure(histograms: dict[str, Histogram], covered: NDArray[np.float64], target: Path) -> None:
    """Draw all histograms and the coverage curve into the PNG file `target`."""
    from matplotlib.figure import Figure  # importing matplotlib takes half a second
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    figure = Figure(figsize=(10, 7))
    axes = figure.subplots(2, 2, gridspec_kw={"hspace": 0.35})
    for axis, (name, histogram) in zip(axes.flat, histograms.items(), strict=False):
        draw_histogram(axis, name, histogram)
    curve = axes.flat[-1]
    curve.plot(np.arange(1, len(covered) + 1), covered * 100)
    curve.set(xscale="log", ylim=(0, 100), xlabel="entities in the vocabulary", ylabel="links covered, %")
    curve.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    curve.xaxis.set_minor_locator(NullLocator())  # minor ticks and labels like 10^n took a third of the drawing time
    curve.grid(color="lightgrey", linewidth=0.5)
    with atomic_write(target, "wb") as file:
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})


def draw_histogram(axis: Axes, name: str, histogram: Histogram) -> None:
    """Draw one histogram with at most 64 bars, its median as a line, and median and mean in the title."""
    width = histogram.largest // 64 + 1
    starts = np.arange(0, histogram.largest + 1, width)
    counts = np.add.reduceat(histogram.counts[: histogram.largest + 1], starts)
    axis.stairs(counts, np.append(starts, starts[-1] + width), fill=True)
    axis.axvline(histogram.percentile(50), color="black", linewidth=1)
    axis.set(xlabel=name, title=f"median {histogram.percentile(50)}, mean {histogram.mean:.1f}")
    axis.title.set_fontsize(9)
