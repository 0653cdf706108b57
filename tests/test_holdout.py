"""The rule that holds out pages, in Python and in SQL."""

from __future__ import annotations

import hashlib

import duckdb
import pytest

from pipeline.holdout import check_share, hash_threshold, is_held_out, is_held_out_sql


def test_literal_pages() -> None:
    # md5("12") = c20ad4d7..., md5("25") = 8e296a06..., md5("39") = d67d8ab4..., md5("303") = 11b9842e...
    assert [is_held_out(page, 0.1) for page in ("12", "25", "39", "303")] == [False, False, False, True]
    assert [is_held_out(page, 0.6) for page in ("12", "25", "39", "303")] == [False, True, False, True]


def test_threshold_is_hex_of_a_fixed_width() -> None:
    assert hash_threshold(0.5) == "80000000"
    assert hash_threshold(0.001) == "00418937"


@pytest.mark.parametrize("share", [0.001, 0.1, 0.999999])
def test_python_and_sql_agree(share: float) -> None:
    pages = [str(number) for number in range(3000)] + ["", "é", "日本"]
    chosen = duckdb.execute(
        f"SELECT page FROM (SELECT unnest($1) AS page) WHERE {is_held_out_sql('page', share)}", [pages]
    ).fetchall()
    assert {page for (page,) in chosen} == {page for page in pages if is_held_out(page, share)}
    assert abs(len(chosen) / len(pages) - share) < 0.02


def test_a_larger_share_holds_out_a_superset() -> None:
    pages = [str(number) for number in range(1000)]
    small = {page for page in pages if is_held_out(page, 0.05)}
    assert small < {page for page in pages if is_held_out(page, 0.06)}
    assert all(hashlib.md5(page.encode()).hexdigest() < "0d" for page in small)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_that_leaves_a_split_empty_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="validation_share is"):
        check_share(share)
