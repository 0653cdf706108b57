"""What every stage gets besides its own config."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.execution.executors.config import ExecutorConfig
from pipeline.store.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every stage gets beside its own config."""

    layout: Layout
    executor: ExecutorConfig
    overwrite: bool
