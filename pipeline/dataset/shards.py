"""Write examples as Arrow IPC streams in the layout that `datasets.load_from_disk` maps into memory.

A split (train/ or validation/) is a folder with one file per unit, `dataset_info.json` with the types of the columns
and `state.json` with the order of the files. Ids are Arrow lists of int32 and spans are lists of pairs. On disk both
are flat values and offsets, which `reader.ExampleStore` uses without a copy. Nothing in these files varies between
runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from pipeline.io.arrow import to_arrow, to_offsets
from pipeline.records import Example
from pipeline.store.files import write_json

ID_LIST = pa.list_(pa.int32())
SPAN_LIST = pa.list_(pa.list_(pa.int32(), 2))
SCHEMA = pa.schema({"page_id": pa.string(), "word_ids": ID_LIST, "entity_ids": ID_LIST, "entity_spans": SPAN_LIST})
EXAMPLES_PER_BATCH = 8192
"""Examples per record batch. A worker holds one batch while it fills it: 16 MB of token ids at 512 per example."""

INT32_FEATURE = {"dtype": "int32", "_type": "Value"}
FEATURES = {
    "page_id": {"dtype": "string", "_type": "Value"},
    "word_ids": {"feature": INT32_FEATURE, "_type": "List"},
    "entity_ids": {"feature": INT32_FEATURE, "_type": "List"},
    "entity_spans": {"feature": {"feature": INT32_FEATURE, "length": 2, "_type": "List"}, "_type": "List"},
}
"""SCHEMA as datasets writes it in dataset_info.json."""


class ShardWriter:
    """Writer of examples to an open file, one record batch at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self.stream = pa.ipc.new_stream(file, SCHEMA)
        self.rows: list[Example] = []

    def add(self, example: Example) -> None:
        """Append one example; a full record batch is written at once."""
        self.rows.append(example)
        if len(self.rows) == EXAMPLES_PER_BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the examples added since the last record batch."""
        if self.rows:
            self.stream.write_batch(record_batch(self.rows))
            self.rows = []

    def close(self) -> None:
        """Write the last record batch and end the stream; the file stays open."""
        self.flush()
        self.stream.close()


def record_batch(rows: list[Example]) -> pa.RecordBatch:
    """Convert examples to a record batch, from flat values and offsets."""
    spans = flat_values(chain.from_iterable(row.entity_spans) for row in rows)
    word_offsets = to_arrow(to_offsets((len(row.word_ids) for row in rows), np.int32), pa.int32())
    entity_offsets = to_arrow(to_offsets((len(row.entity_ids) for row in rows), np.int32), pa.int32())
    return pa.record_batch(
        [
            to_arrow([row.page_id for row in rows], pa.string()),
            pa.ListArray.from_arrays(word_offsets, flat_values(row.word_ids for row in rows)),
            pa.ListArray.from_arrays(entity_offsets, flat_values(row.entity_ids for row in rows)),
            pa.ListArray.from_arrays(entity_offsets, pa.FixedSizeListArray.from_arrays(spans, 2)),
        ],
        schema=SCHEMA,
    )


def flat_values(lists: Iterable[Iterable[int]]) -> pa.Array:
    """Concatenate the lists into one int32 array."""
    return to_arrow(np.fromiter(chain.from_iterable(lists), dtype=np.int32), pa.int32())


def write_split_metadata(folder: Path, fingerprint: str) -> None:
    """Write the two JSON files that make a folder of shards a split of a dataset.

    Args:
        fingerprint: identifies the content; datasets uses it as the key of its caches.
    """
    state: dict[str, object] = {
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
