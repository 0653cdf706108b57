"""The table of stages, compared with everything that must agree with it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
import yaml

from pipeline.cli.config import Config, StageOrCommand
from pipeline.cli.main import COMMANDS
from pipeline.cli.paths import CONFIGS
from pipeline.stages import STAGES
from pipeline.store.artefact import StageArtefact

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pipeline"


def test_the_stages_and_what_they_read() -> None:
    assert {name: stage.reads for name, stage in STAGES.items()} == {
        "dump": (),
        "corpus": ("dump",),
        "vocab": ("corpus",),
        "dataset": ("corpus", "vocab"),
        "pretrain": ("vocab", "dataset"),
        "evaluate": ("vocab", "dataset", "pretrain"),
        "export": ("corpus", "vocab", "dataset", "pretrain"),
    }
    assert [name for name, stage in STAGES.items() if stage.per_run] == ["pretrain", "evaluate", "export"]
    assert [name for name, stage in STAGES.items() if stage.spreads_units] == ["corpus", "dataset"]


def test_a_stage_comes_after_the_stages_that_it_reads() -> None:
    order = list(STAGES)
    assert all(order.index(read) < order.index(name) for name, stage in STAGES.items() for read in stage.reads)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_a_package_a_config_group_and_fields(name: str) -> None:
    assert {path.name for path in (PACKAGE / name).glob("*.py")} >= {"build.py", "config.py", "artefact.py"}
    assert (CONFIGS / name).is_dir()
    assert {field.name for field in fields(Config)} >= {*STAGES[name].configs, name}


def test_an_artefact_opens_the_folder_of_its_stage() -> None:
    for name in STAGES:
        classes = [
            item
            for item in vars(import_module(f"pipeline.{name}.artefact")).values()
            if isinstance(item, type) and issubclass(item, StageArtefact) and item is not StageArtefact
        ]
        assert [item.stage for item in classes] in ([name], [])  # no stage reads evaluate or export
        assert bool(classes) == any(name in stage.reads for stage in STAGES.values())


def test_a_build_takes_its_configs_and_the_context() -> None:
    for stage in STAGES.values():
        build = import_module(stage.module).build
        assert build.__code__.co_argcount == len(stage.configs) + 1, stage.name
        assert build.__code__.co_varnames[len(stage.configs)] == "context", stage.name


def test_the_type_of_stage_names_every_stage_and_command() -> None:
    assert set(get_args(StageOrCommand)) == {*STAGES, *COMMANDS, "settings"}


def test_the_makefile_has_a_target_for_every_stage_and_command() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    [stages] = re.findall(r"^STAGES = (.*)$", text, flags=re.MULTILINE)
    assert tuple(stages.split()) == tuple(STAGES)
    [targets] = re.findall(r"^(.*) \$\(STAGES\): install$", text, flags=re.MULTILINE)
    assert set(targets.split()) == {*COMMANDS, "settings"}


@pytest.mark.parametrize("path", sorted((CONFIGS / "cluster").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_cluster_has_resources_for_every_stage(path: Path) -> None:
    assert tuple(yaml.safe_load(path.read_text(encoding="utf-8"))["resources"]) == tuple(STAGES)


def modules_with_units(stage: str) -> set[str]:
    """Return the stage's modules that define the work on a unit: a class whose __call__ takes `unit` and `report`."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (PACKAGE / stage).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name == "__call__"
        and [argument.arg for argument in node.args.args] == ["self", "unit", "report"]
    }


@pytest.mark.parametrize("name", STAGES)
def test_the_preload_imports_the_work_on_every_unit_and_no_torch(name: str) -> None:
    """A module that is missing there would be imported again in each worker without any message."""
    stage, needed = STAGES[name], modules_with_units(name)
    assert bool(needed) == stage.spreads_units
    if needed:
        code = f"import sys, {', '.join(stage.preload)}; print(*sys.modules)"
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        loaded = set(answer.stdout.split())
        assert needed <= loaded
        assert "torch" not in loaded
