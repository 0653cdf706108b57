"""The key `accelerate`: names, paths, and the process that it starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.cli import main as program
from pipeline.cli.accelerate_launch import choose_accelerate_config, find_accelerate_config
from pipeline.cli.paths import LAUNCH
from pipeline.errors import PipelineError
from tests.helpers.stages import compose_config


def test_a_name_is_a_file_of_the_project() -> None:
    assert find_accelerate_config("ddp") == LAUNCH / "ddp.yaml"


def test_a_path_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("num_processes: 1\n")
    monkeypatch.chdir(tmp_path)
    assert (
        find_accelerate_config("mine.yaml")
        == find_accelerate_config(str(tmp_path / "mine.yaml"))
        == tmp_path / "mine.yaml"
    )


@pytest.mark.parametrize("name", ["dpp", "configs/accelerate/ddp.yaml"])
def test_an_unknown_name_is_refused_with_the_list_of_names(name: str) -> None:
    message = rf"  accelerate is '{name}': a name \(cpu, ddp, fsdp, one_gpu\) or the path of an accelerate config file"
    with pytest.raises(PipelineError, match=message):
        compose_config("stage=all", f"accelerate={name}")


@pytest.mark.parametrize("content", [b"", b"root:x:0:0", b"{", b"\x00\xff"])
def test_a_file_that_is_not_an_accelerate_config_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine").write_bytes(content)
    with pytest.raises(PipelineError, match=r"  accelerate is '.*/mine', but this file is not an accelerate config"):
        compose_config("stage=all", f"accelerate={tmp_path / 'mine'}")


def test_a_cluster_has_a_default() -> None:
    assert choose_accelerate_config(None, gpus=8) == LAUNCH / "ddp.yaml"
    assert choose_accelerate_config(None, gpus=0) == LAUNCH / "cpu.yaml"
    assert choose_accelerate_config("fsdp", gpus=8) == LAUNCH / "fsdp.yaml"


@pytest.fixture
def recorded_launches(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the recorded commands that would replace this process; nothing is trained or evaluated."""
    commands: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _path, command: commands.append(command))
    for stage in ("pretrain", "evaluate", "export"):
        monkeypatch.setattr(f"pipeline.{stage}.build.build", lambda *_arguments: None)
    for name in ("WORLD_SIZE", "ACCELERATE_MIXED_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    return commands


@pytest.mark.parametrize("stage", ["pretrain", "evaluate"])
def test_a_stage_of_several_processes_becomes_a_launch_of_the_same_command(
    recorded_launches: list[list[str]], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    arguments = [f"stage={stage}", "accelerate=ddp"]
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    program.run(compose_config(*arguments))
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(LAUNCH / "ddp.yaml")]
    assert recorded_launches == [[*launcher, "-m", "pipeline", *arguments]]


def test_a_stage_of_one_process_is_not_launched(recorded_launches: list[list[str]]) -> None:
    program.run(compose_config("stage=export", "accelerate=ddp"))
    assert recorded_launches == []


@pytest.mark.parametrize("name", ["WORLD_SIZE", "ACCELERATE_MIXED_PRECISION"])
def test_a_launched_process_trains(
    recorded_launches: list[list[str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    program.run(compose_config("stage=pretrain", "accelerate=cpu"))
    assert recorded_launches == []
