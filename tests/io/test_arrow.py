"""Columns as Arrow's own functions make them, without what these import."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.io import arrow
from pipeline.io.arrow import to_arrow, numbers

PAIR = pa.struct([("start", pa.int32()), ("title", pa.string()), ("added", pa.bool_())])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None, "ü", "", "𝕏"], pa.string()),
        ([None], pa.large_string()),
        ([], pa.string()),
        ([-1, 7, 2**31 - 1], pa.int32()),
        ([2**40, 0], pa.int64()),
        ([True, False, True, True, False, False, True, False, True], pa.bool_()),
        ([["a"], [], ["b", "c"]], pa.list_(pa.string())),
        ([], pa.list_(PAIR)),
    ],
)
def test_values_are_those_of_arrow(values: list[Any], kind: pa.DataType) -> None:
    made = to_arrow(values, kind)
    made.validate(full=True)
    assert made.equals(pa.array(values, type=kind))


def test_a_struct_is_a_tuple_and_may_be_longer() -> None:
    made = to_arrow([[(1, "é", True, "more")], [], [(2, "b", False), (3, "c", True)]], pa.list_(PAIR))
    made.validate(full=True)
    assert made.to_pylist() == [
        [{"start": 1, "title": "é", "added": True}],
        [],
        [{"start": 2, "title": "b", "added": False}, {"start": 3, "title": "c", "added": True}],
    ]


def test_what_it_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="float"):
        to_arrow([1.0], pa.float32())
    monkeypatch.setattr(arrow, "LARGEST", {np.int32: 3})
    with pytest.raises(OverflowError, match="4 bytes"):
        to_arrow(["ab", "cd"], pa.string())


def test_numbers_of_a_slice() -> None:
    assert numbers(pa.array([5, 6, 7, 8], pa.int64())[1:3]).tolist() == [6, 7]


def test_pandas_stays_out() -> None:
    program = (
        "import sys, pyarrow as pa\n"
        "from pipeline.io.arrow import column, numbers\n"
        "numbers(column([1], pa.int32())), column(['a'], pa.string())\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
