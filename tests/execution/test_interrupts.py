"""Ctrl-C at moments at which Python's own handling loses it: exit code 130, one line, no process left running."""

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
from pipeline.execution.interrupts import allow_keyboard_interrupt, install_sigint_handler, interrupted

def press():
    os.kill(os.getpid(), signal.SIGINT)

install_sigint_handler()
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
interrupts.CLEANUP_SECONDS = 1.0
with allow_keyboard_interrupt():
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


def run_to_end(code: str) -> subprocess.CompletedProcess[str]:
    """Run code after BEGIN in a process group of its own, and check that no process of the group is left."""
    run = subprocess.Popen(
        [sys.executable, "-c", BEGIN + code],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    stderr = run.communicate(timeout=120)[1]
    deadline = time.monotonic() + 30  # multiprocessing's tracker ends a moment later
    while group_members(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert group_members(run.pid) == []
    return subprocess.CompletedProcess(code, run.returncode, stderr=stderr)


def group_members(group: int) -> list[str]:
    """Return the command lines of the living processes of a group."""
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
    done = run_to_end(code)
    assert (done.returncode, done.stderr) == (130, "interrupted: run this again to resume\n")
    assert time.monotonic() - began < 60


def test_a_block_that_allows_keyboard_interrupt_can_clean_up(tmp_path: Path) -> None:
    code = f"""
with allow_keyboard_interrupt():
    try:
        press()
        time.sleep(600)
    except KeyboardInterrupt:
        press()  # a second Ctrl-C has no effect
        open({str(tmp_path / "done")!r}, "w").close()
assert interrupted.is_set()
"""
    assert run_to_end(code).returncode == 0
    assert (tmp_path / "done").is_file()


def test_ctrl_c_during_the_imports(tmp_path: Path) -> None:
    (tmp_path / "hydra.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "stage=dump"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "interrupted: run this again to resume\n")


def test_a_fork_dies_with_its_parent() -> None:
    code = BEGIN + "kept = multiprocess.Manager()\nprint('ready', flush=True)\ntime.sleep(600)\n"
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    assert run.stdout
    assert run.stdout.readline() == b"ready\n"
    assert len(group_members(run.pid)) >= 2
    run.kill()
    run.wait()
    deadline = time.monotonic() + 30
    while group_members(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert group_members(run.pid) == []
