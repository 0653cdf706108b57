"""Examples on disk: Arrow IPC streams in the layout that `datasets.load_from_disk` maps into memory.

A split (train/ or validation/) is a folder with one file a unit, `dataset_info.json` with the columns' types and
`state.json` with the files' order. Lists are Arrow lists of int32, spans lists of pairs: on disk they are flat values
and offsets, which `reader.ExampleStore` uses as they lie. Nothing in these files varies between runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from pipeline.io.arrow import to_arrow, offsets
from pipeline.records import Example
from pipeline.store.files import write_json

IDS = pa.list_(pa.int32())
SPANS = pa.list_(pa.list_(pa.int32(), 2))
SCHEMA = pa.schema({"page_id": pa.string(), "word_ids": IDS, "entity_ids": IDS, "entity_spans": SPANS})
ROWS = 8192
"""Examples in a record batch: 16 MB of word ids at 512 words, which a worker holds while it fills one."""

ID = {"dtype": "int32", "_type": "Value"}
FEATURES = {
    "page_id": {"dtype": "string", "_type": "Value"},
    "word_ids": {"feature": ID, "_type": "List"},
    "entity_ids": {"feature": ID, "_type": "List"},
    "entity_spans": {"feature": {"feature": ID, "length": 2, "_type": "List"}, "_type": "List"},
}
"""SCHEMA in the words of datasets' dataset_info.json."""


class ShardWriter:
    """Writes Examples to an open file, a record batch at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self.stream = pa.ipc.new_stream(file, SCHEMA)
        self.rows: list[Example] = []

    def add(self, example: Example) -> None:
        self.rows.append(example)
        if len(self.rows) == ROWS:
            self.flush()

    def flush(self) -> None:
        if self.rows:
            self.stream.write_batch(record_batch(self.rows))
            self.rows = []

    def close(self) -> None:
        self.flush()
        self.stream.close()


def record_batch(rows: list[Example]) -> pa.RecordBatch:
    """Examples as Arrow columns, from flat values and offsets."""
    spans = values(chain.from_iterable(row.entity_spans) for row in rows)
    word_offsets = to_arrow(offsets((len(row.word_ids) for row in rows), np.int32), pa.int32())
    entity_offsets = to_arrow(offsets((len(row.entity_ids) for row in rows), np.int32), pa.int32())
    return pa.record_batch(
        [
            to_arrow([row.page_id for row in rows], pa.string()),
            pa.ListArray.from_arrays(word_offsets, values(row.word_ids for row in rows)),
            pa.ListArray.from_arrays(entity_offsets, values(row.entity_ids for row in rows)),
            pa.ListArray.from_arrays(entity_offsets, pa.FixedSizeListArray.from_arrays(spans, 2)),
        ],
        schema=SCHEMA,
    )


def values(lists: Iterable[Iterable[int]]) -> pa.Array:
    return to_arrow(np.fromiter(chain.from_iterable(lists), dtype=np.int32), pa.int32())


def complete(folder: Path, fingerprint: str) -> None:
    """Write what makes a folder of shards a dataset.

    Args:
        fingerprint: names the content: datasets' caches are keyed by it.
    """
    state: dict[str, Any] = {
        "_data_files": [{"filename": path.name} for path in sorted(folder.glob("*.arrow"))],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": folder.name,
    }
    write_json(folder / "state.json", state)
    write_json(folder / "dataset_info.json", {"features": FEATURES})
