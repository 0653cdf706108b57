"""What the export is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """The stage export."""

    attention: Literal["entity_aware", "vanilla"]
    """What the exported folder computes. A model trained with vanilla attention may be exported as entity-aware: its
    extra queries are then copies of `query`, as the published models were made (luke#76)."""
