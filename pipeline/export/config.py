"""Config of the export stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """The export of a trained model."""

    attention: Literal["entity_aware", "vanilla"]
    """Attention of the exported model. A model trained with vanilla attention can be exported as entity-aware: its
    extra queries are then copies of `query`, as in the published models (luke#76)."""
