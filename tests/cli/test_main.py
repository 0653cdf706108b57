"""The command line's exit codes and messages."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.cli import main as program
from tests.helpers.stages import run_stage

ROOT = Path(__file__).parents[2]


def pipeline(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def refused(monkeypatch, capsys):
    """Runs the program in this process, which it ends with 2; what it says."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
        with pytest.raises(SystemExit) as ended:
            program.guarded()
        assert ended.value.code == 2
        return capsys.readouterr().err

    return run


def test_what_the_user_can_mend_exits_with_2_and_no_traceback(tmp_path):
    done = pipeline("stage=corpus", f"data_dir={tmp_path}")
    assert done.returncode == 2
    assert "run the stage dump first (make dump)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("corpus.fast=1", "Could not override 'corpus.fast'.\nThere is no such key."),
        ("dump=nowiki", "Could not find 'dump/nowiki'"),
        ("dump.files=[a", "no viable alternative at input '[a'"),
    ],
)
def test_what_hydra_refuses_exits_with_2_too(refused, argument, told):
    answer = refused("stage=corpus", argument)
    assert told in answer
    assert "use +" not in answer


def test_a_place_that_cannot_be_written_is_told(refused, tmp_path):
    (tmp_path / "file").write_text("")
    answer = refused("stage=dump", f"data_dir={tmp_path}/file")
    assert "cannot be written: Not a directory" in answer
    assert "data_dir=" in answer


def test_ctrl_c_is_no_fault(tmp_path):
    """On the sample's dump, which takes seconds: the signal must not come when all is done."""
    run_stage("dump", f"data_dir={tmp_path}")
    command = [sys.executable, "-m", "pipeline", "stage=corpus", f"data_dir={tmp_path}", "executor.workers=2"]
    run = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "sample" / "corpus.partial" / "work").is_dir():
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    told = run.communicate(timeout=60)[1]
    assert (run.returncode, "Traceback" in told) == (130, False), told
    assert "interrupted: run this again to go on" in told


def test_nothing_is_left_in_the_working_folder(tmp_path):
    before = set(ROOT.iterdir())
    pipeline("stage=dump", f"data_dir={tmp_path}")
    assert set(ROOT.iterdir()) - before <= {ROOT / "data"}
