"""Conversion to Arrow: the same arrays as from pyarrow's own functions, without importing pandas."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.io import arrow
from pipeline.io.arrow import as_numpy, to_arrow

PAIR = pa.struct([("start", pa.int32()), ("title", pa.string()), ("added", pa.bool_())])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None, "ü", "", "𝕏"], pa.string()),
        ([None], pa.large_string()),
        ([], pa.string()),
        ([-1, 7, 2**31 - 1], pa.int32()),
        ([2**40, 0], pa.int64()),
        ([0.5, -3.25], pa.float64()),
        ([True, False, True, True, False, False, True, False, True], pa.bool_()),
        ([["a"], [], ["b", "c"]], pa.list_(pa.string())),
        ([], pa.list_(PAIR)),
    ],
)
def test_arrays_equal_those_of_pyarrow(values: list[Any], kind: pa.DataType) -> None:
    array = to_arrow(values, kind)
    array.validate(full=True)
    assert array.equals(pa.array(values, type=kind))


def test_a_tuple_may_have_more_values_than_the_struct_has_fields() -> None:
    array = to_arrow([[(1, "é", True, "more")], [], [(2, "b", False), (3, "c", True)]], pa.list_(PAIR))
    array.validate(full=True)
    assert array.to_pylist() == [
        [{"start": 1, "title": "é", "added": True}],
        [],
        [{"start": 2, "title": "b", "added": False}, {"start": 3, "title": "c", "added": True}],
    ]


def test_unsupported_types_and_too_long_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match=r"type date32\[day\] are not supported"):
        to_arrow([1], pa.date32())
    monkeypatch.setattr(arrow, "MAX_OFFSET", {np.int32: 3})
    with pytest.raises(OverflowError, match="4 bytes"):
        to_arrow(["ab", "cd"], pa.string())


def test_numbers_of_a_slice() -> None:
    assert as_numpy(pa.array([5, 6, 7, 8], pa.int64())[1:3]).tolist() == [6, 7]


def test_pandas_is_not_imported() -> None:
    program = (
        "import sys, pyarrow as pa\n"
        "from pipeline.io.arrow import as_numpy, to_arrow\n"
        "as_numpy(to_arrow([1], pa.int32())), to_arrow(['a'], pa.string())\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
