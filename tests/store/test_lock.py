"""Two processes and one folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from tests.store.making import build, started

HOLD = """
import sys
from pathlib import Path
from pipeline.store.builder import begin
begin(Path(sys.argv[1]), stage="vocab", config={}, parents={}, overwrite=False)
print("begun", flush=True)
sys.stdin.read()
"""


def test_two_processes_do_not_make_the_same_folder_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "begun\n"
        with pytest.raises(PipelineError, match="vocab is being made by another process: wait for it"):
            started(target)
        other.kill()
    build(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab"]
