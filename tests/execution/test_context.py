"""The start that all stages share."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.execution.context import Context
from pipeline.store.layout import Layout
from tests.helpers.executors import executor_config
from tests.store.small_artefact import PARENTS, Settings, build_artefact


def test_an_artefact_that_is_up_to_date_is_not_built_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = Context(layout=Layout(tmp_path, ""), executor=executor_config(1), overwrite=False)
    builder = context.begin("vocab", Settings(), PARENTS)
    assert builder is not None
    assert builder.target == tmp_path / "vocab"
    build_artefact(tmp_path / "vocab")
    assert capsys.readouterr().err == ""
    assert context.begin("vocab", Settings(), PARENTS) is None
    assert capsys.readouterr().err == f"vocab: {tmp_path}/vocab is up to date\n"
