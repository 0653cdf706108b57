"""How long Examples and mentions are, how many entities they have, what the vocabulary covers: counted, and drawn.

Counting goes over the finished files block by block, through memory maps: 10 million Examples take seconds, and no
array is longer than a block. The figure is one page, histograms.png; the same counts are the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.reader import ExampleStore
from pipeline.store.files import atomic_write

Int64s = NDArray[np.int64]
PERCENTILES = (5, 50, 95)


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[n]` things have the size n."""

    counts: Int64s

    @classmethod
    def of(cls, blocks: Iterable[NDArray[np.integer]]) -> Histogram:
        """Of the sizes in all blocks."""
        total = np.zeros(1, dtype=np.int64)
        for sizes in blocks:
            counts = np.bincount(sizes)
            longer, shorter = (counts, total) if len(counts) > len(total) else (total, counts)
            total = longer.astype(np.int64)
            total[: len(shorter)] += shorter
        return cls(total)

    @property
    def size(self) -> int:
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        return float(self.counts @ np.arange(len(self.counts)) / max(1, self.size))

    def percentile(self, share: float) -> int:
        """The smallest size that at least `share` percent do not pass."""
        return int(np.searchsorted(self.counts.cumsum(), self.size * share / 100))

    @property
    def largest(self) -> int:
        return int(np.flatnonzero(self.counts)[-1]) if self.size else 0


def histograms(store: ExampleStore) -> dict[str, Histogram]:
    """What is measured of a split, by the name it has on the page."""
    return {
        "words of an Example": Histogram.of(np.diff(block.word_offsets) for block in store.blocks),
        "entities of an Example": Histogram.of(np.diff(block.entity_offsets) for block in store.blocks),
        "words of a mention": Histogram.of(block.spans[:, 1] - block.spans[:, 0] for block in store.blocks),
    }


def coverage(counts: Int64s, seen: int) -> NDArray[np.float64]:
    """[entities] the share of all links that the vocabulary's first n entities cover.

    Args:
        counts: links to each entity, the most frequent first.
        seen: links of training pages, whether to an entity or not.
    """
    return counts.cumsum() / max(1, seen)


def draw(found: dict[str, Histogram], covered: NDArray[np.float64], target: Path) -> None:
    """Write the page."""
    from matplotlib.figure import Figure  # half a second
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    figure = Figure(figsize=(10, 7))
    axes = figure.subplots(2, 2, gridspec_kw={"hspace": 0.35})
    for axis, (name, histogram) in zip(axes.flat, found.items(), strict=False):
        bars(axis, name, histogram)
    curve = axes.flat[-1]
    curve.plot(np.arange(1, len(covered) + 1), covered * 100)
    curve.set(xscale="log", ylim=(0, 100), xlabel="entities in the vocabulary", ylabel="links covered, %")
    curve.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    curve.xaxis.set_minor_locator(NullLocator())  # they and the formulas 10^n were a third of the drawing's time
    curve.grid(color="lightgrey", linewidth=0.5)
    with atomic_write(target, "wb") as file:
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})


def bars(axis: Any, name: str, histogram: Histogram) -> None:
    """One histogram, in at most 64 bars, with its median and mean."""
    width = histogram.largest // 64 + 1
    starts = np.arange(0, histogram.largest + 1, width)
    counts = np.add.reduceat(histogram.counts[: histogram.largest + 1], starts)
    axis.stairs(counts, np.append(starts, starts[-1] + width), fill=True)
    axis.axvline(histogram.percentile(50), color="black", linewidth=1)
    axis.set(xlabel=name, title=f"median {histogram.percentile(50)}, mean {histogram.mean:.1f}")
    axis.title.set_fontsize(9)
