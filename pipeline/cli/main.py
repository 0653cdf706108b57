"""The command line: hydra composes `configs/`, `config.typed` freezes the result, the stage named by `stage=` runs.

What the user can mend is printed without a traceback and exits with 2, Ctrl-C with 130; a training that was told to
stop saves and exits with 85.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.text import Text

from pipeline.cli import slurm_submit as submit
from pipeline.cli import workflow as line
from pipeline.cli.config import Config, typed
from pipeline.errors import EXIT_CODE, PipelineError, disks
from pipeline.execution.console import console
from pipeline.execution.executors.local import start_forks
from pipeline.execution.interrupts import end, interrupted, politely

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def dump(config: Config) -> None:
    if config.corpus.source == "jsonl":
        console.print("dump: nothing to do, corpus.source is jsonl")
        return
    from pipeline.dump.build import build

    build(config.dump, config.context)


def corpus(config: Config) -> None:
    own = config.corpus.source == "jsonl"
    start_forks("pipeline.corpus.jsonl" if own else "pipeline.corpus", config.context.executor)
    if own:
        from pipeline.corpus.jsonl.build import build
    else:
        from pipeline.corpus.build import build

    build(config.corpus, config.context)


def vocab(config: Config) -> None:
    from pipeline.vocab.build import build

    build(config.vocab, config.context)


def dataset(config: Config) -> None:
    start_forks("pipeline.dataset", config.context.executor)
    from pipeline.dataset.build import build

    build(config.dataset, config.context)


def pretrain(config: Config) -> None:
    if config.accelerate and "WORLD_SIZE" not in os.environ:
        launched(config.accelerate)
    from pipeline.pretrain.train import build

    with politely():
        build(config.pretrain, config.model, config.context)


def launched(settings: Path) -> None:
    """Become `accelerate launch` of this same command, whose processes find WORLD_SIZE set."""
    if not settings.is_file():
        raise PipelineError(f"accelerate={settings} is no file; configs/accelerate/ holds some")
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(settings)]
    os.execv(sys.executable, [*launcher, "-m", "pipeline", *sys.argv[1:]])


def evaluate(config: Config) -> None:
    from pipeline.evaluate.build import build

    build(config.evaluate, config.context)


def export(config: Config) -> None:
    from pipeline.export.build import build

    build(config.export, config.context)


def inspect(config: Config) -> None:
    from pipeline.cli.show import show

    show(config.inspect.what, config.inspect.index, config.layout, config.pretrain)


def everything(config: Config) -> None:
    line.run(config, overrides())


def submission(config: Config) -> None:
    submit.submit(config, overrides())


# A stage is imported when it is asked for: the data stages' workers start without torch.
STAGES: dict[str, Callable[[Config], None]] = {
    "dump": dump,
    "corpus": corpus,
    "vocab": vocab,
    "dataset": dataset,
    "pretrain": pretrain,
    "evaluate": evaluate,
    "export": export,
    "inspect": inspect,
    "all": everything,
    "submit": submission,
}


def overrides() -> list[str]:
    """The command line's overrides, to hand on to each stage of a line; `stage=` and `run=` are the line's own."""
    return [argument for argument in sys.argv[1:] if not argument.startswith(("stage=", "run=", "-"))]


@hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name="config")
def main(raw: DictConfig) -> None:
    try:  # in here: whatever leaves this function, hydra prints a line of its own before
        config = typed(composed(raw))
        STAGES[config.stage](config)
    except PipelineError as error:
        fail(str(error))
    except Exception as error:
        if not (told := disks(error, raw.get("data_dir"))):
            raise
        fail(told)


def composed(raw: DictConfig) -> dict[str, object]:
    """Hydra's config as plain values, interpolations resolved."""
    try:
        value = OmegaConf.to_container(raw, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise PipelineError(f"the config cannot be composed: {error}") from None
    assert isinstance(value, dict)
    return {str(key): part for key, part in value.items()}


def guarded() -> None:
    """`main`, and what ends it from outside."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # or hydra would end the program itself, with 1
    try:
        main()
    except HydraException as error:
        # Hydra advises to append an unknown key with +, which would be refused next.
        told = re.sub(r"^To append to your config use .*$", "There is no such key.", str(error), flags=re.MULTILINE)
        fail(f"{told}\nEvery setting and its value: python -m pipeline --cfg job stage=all")
    except BaseException:
        if interrupted.is_set():
            end()
        raise
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: Python would die of it while it shuts down


def fail(message: str) -> None:
    console.print(Text.assemble(("error:", "bold red"), f" {message}"))
    sys.exit(EXIT_CODE)
