"""The command line's exit codes and messages."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def pipeline(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_the_user_can_mend_exits_with_2_and_no_traceback(tmp_path):
    done = pipeline("stage=corpus", f"data_dir={tmp_path}")
    assert done.returncode == 2
    assert "run the stage dump first (make dump)" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_key_is_told():
    done = pipeline("stage=corpus", "corpus.fast=1")
    assert done.returncode != 0
    assert "fast" in done.stderr


def test_nothing_is_left_in_the_working_folder(tmp_path):
    before = set(ROOT.iterdir())
    pipeline("stage=dump", f"data_dir={tmp_path}")
    assert set(ROOT.iterdir()) - before <= {ROOT / "data"}
