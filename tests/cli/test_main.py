"""The command line's exit codes and messages."""

import logging
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


def run_pipeline(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def run_refused(monkeypatch, capsys):
    """Return a function that runs the program in this process, checks its exit code of 2 and returns its stderr."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
        with pytest.raises(SystemExit) as exit_error:
            program.run_command_line()
        assert exit_error.value.code == 2
        return capsys.readouterr().err

    yield run
    for logger in logging.root.manager.loggerDict.values():  # hydra has disabled all that existed
        if isinstance(logger, logging.Logger):
            logger.disabled = False


def test_an_error_of_the_user_exits_with_2_and_no_traceback(tmp_path):
    done = run_pipeline("stage=corpus", f"data_dir={tmp_path}")
    assert done.returncode == 2
    assert "run the stage dump first (make dump)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("corpus.fast=1", "corpus.fast: there is no such key\nEvery setting and its value: python -m pipeline"),
        ("pretrain.batch=8", "pretrain.batch is now pretrain.batch_size"),
        ("vocab.words.size=400", "vocab.words.size is now vocab.tokenizer.size"),
        ("pretrain.phases.all={warmup: 0.1}", "pretrain.phases.all.warmup is now pretrain.phases.all.warmup_ratio"),
        ("vocab=own", "vocab=own is now vocab=jsonl"),
        ("dump.files=[a.xml]", "dump.files exists only with dump=local"),
        ("dump=nowiki", "Could not find 'dump/nowiki'"),
        ("dump.files=[a", "no viable alternative at input '[a'"),
    ],
)
def test_an_error_of_hydra_exits_with_2(run_refused, argument, message):
    answer = run_refused("stage=corpus", argument)
    assert message in answer
    assert "use +" not in answer


def test_a_data_dir_that_cannot_be_written_is_an_error_of_the_user(run_refused, tmp_path):
    (tmp_path / "file").write_text("")
    answer = run_refused("stage=dump", f"data_dir={tmp_path}/file")
    assert "cannot be written: Not a directory" in answer
    assert "data_dir=" in answer


def test_ctrl_c_exits_with_130_and_no_traceback(tmp_path):
    """The sample's dump takes seconds, so that the signal arrives before the stage ends."""
    run_stage("dump", f"data_dir={tmp_path}")
    command = [sys.executable, "-m", "pipeline", "stage=corpus", f"data_dir={tmp_path}", "executor.workers=2"]
    run = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "sample" / "corpus.partial" / "work").is_dir():
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    stderr = run.communicate(timeout=60)[1]
    assert (run.returncode, "Traceback" in stderr) == (130, False), stderr
    assert "interrupted: run this again to resume" in stderr


def test_the_working_folder_gets_no_new_files_but_data(tmp_path):
    before = set(ROOT.iterdir())
    run_pipeline("stage=dump", f"data_dir={tmp_path}")
    assert set(ROOT.iterdir()) - before <= {ROOT / "data"}
