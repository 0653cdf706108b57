"""Ctrl-C at the moments at which Python's own way loses it: quiet, soon, exit code 130, nothing left running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGIN = """
import hashlib, os, signal, subprocess, sys, threading, time
import multiprocess
from pipeline.execution import interrupts
from pipeline.execution.interrupts import interrupted, obey, politely

def press():
    os.kill(os.getpid(), signal.SIGINT)

obey()
"""
AT_A_FORK = """
os.register_at_fork(after_in_parent=press)
multiprocess.Manager()
"""
IN_A_FORK = """
os.register_at_fork(after_in_child=lambda: os.killpg(0, signal.SIGINT))
multiprocess.Manager()
"""
SWALLOWED = """
interrupts.POLITE_SECONDS = 1.0
with politely():
    while True:
        try:
            press()
            time.sleep(0.01)
        except BaseException:
            pass
"""
IN_A_LONG_CALL = """
threading.Timer(0.3, press).start()
hashlib.pbkdf2_hmac("sha256", b"", b"", (1 << 31) - 1)
"""
WITH_PROCESSES = """
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", "import os, time; os.fork(); time.sleep(600)"])
time.sleep(0.5)
press()
"""
IN_A_FINALIZER = """
class Noisy:
    def __del__(self):
        press()
Noisy()
time.sleep(600)
"""


def ended(code: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process group of its own, of which nothing may be left."""
    run = subprocess.Popen(
        [sys.executable, "-c", BEGIN + code],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    told = run.communicate(timeout=120)[1]
    deadline = time.monotonic() + 30  # multiprocessing's tracker ends by itself
    while members(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert members(run.pid) == []
    return subprocess.CompletedProcess(code, run.returncode, stderr=told)


def members(group: int) -> list[str]:
    """Command lines of the living processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append((stat.parent / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "code", [AT_A_FORK, IN_A_FORK, SWALLOWED, IN_A_LONG_CALL, WITH_PROCESSES, IN_A_FINALIZER],
    ids=["at a fork", "in a fork", "swallowed", "in a long call", "with processes", "in a finalizer"],
)  # fmt: skip
def test_ctrl_c_ends_the_program(code: str) -> None:
    began = time.monotonic()
    done = ended(code)
    assert (done.returncode, done.stderr) == (130, "interrupted: run this again to go on\n")
    assert time.monotonic() - began < 60


def test_in_a_polite_block_what_finally_says_is_done(tmp_path: Path) -> None:
    code = f"""
with politely():
    try:
        press()
        time.sleep(600)
    except KeyboardInterrupt:
        press()  # changes nothing any more
        open({str(tmp_path / "done")!r}, "w").close()
assert interrupted.is_set()
"""
    assert ended(code).returncode == 0
    assert (tmp_path / "done").is_file()


def test_ctrl_c_while_the_program_is_imported(tmp_path: Path) -> None:
    (tmp_path / "hydra.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "stage=dump"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "interrupted: run this again to go on\n")


def test_a_fork_dies_with_its_parent() -> None:
    code = BEGIN + "kept = multiprocess.Manager()\nprint('ready', flush=True)\ntime.sleep(600)\n"
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    assert run.stdout
    assert run.stdout.readline() == b"ready\n"
    assert len(members(run.pid)) >= 2
    run.kill()
    run.wait()
    deadline = time.monotonic() + 30
    while members(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert members(run.pid) == []
