"""The whole config: hydra's composed YAML becomes one frozen, typed Config.

Each stage's part is a dataclass in the stage's package; the values are in `configs/`. pydantic converts the values and
checks their types, and the parts' `__post_init__` refuse values that cannot work together. `config_errors.py` words the
messages. No module below `cli/` knows hydra or YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError

from pipeline.cli.accelerate_launch import find_accelerate_config
from pipeline.cli.cluster_config import ClusterConfig
from pipeline.cli.config_errors import (
    explain_composition_error,
    explain_invalid_values,
    explain_unknown_key,
    renamed_value_messages,
    unknown_keys,
)
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
from pipeline.store.files import JsonValue
from pipeline.store.layout import Layout
from pipeline.vocab.config import VocabConfig

StageOrCommand = Literal[
    "dump",
    "corpus",
    "vocab",
    "dataset",
    "pretrain",
    "evaluate",
    "export",
    "all",
    "submit",
    "inspect",
    "predict",
    "settings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """The run: `run=tiny` chooses configs/run/tiny.yaml, `run.name=x` gives its results another name."""

    name: str
    """Folder of the run below pretrain/, evaluate/ and export/."""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name is empty: it names the folder of the run, for example run.name=mine")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectConfig:
    """The subject of `make inspect`."""

    what: Literal["article", "example", "masked", "mentions"]
    """article: an article with its links; example: an example with its entities; masked: an example as the model sees
    it; mentions: a sample of what corpus.more_mentions adds."""
    index: int
    """Position of the article or example, counted from 0."""

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError(f"index is {self.index}: it is counted from 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictConfig:
    """The input of `make predict`, which passes TEXT and MODEL in environment variables instead."""

    text: str | None
    """Text with marked mentions: "Taro belongs to [[Keio University]]."; null: the variable PREDICT_TEXT."""
    model: str | None
    """Folder of a LUKE in transformers' format; null: the variable PREDICT_MODEL, or else the export of the run."""
    candidates: int
    """Number of words or entities that are printed for each place."""

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"candidates is {self.candidates}: at least 1 is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a command."""

    stage: StageOrCommand
    """The stage to run, or a command: `all` runs all stages, `submit` submits them to Slurm, `inspect`, `predict` and
    `settings` print."""
    data_dir: Path
    """Folder of the artefacts of all dumps."""
    overwrite: bool
    """Whether a finished artefact whose config or input has changed is built again."""
    seed: int
    """Seed of initial weights, data order, masks and dropout."""
    validation_share: float
    """Share of the pages held out; a hash of a page's id decides."""
    runs: tuple[str, ...]
    """The runs that `all` and `submit` train, in order: names of configs/run/*.yaml."""
    accelerate: str | None
    """accelerate config file for pretrain and evaluate on several processes: the name of a file in configs/launch/
    (ddp), or a path. null: one process, or on a cluster the file that fits the resources of the pretrain job."""
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
    predict: PredictConfig

    def __post_init__(self) -> None:
        if not self.corpus.reads_dump:
            self.check_own_text()
        if self.accelerate is not None:
            find_accelerate_config(self.accelerate)

    def check_own_text(self) -> None:
        """Raise ValueError if the config names a dump or its files although the text does not come from a dump."""
        if self.dump.source == "local":
            raise ValueError("dump.files is given, but corpus.source is jsonl and reads no dump: leave one of them out")
        if self.dump.name in ("sample", getattr(self.dump, "wiki", None)):
            raise ValueError(
                f"dump.name is {self.dump.name}, the name of a dump, but corpus.source is jsonl: give the folder of "
                "your own text a name, for example dump.name=mine"
            )

    @property
    def layout(self) -> Layout:
        """The folders of the artefacts."""
        variants = {
            "corpus": self.corpus.name,
            "vocab": self.vocab.name,
            "dataset": self.dataset.name,
            "evaluate": self.evaluate.name,
        }
        return Layout(self.data_dir / self.dump.name, self.run.name, variants)

    @property
    def context(self) -> Context:
        """Folders, executor and `overwrite`, which every stage gets in addition to its own config."""
        return Context(layout=self.layout, executor=self.executor, overwrite=self.overwrite)


def parse_config(composed: DictConfig) -> Config:
    """Check hydra's composed values and freeze them.

    Raises:
        PipelineError: with a line for each key or value that cannot be used.
    """
    values = to_plain_dict(composed)
    lines = [explain_unknown_key(Config, key) for key in unknown_keys(Config, values)]
    lines += renamed_value_messages(values)
    if not lines:
        try:
            return TypeAdapter(Config).validate_python(values)
        except ValidationError as error:
            lines = explain_invalid_values(error.errors(), values, composed)
    raise PipelineError("the config cannot be used:\n" + "\n".join(f"  {line}" for line in lines))


def to_plain_dict(composed: DictConfig) -> dict[str, JsonValue]:
    """Return the composed values with interpolations resolved.

    Raises:
        PipelineError: a required value is missing, or an interpolation cannot be resolved.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise PipelineError(explain_composition_error(Config, error)) from None
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
