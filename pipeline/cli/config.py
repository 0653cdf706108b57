"""From hydra's composed YAML to one frozen, typed Config.

Each stage's part is a dataclass that stands beside the stage's code; the values stand in `configs/`. Conversion and
type errors are pydantic's, unknown keys are refused here, contradictions die in the parts' `__post_init__`. Nothing
after this module knows hydra or YAML.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pipeline.cli.cluster_config import ClusterConfig
from pipeline.corpus.config import CorpusConfig
from pipeline.dataset.config import DatasetConfig
from pipeline.dump.config import DumpConfig
from pipeline.errors import PipelineError
from pipeline.evaluate.config import EvaluateConfig
from pipeline.execution.context import Context
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.export.config import ExportConfig
from pipeline.model.config import ModelConfig
from pipeline.pretrain.config import PretrainConfig
from pipeline.store.layout import Layout
from pipeline.vocab.config import VocabConfig

IN_WORDS = {"tuple_type": "Input should be a list, in square brackets"}
"""Kind of a value that pydantic refuses -> what is needed, where it would speak of Python."""

Stage = Literal["dump", "corpus", "vocab", "dataset", "pretrain", "evaluate", "export", "all", "submit", "inspect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Which model is made: `run=tiny` chooses configs/run/tiny.yaml, `run.name=x` keeps its result apart."""

    name: str
    """Folder below pretrain/, evaluate/ and export/."""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("run.name is empty: it names the folder of the run, beside those of other runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectConfig:
    """What `make inspect` shows."""

    what: Literal["article", "example", "masked", "mentions"]
    """An article with its links, an Example with its entities, an Example as the model sees it, or a sample of what
    corpus.more_mentions adds."""
    index: int
    """Which one, counted from 0."""

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError(f"inspect.index is {self.index}: it counts from 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the program was asked for."""

    stage: Stage
    """What to do; `all` does the whole line, `submit` hands it to Slurm."""
    data_dir: Path
    """Where the artefacts of all dumps lie."""
    overwrite: bool
    """Rebuild a finished artefact whose config or input has changed."""
    seed: int
    """Of everything random: initial weights, order, masks, dropout."""
    validation_share: float
    """Share of pages held out; chosen by a hash of the page's id."""
    runs: tuple[str, ...]
    """The runs that `all` and `submit` make, in order: names of configs/run/*.yaml."""
    accelerate: Path | None
    """accelerate's config file for pretraining on several processes; null: one process."""
    run: RunConfig
    dump: DumpConfig
    corpus: CorpusConfig
    vocab: VocabConfig
    dataset: DatasetConfig
    model: ModelConfig
    pretrain: PretrainConfig
    evaluate: EvaluateConfig
    export: ExportConfig
    executor: ExecutorConfig
    cluster: ClusterConfig
    inspect: InspectConfig

    def __post_init__(self) -> None:
        if self.corpus.source == "jsonl":
            self.check_own_text()

    def check_own_text(self) -> None:
        if self.dump.files:
            raise ValueError("dump.files is given, but corpus.source is jsonl and reads no dump: leave one of them out")
        if self.dump.name in ("sample", self.dump.wiki):
            raise ValueError(
                f"corpus.source is jsonl and dump.name is {self.dump.name}, which is a dump's: "
                "give the folder of your own text a name, such as dump.name=mine"
            )

    @property
    def layout(self) -> Layout:
        variants = {"corpus": self.corpus.name, "vocab": self.vocab.name, "dataset": self.dataset.name}
        return Layout(self.data_dir / self.dump.name, self.run.name, variants)

    @property
    def context(self) -> Context:
        return Context(layout=self.layout, executor=self.executor, overwrite=self.overwrite)


def typed(raw: Mapping[str, Any]) -> Config:
    """Check the composed values and freeze them.

    Raises:
        PipelineError: a line for each value that is unknown, missing, of the wrong type or in contradiction.
    """
    unknown = unknown_keys(Config, raw)
    if unknown:
        raise PipelineError("unknown config keys: " + ", ".join(unknown))
    try:
        return TypeAdapter(Config).validate_python(raw)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            place = ".".join(str(part) for part in problem["loc"] if not str(part).endswith("Config"))
            message = IN_WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
            value = problem["input"]
            got = "" if isinstance(value, Mapping) else f" (got {value!r})"
            lines.append(f"  {place}: {message}{got}" if place else f"  {message}{got}")
        raise PipelineError("the config cannot be used:\n" + "\n".join(lines)) from None


def unknown_keys(kind: Any, raw: Any, path: str = "") -> list[str]:
    """Dotted names in `raw` that no field of the dataclass `kind` stands for."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next((part for part in typing.get_args(kind) if is_dataclass(part)), None)
    if typing.get_origin(kind) is dict and isinstance(raw, Mapping):
        part = typing.get_args(kind)[1]
        return [name for key, value in raw.items() for name in unknown_keys(part, value, f"{path}{key}.")]
    if not is_dataclass(kind) or not isinstance(raw, Mapping):
        return []
    hints = typing.get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    found = [f"{path}{key}" for key in raw if key not in known]
    return found + [
        name for key in sorted(known & raw.keys()) for name in unknown_keys(hints[key], raw[key], f"{path}{key}.")
    ]
