"""Conversion between Python values, Arrow arrays and numpy arrays, and reading of parquet files in batches.

`pyarrow.array`, `Array.to_numpy` and `parquet.read_table` import pandas to check for pandas objects, which takes half a
second in every process. The functions here do not, and they build structs from tuples instead of dictionaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]

ColumnValue: TypeAlias = "str | int | Sequence[ColumnValue] | NDArray[np.generic] | None"
"""A value of a column; a struct is a tuple of its fields' values, in the order of the fields."""
ColumnValues: TypeAlias = Sequence[ColumnValue] | NDArray[np.generic]
Offset = TypeVar("Offset", np.int32, np.int64)

MAX_OFFSET = {dtype: np.iinfo(dtype).max for dtype in (np.int32, np.int64)}


def to_arrow(values: ColumnValues, kind: pa.DataType) -> pa.Array:
    """Return the values as an Arrow array.

    A tuple may have more values than the struct has fields; the rest is ignored. Only strings may be None.

    Raises:
        OverflowError: the text or the list items are too many for one array.
        TypeError: the Arrow type is not supported.
    """
    buffers: list[pa.Buffer | None] = [None]
    children: list[pa.Array] = []
    if pa.types.is_struct(kind):
        rows = cast("Sequence[Sequence[ColumnValue]]", values)
        children = [to_arrow([row[index] for row in rows], part.type) for index, part in enumerate(kind)]
    elif pa.types.is_list(kind):
        lists = cast("Sequence[Sequence[ColumnValue]]", values)
        buffers.append(pa.py_buffer(to_offsets(map(len, lists), np.int32)))
        children = [to_arrow([item for items in lists for item in items], kind.value_type)]
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        strings = cast("Sequence[str | None]", values)
        encoded = [(string or "").encode() for string in strings]
        is_null = [string is None for string in strings]
        buffers = [pa.py_buffer(pack_bits([not null for null in is_null])) if any(is_null) else None]
        lengths = map(len, encoded)
        offsets = to_offsets(lengths, np.int32) if pa.types.is_string(kind) else to_offsets(lengths, np.int64)
        buffers += [pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    elif pa.types.is_boolean(kind):
        buffers.append(pa.py_buffer(pack_bits(cast("Sequence[bool]", values))))
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        buffers.append(pa.py_buffer(np.ascontiguousarray(values, dtype=kind.to_pandas_dtype())))
    else:
        raise TypeError(f"columns of type {kind} are not supported")
    return pa.Array.from_buffers(kind, len(values), buffers, children=children)


def to_offsets(lengths: Iterable[int], dtype: type[Offset]) -> NDArray[Offset]:
    """Return the start of each of N consecutive values of these lengths, and the end of the last one: [N + 1].

    Raises:
        OverflowError: the total length does not fit in the dtype.
    """
    offsets = np.concatenate([[0], np.cumsum(np.fromiter(lengths, np.int64))])
    if offsets[-1] > MAX_OFFSET[dtype]:
        raise OverflowError(f"{offsets[-1]:,} bytes or values are more than one column of a file can hold")
    return offsets.astype(dtype)


def pack_bits(values: Sequence[bool] | NDArray[np.bool_]) -> bytes:
    """Return the values with one bit each, the lowest bit first."""
    return np.packbits(np.array(values, dtype=bool), bitorder="little").tobytes()


def read_batches(paths: Iterable[Path], rows: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of parquet files in batches of up to `rows`; only one file is open at a time."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)


def as_numpy(array: pa.Array) -> NDArray[Any]:
    """Return a view of a column of numbers as numpy; the value of a null is undefined."""
    values = np.frombuffer(array.buffers()[1], dtype=array.type.to_pandas_dtype())
    return values[array.offset : array.offset + len(array)]
