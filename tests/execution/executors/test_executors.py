"""Executors: what is refused before it could hang, and a real Ray beside the processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.execution.executors.local import start_forks
from pipeline.execution.executors.ray import refuse_small_nodes
from pipeline.execution.executors.slurm import forget_allocation
from pipeline.execution.map_units import map_units
from pipeline.execution.units import Report
from pipeline.store.manifest import Counts
from tests.helpers.executors import Shout, executor
from tests.helpers.stages import SMALL

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers": 0}, r"executor\.workers is 0"),
        ({"memory_gb": 0}, r"executor\.memory_gb is 0"),
        ({"kind": "slurm"}, r"executor\.partition is empty"),
        ({"kind": "slurm", "partition": "cpu", "workers": 1001}, r"executor\.workers is 1001: .* at most 1000 jobs"),
    ],
)
def test_an_executor_that_cannot_work_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        executor(**({"workers": 1} | changes))


def test_ctrl_c_while_the_fork_server_starts_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "ensure_running", lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        start_forks("pipeline.dataset", executor(2))


def test_a_job_that_submits_jobs_forgets_its_own_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SBATCH_PARTITION", "SLURM_CONF"):
        monkeypatch.setenv(name, "x")
    forget_allocation()
    assert "SLURM_JOB_ID" not in os.environ
    assert "SBATCH_PARTITION" not in os.environ
    assert os.environ["SLURM_CONF"] == "x"


def node(memory_gb: float, *, cpus: float = 4, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": {"CPU": cpus, "memory": memory_gb * 2**30}}


def test_a_node_that_holds_a_worker_is_enough() -> None:
    refuse_small_nodes([node(1), node(4)], executor(2, kind="ray", memory_gb=4))


@pytest.mark.parametrize(
    ("nodes", "largest"),
    [([], "0.0"), ([node(3.5), node(1)], "3.5"), ([node(3.5), node(8, cpus=0), node(8, alive=False)], "3.5")],
)
def test_a_ray_whose_nodes_are_all_too_small_is_refused(nodes: list[dict[str, Any]], largest: str) -> None:
    with pytest.raises(PipelineError, match=rf"executor\.memory_gb=4 GB .* \(the largest has {largest} GB\)"):
        refuse_small_nodes(nodes, executor(2, kind="ray", memory_gb=4))


def test_a_ray_that_is_not_installed_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # what `import ray` then meets is an ImportError
    with pytest.raises(PipelineError, match=r'^executor=ray needs Ray.* --editable "\.\[ray\]"'):
        map_units(Shout(tmp_path), ["pear"], scratch=tmp_path, label="shout", executor=executor(1, kind="ray"))
    assert not (tmp_path / "log").exists()


def test_a_ray_out_of_reach_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(PipelineError, match=r"^no Ray answers \(Failed .*RAY_ADDRESS is 10\.0\.0\.1:6379"):
        map_units(Shout(tmp_path), ["pear"], scratch=tmp_path, label="shout", executor=executor(1, kind="ray"))


def on_slurm(folder: Path) -> None:
    settings = executor(1, kind="slurm", partition="cpu", time="1:00")
    map_units(Shout(folder), ["pear"], scratch=folder, label="shout", executor=settings)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for what stands in for Slurm's commands."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def command(path: Path, does: str) -> None:
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def test_a_machine_without_slurm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PipelineError, match=r"^executor=slurm needs Slurm, and sbatch is not on the PATH"):
        on_slurm(tmp_path)


def test_an_array_that_slurm_refuses_is_told(commands: Path) -> None:
    command(commands / "sbatch", "echo invalid partition >&2; exit 1")
    with pytest.raises(PipelineError, match=r"^Slurm refused the job array, as it says above: .* executor\.partition"):
        on_slurm(commands)


def test_a_job_of_an_array_does_a_task(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sbatch here does at once what the job would: datatrove reads the array that it pickled, and calls its step."""
    monkeypatch.setattr("pipeline.execution.executors.slurm.await_array", lambda *_: None)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for Shout
    job = f"PATH={Path(sys.executable).parent}:$PATH $(grep -o 'launch_pickled_pipeline .*' $2) >&2"
    command(commands / "sbatch", f"SLURM_ARRAY_TASK_ID=0 SLURM_NODELIST=here {job}; echo Submitted batch job 7")
    for name in ("scontrol", "scancel"):
        command(commands / name, "echo here")
    on_slurm(commands)
    assert (commands / "pear.txt").read_text() == "PEAR"


# ---------------------------------------------------------------------------------------------- a real Ray


@pytest.mark.slow
def test_ray_writes_what_local_processes_write(tmp_path: Path) -> None:
    for kind in ("local", "ray"):
        for stage in ("dump", "corpus", "vocab", "dataset"):
            run_pipeline(stage, tmp_path / kind, f"executor={kind}", "executor.workers=2", "executor.memory_gb=1")
    for stage in ("corpus", "dataset"):
        local, ray = (contents(tmp_path / kind / "small" / stage) for kind in ("local", "ray"))
        assert sorted(local) == sorted(ray)
        assert [name for name in local if local[name] != ray[name]] == ["run.json"]


def run_pipeline(stage: str, data_dir: Path, *overrides: str) -> None:
    arguments = [f"stage={stage}", *SMALL, f"data_dir={os.path.relpath(data_dir, ROOT)}", *overrides]
    subprocess.run([sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, check=True, timeout=120)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_on_ray_a_unit_that_is_refused_says_why_and_loses_nothing(tmp_path: Path) -> None:
    units = ["pear", "plum", "fig", "quince"]
    with pytest.raises(PipelineError, match=r"^fig is not a word: give another one$"):
        on_ray(Shout(tmp_path, refused="fig"), units)
    assert (tmp_path / "work/shout/pear.json").is_file()
    assert [counts["letters"] for counts in on_ray(Shout(tmp_path), units)] == [4, 4, 3, 6]
    assert [unit for unit, _ in Shout(tmp_path).calls()].count("pear") == 1


@dataclass(frozen=True)
class Victim:
    """Is killed at the unit fig, the first times."""

    folder: Path
    times: int

    def __call__(self, unit: str, report: Report) -> Counts:
        before = len(list(self.folder.glob("fig.*")))
        if unit == "fig" and before < self.times:
            (self.folder / f"fig.{before}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"units": 1}


@pytest.mark.slow
def test_on_ray_a_task_that_is_killed_is_tried_again_and_then_given_up(tmp_path: Path) -> None:
    (tmp_path / "often").mkdir()
    assert on_ray(Victim(tmp_path, times=2), ["pear", "fig", "plum"]) == [{"units": 1}] * 3
    with pytest.raises(PipelineError, match=r"^Ray gave a task up after 3 more tries \(.*: out of memory"):
        on_ray(Victim(tmp_path / "often", times=9), ["pear", "fig"])


@pytest.mark.slow
def test_a_ray_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"no node of this Ray has a CPU and executor\.memory_gb=1000000 GB"):
        on_ray(Shout(tmp_path), ["pear"], memory_gb=1_000_000)


def on_ray(work: Shout | Victim, units: list[str], **changes: Any) -> list[dict[str, int]]:
    settings = executor(2, kind="ray", **changes)
    return map_units(work, units, scratch=work.folder / "work", label="shout", executor=settings)
