"""Arrow columns out of Python's values, numpy's views of them, and the rows of parquet files.

`pyarrow.array`, `Array.to_numpy` and `parquet.read_table` import pandas to see whether it has to do with what they are
given, which takes half a second in every process. What is here does not, and needs no dictionary for each link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

LARGEST = {kind: np.iinfo(kind).max for kind in (np.int32, np.int64)}


def to_arrow(values: Sequence[Any] | NDArray[Any], kind: pa.DataType) -> pa.Array:
    """The values as Arrow has them; a struct's are tuples, in the order of its fields.

    Raises:
        OverflowError: more text than one array holds.
        TypeError: a kind that no column here has.
    """
    buffers: list[pa.Buffer | None] = [None]
    children: list[pa.Array] = []
    if pa.types.is_struct(kind):
        children = [to_arrow([value[place] for value in values], part.type) for place, part in enumerate(kind)]
    elif pa.types.is_list(kind):
        buffers.append(pa.py_buffer(offsets(map(len, values), np.int32)))
        children = [to_arrow([item for value in values for item in value], kind.value_type)]
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        encoded = [(value or "").encode() for value in values]
        missing = [value is None for value in values]
        buffers = [pa.py_buffer(packed([not gone for gone in missing])) if any(missing) else None]
        buffers.append(pa.py_buffer(offsets(map(len, encoded), np.int32 if pa.types.is_string(kind) else np.int64)))
        buffers.append(pa.py_buffer(b"".join(encoded)))
    elif pa.types.is_boolean(kind):
        buffers.append(pa.py_buffer(packed(values)))
    elif pa.types.is_integer(kind):
        buffers.append(pa.py_buffer(np.ascontiguousarray(values, dtype=kind.to_pandas_dtype())))
    else:
        raise TypeError(f"no column here is of type {kind}")
    return pa.Array.from_buffers(kind, len(values), buffers, children=children)


def offsets(lengths: Iterable[int], kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
    """Where values of these lengths begin, one after the other, and where the last one ends.

    Raises:
        OverflowError: that is too far for the kind.
    """
    places = np.concatenate([[0], np.cumsum(np.fromiter(lengths, np.int64))])
    if places[-1] > LARGEST[kind]:
        raise OverflowError(f"{places[-1]:,} bytes or values are more than one column of a file holds")
    return places.astype(kind)


def packed(values: Sequence[bool] | NDArray[Any]) -> bytes:
    """A bit a value."""
    return np.packbits(np.array(values, dtype=bool), bitorder="little").tobytes()


def batches(paths: Iterable[Path], rows: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of parquet files, so many at a time; one file is open at a time, of which there may be thousands."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)


def numbers(array: pa.Array) -> NDArray[Any]:
    """The values of a column of numbers, as they lie in memory; what stands in place of a null is undefined."""
    values = np.frombuffer(array.buffers()[1], dtype=array.type.to_pandas_dtype())
    return values[array.offset : array.offset + len(array)]
