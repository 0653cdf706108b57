"""Histograms of a dataset, counted by hand."""

import numpy as np

from pipeline.dataset.histograms import Histogram, coverage


def test_sizes_of_several_blocks() -> None:
    found = Histogram.from_sizes(np.array(sizes) for sizes in ([2, 2, 5], [1], [7, 2, 2, 2, 2, 2]))
    assert found.counts.tolist() == [0, 1, 7, 0, 0, 1, 0, 1]
    assert (found.total, found.largest, found.mean) == (10, 7, 2.7)
    assert [found.percentile(share) for share in (5, 10, 11, 50, 80, 81, 95, 100)] == [1, 1, 2, 2, 2, 5, 7, 7]


def test_no_sizes() -> None:
    found = Histogram.from_sizes([])
    assert (found.total, found.largest, found.mean, found.percentile(50)) == (0, 0, 0.0, 0)


def test_coverage_is_the_share_of_all_links() -> None:
    assert coverage(np.array([5, 3, 1]), 20).tolist() == [0.25, 0.4, 0.45]
