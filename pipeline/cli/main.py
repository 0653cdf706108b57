"""The command line: hydra composes `configs/`, `parse_config` freezes the result, `stage=` selects what runs.

Errors that the user can fix are printed without a traceback and exit with code 2. Ctrl-C exits with 130. A training
that a signal asks to stop saves a checkpoint and exits with 85.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from rich.text import Text

from pipeline.cli import slurm_submit, workflow
from pipeline.cli.accelerate_launch import exec_accelerate_launch, is_launched
from pipeline.cli.config import Config, parse_config
from pipeline.cli.config_errors import explain_hydra_error
from pipeline.cli.paths import CONFIGS
from pipeline.cli.settings import print_settings
from pipeline.errors import USER_ERROR_EXIT_CODE, PipelineError, disk_error_message
from pipeline.execution.console import console
from pipeline.execution.executors.local import start_fork_server
from pipeline.execution.interrupts import allow_keyboard_interrupt, exit_now, interrupted
from pipeline.stages import STAGES, Stage


def run_stage(stage: Stage, config: Config) -> None:
    """Build the stage's artefact. The stage's modules are imported only here: data stages run without torch."""
    if stage.name == "dump" and not config.corpus.reads_dump:
        console.print(f"dump: nothing to do, because corpus.source is {config.corpus.source}")
        return
    if stage.processes and config.accelerate and not is_launched():
        exec_accelerate_launch(config.accelerate)
    if stage.preload:
        start_fork_server(stage.preload, config.executor)  # it imports while this process does
    build = import_module(stage.module).build
    with allow_keyboard_interrupt(stage.name == "pretrain"):
        build(*(getattr(config, name) for name in stage.configs), config.context)


def inspect(config: Config) -> None:
    """Print what `inspect.what` names."""
    from pipeline.cli.show import show

    show(config.inspect.what, config.inspect.index, config.layout, config.pretrain)


def predict(config: Config) -> None:
    """Print what a model predicts for a text."""
    from pipeline.cli.predict import print_prediction

    given = config.predict
    print_prediction(given.text, given.model, config.layout.folder("export"), given.candidates)


COMMANDS: dict[str, Callable[[Config], None]] = {
    "all": lambda config: workflow.run_workflow(config, overrides()),
    "submit": lambda config: slurm_submit.submit(config, overrides()),
    "inspect": inspect,
    "predict": predict,
}
"""Values of `stage=` that are not stages."""


def run(config: Config) -> None:
    """Run the stage or command that `config.stage` names."""
    if config.stage in STAGES:
        run_stage(STAGES[config.stage], config)
    else:
        COMMANDS[config.stage](config)


def overrides() -> list[str]:
    """Return the command line's overrides for the steps of a workflow, which set `stage=` and `run=` themselves."""
    return [argument for argument in sys.argv[1:] if not argument.startswith(("stage=", "run=", "-"))]


@hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name="config")
def main(composed: DictConfig) -> None:
    """Parse hydra's config and run the stage. Errors are caught here, before hydra adds a line to their message."""
    try:
        if composed.get("stage") == "settings":  # before the values are checked, because some may be missing
            print_settings(composed)
        else:
            run(parse_config(composed))
    except PipelineError as error:
        exit_with_error(str(error))
    except Exception as error:
        if not (message := disk_error_message(error, composed.get("data_dir"))):
            raise
        exit_with_error(message)


def run_command_line() -> None:
    """Run `main`; turn hydra's errors into messages and end quietly after Ctrl-C."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # or hydra would exit by itself, with code 1
    try:
        main()
    except HydraException as error:
        exit_with_error(explain_hydra_error(Config, error))
    except BaseException:
        if interrupted.is_set():
            exit_now()
        raise
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is done, and Ctrl-C would kill Python while it shuts down


def exit_with_error(message: str) -> None:
    """Print the message and exit with code 2."""
    console.print(Text.assemble(("error:", "bold red"), f" {message}"))
    sys.exit(USER_ERROR_EXIT_CODE)
