"""The lock on a folder that two processes want to build."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from tests.store.small_artefact import begin_artefact, build_artefact

HOLD = """
import sys
from pathlib import Path
from pipeline.store.builder import begin
begin(Path(sys.argv[1]), stage="vocab", config={}, parents={}, overwrite=False)
print("started", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_locked_until_its_process_is_killed(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "started\n"
        with pytest.raises(PipelineError, match=r"another process is building .*/vocab: wait for it"):
            begin_artefact(target)
        other.kill()
    build_artefact(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab"]
