"""The Ray executor: errors before any task starts, and (slow) a real Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.execution.executors.ray import refuse_small_nodes
from pipeline.execution.map_units import map_units
from pipeline.execution.units import ReportProgress
from pipeline.store.manifest import Counts
from tests.helpers.executors import WriteUppercase, ray_config
from tests.helpers.stages import SMALL_OVERRIDES

ROOT = Path(__file__).parents[3]


def ray_node(memory_gb: float, *, cpus: float = 4, alive: bool = True) -> dict[str, Any]:
    """Return a node as `ray.nodes()` describes it."""
    return {"Alive": alive, "Resources": {"CPU": cpus, "memory": memory_gb * 2**30}}


def test_one_node_with_room_for_a_worker_is_enough() -> None:
    refuse_small_nodes([ray_node(1), ray_node(4)], ray_config(2, memory_gb=4))


@pytest.mark.parametrize(
    ("nodes", "largest"),
    [
        ([], "0.0"),
        ([ray_node(3.5), ray_node(1)], "3.5"),
        ([ray_node(3.5), ray_node(8, cpus=0), ray_node(8, alive=False)], "3.5"),
    ],
)
def test_a_cluster_whose_nodes_are_all_too_small_is_refused(nodes: list[dict[str, Any]], largest: str) -> None:
    with pytest.raises(
        PipelineError, match=rf"executor\.memory_gb=4 GB .* \(the largest node with a CPU has {largest} GB\)"
    ):
        refuse_small_nodes(nodes, ray_config(2, memory_gb=4))


def test_without_ray_the_message_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # makes `import ray` raise ImportError
    with pytest.raises(PipelineError, match=r'^executor=ray needs Ray.* --editable "\.\[ray\]"'):
        map_units(
            WriteUppercase(tmp_path),
            ["pear"],
            scratch=tmp_path,
            step="uppercase",
            executor=ray_config(1),
        )
    assert not (tmp_path / "log").exists()


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(PipelineError, match=r"^no Ray answers \(Failed .*RAY_ADDRESS is 10\.0\.0\.1:6379"):
        map_units(
            WriteUppercase(tmp_path),
            ["pear"],
            scratch=tmp_path,
            step="uppercase",
            executor=ray_config(1),
        )


@pytest.mark.slow
def test_ray_writes_what_local_processes_write(tmp_path: Path) -> None:
    for kind in ("local", "ray"):
        for stage in ("dump", "corpus", "vocab", "dataset"):
            run_pipeline(stage, tmp_path / kind, f"executor={kind}", "executor.workers=2", "executor.memory_gb=1")
    for stage in ("corpus", "dataset"):
        local, ray = (read_files(tmp_path / kind / "small" / stage) for kind in ("local", "ray"))
        assert sorted(local) == sorted(ray)
        assert [name for name in local if local[name] != ray[name]] == ["run.json"]


def run_pipeline(stage: str, data_dir: Path, *overrides: str) -> None:
    """Run a stage of the small wiki in a process of its own."""
    arguments = [f"stage={stage}", *SMALL_OVERRIDES, f"data_dir={os.path.relpath(data_dir, ROOT)}", *overrides]
    subprocess.run([sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, check=True, timeout=120)


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below `folder`, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_on_ray_a_unit_that_fails_says_why_and_finished_units_are_kept(tmp_path: Path) -> None:
    units = ["pear", "plum", "fig", "quince"]
    with pytest.raises(PipelineError, match=r"^fig is not a word: give another one$"):
        map_units_on_ray(WriteUppercase(tmp_path, refused="fig"), units)
    assert (tmp_path / "work/uppercase/pear.json").is_file()
    assert [counts["letters"] for counts in map_units_on_ray(WriteUppercase(tmp_path), units)] == [4, 4, 3, 6]
    assert [unit for unit, _ in WriteUppercase(tmp_path).calls()].count("pear") == 1


@dataclass(frozen=True)
class KilledAtFig:
    """Work that is killed the first `times` that it does the unit fig."""

    folder: Path
    times: int

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        before = len(list(self.folder.glob("fig.*")))
        if unit == "fig" and before < self.times:
            (self.folder / f"fig.{before}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"units": 1}


@pytest.mark.slow
def test_on_ray_a_killed_task_is_retried_and_then_given_up(tmp_path: Path) -> None:
    (tmp_path / "often").mkdir()
    assert map_units_on_ray(KilledAtFig(tmp_path, times=2), ["pear", "fig", "plum"]) == [{"units": 1}] * 3
    with pytest.raises(PipelineError, match=r"^Ray gave up on a task after 3 retries \(.*: out of memory"):
        map_units_on_ray(KilledAtFig(tmp_path / "often", times=9), ["pear", "fig"])


@pytest.mark.slow
def test_on_ray_a_worker_that_no_node_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"no node of this Ray has a CPU and executor\.memory_gb=1000000 GB"):
        map_units_on_ray(WriteUppercase(tmp_path), ["pear"], memory_gb=1_000_000)


def map_units_on_ray(work: WriteUppercase | KilledAtFig, units: list[str], **changes: Any) -> list[dict[str, int]]:
    """Map units over two tasks of a Ray that is started for it."""
    settings = ray_config(2, **changes)
    return map_units(work, units, scratch=work.folder / "work", step="uppercase", executor=settings)
