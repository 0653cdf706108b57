"""The key `accelerate`: names, paths, and the process that it starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.cli import main as program
from pipeline.cli.accelerate_launch import LAUNCH, accelerate_file, cluster_accelerate_file
from pipeline.errors import PipelineError
from tests.helpers.stages import compose_config


def test_a_name_is_a_file_of_the_project() -> None:
    assert accelerate_file("ddp") == LAUNCH / "ddp.yaml"


def test_a_path_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert accelerate_file("mine.yaml") == accelerate_file(str(tmp_path / "mine.yaml")) == tmp_path / "mine.yaml"


@pytest.mark.parametrize("name", ["dpp", "configs/accelerate/ddp.yaml"])
def test_an_unknown_name_is_refused_with_the_list_of_names(name: str) -> None:
    message = rf"  accelerate is '{name}': a name \(cpu, ddp, fsdp, one_gpu\) or the path of an accelerate config file"
    with pytest.raises(PipelineError, match=message):
        compose_config("stage=all", f"accelerate={name}")


def test_a_cluster_has_a_default() -> None:
    assert cluster_accelerate_file(None, gpus=8) == LAUNCH / "ddp.yaml"
    assert cluster_accelerate_file(None, gpus=0) == LAUNCH / "cpu.yaml"
    assert cluster_accelerate_file("fsdp", gpus=8) == LAUNCH / "fsdp.yaml"


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the commands that this process was replaced by; the training itself is left out."""
    commands: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _path, command: commands.append(command))
    monkeypatch.setattr("pipeline.pretrain.build.build", lambda *_arguments: None)
    for name in ("WORLD_SIZE", "ACCELERATE_MIXED_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    return commands


def test_pretraining_becomes_a_launch_of_the_same_command(
    launched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["stage=pretrain", "accelerate=ddp"]
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    program.run(compose_config(*arguments))
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(LAUNCH / "ddp.yaml")]
    assert launched == [[*launcher, "-m", "pipeline", *arguments]]


@pytest.mark.parametrize("name", ["WORLD_SIZE", "ACCELERATE_MIXED_PRECISION"])
def test_a_launched_process_trains(launched: list[list[str]], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    program.run(compose_config("stage=pretrain", "accelerate=cpu"))
    assert launched == []
