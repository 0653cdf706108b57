"""Notes: JSON files in the scratch folder with the findings of a unit of the first pass, in addition to its counts.

They are files because a stage that is resumed needs the notes of the units that were finished before.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.store.files import write_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def note_path(work: Path, unit: str) -> Path:
    """Return the path of a unit's note in the scratch folder `work`."""
    return work / "notes" / f"{unit}.json"


def write_note(work: Path, unit: str, note: DataclassInstance) -> None:
    """Write a unit's note."""
    write_json(note_path(work, unit), asdict(note))
