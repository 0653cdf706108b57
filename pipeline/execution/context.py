"""The settings that a stage gets in addition to its own config, and the start that all stages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.execution.console import console
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.store.builder import ArtefactBuilder, begin
from pipeline.store.layout import Layout
from pipeline.store.manifest import Recordable


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Folders, workers, and whether a finished artefact may be replaced."""

    layout: Layout
    executor: ExecutorConfig
    overwrite: bool

    def begin(self, stage: str, config: Recordable, parents: Mapping[str, str]) -> ArtefactBuilder | None:
        """Start or resume the stage's folder; print that it is up to date and return None if it is.

        Args:
            stage: name of the stage.
            config: the config that decides what is built.
            parents: name -> fingerprint of everything that the stage reads.

        Raises:
            PipelineError: as `pipeline.store.builder.begin`.
        """
        target = self.layout.folder(stage)
        builder = begin(target, stage=stage, config=config, parents=parents, overwrite=self.overwrite)
        if builder is None:
            console.print(f"{stage}: {target} is up to date")
        return builder
