"""The paired bootstrap: exact where the draws are few, and compared with a loop."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate import bootstrap
from pipeline.evaluate.bootstrap import paired_difference


def test_equal_pairs_have_an_interval_without_width():
    first = np.array([3.0, 1.0, 2.0])
    assert paired_difference(first, first - 0.5, pages=np.array([0, 1, 1]), generator=np.random.default_rng(0)) == (
        0.5, 0.5, 0.5
    )  # fmt: skip


def test_one_page_has_an_interval_without_width():
    """Positions of a page are never drawn apart."""
    difference = paired_difference(
        np.array([1.0, 0.0, 0.0, 1.0]), np.zeros(4), pages=np.full(4, 9), generator=np.random.default_rng(0)
    )
    assert difference == (0.5, 0.5, 0.5)


def test_two_pages_have_three_possible_means():
    """Three positions at 1 on one page and one at 0 on another: the draws give 0, 3/4 and 1."""
    first, pages = np.array([1.0, 0.0, 1.0, 1.0]), np.array([5, 2, 5, 5])
    mean, low, high = paired_difference(
        first, np.zeros(4), pages=pages, generator=np.random.default_rng(0), resamples=1000
    )
    assert (mean, low, high) == (0.75, 0.0, 1.0)
    # a quarter of the draws is twice the page at 0, so an interval of 40 % has both ends at 3/4
    assert paired_difference(
        first, np.zeros(4), pages=pages, generator=np.random.default_rng(0), resamples=1000, level=0.4
    ) == (0.75, 0.75, 0.75)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 22])
def test_random_scores_agree_with_a_loop(monkeypatch: pytest.MonkeyPatch, at_once: int):
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", at_once)
    rng = np.random.default_rng(1)
    first, second, pages = rng.random(40), rng.random(40), rng.integers(0, 6, 40)
    drawn = np.random.default_rng(2)
    means = []
    for _ in range(50):
        chosen = np.concatenate([np.flatnonzero(pages == page) for page in drawn.integers(6, size=6)])
        means.append((first - second)[chosen].mean())
    expected = ((first - second).mean(), *np.quantile(means, [0.05, 0.95]))
    found = paired_difference(first, second, pages=pages, generator=np.random.default_rng(2), resamples=50, level=0.9)
    assert found == pytest.approx(expected, abs=1e-12)
