"""The line on a real Slurm, which scripts/slurm/one_host.sh starts on this machine (slow).

Needs root, and Debian's packages slurm-wlm and munge, which it installs where apt-get can.
"""

from __future__ import annotations

import bz2
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from pipeline.dump.build import SAMPLE, SAMPLE_PACKAGE

ROOT = Path(__file__).resolve().parents[2]
ONE_HOST = str(ROOT / "scripts/slurm/one_host.sh")
LONGEST_PAGE = 10_000
"""Characters of a page of the small dump: of the sample's 106 articles 23 are shorter."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """The environment in which sbatch and squeue speak to a Slurm of our own."""
    if os.geteuid() != 0:
        pytest.skip("starting a Slurm needs root")
    if shutil.which("slurmctld") is None:
        install()
    folder = tempfile.mkdtemp(prefix="one-slurm-", dir="/tmp")  # pytest's own folders are closed to the user munge
    try:
        started = subprocess.run([ONE_HOST, "start", folder], capture_output=True, text=True, check=False)
        assert started.returncode == 0, started.stdout + started.stderr
        yield os.environ | {"SLURM_CONF": f"{folder}/slurm.conf", "OMP_NUM_THREADS": "1"}
    finally:
        subprocess.run([ONE_HOST, "stop", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def install() -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("Slurm is not installed, and there is no apt-get to install it with")
    packages = "apt-get install --yes --no-install-recommends slurm-wlm munge"
    done = subprocess.run(
        ["bash", "-c", f"apt-get update && {packages}"],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"Slurm is not installed and cannot be: {done.stderr.strip().splitlines()[-1:]}")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides for a short line on a real dump: the short pages of the sample."""
    folder = tmp_path_factory.mktemp("dump")
    with bz2.open(str(metadata.distribution(SAMPLE_PACKAGE).locate_file(SAMPLE)), "rt", encoding="utf-8") as sample:
        pages = [page for page in sample.read().split("</page>") if len(page) < LONGEST_PAGE]
    (folder / "small.xml").write_text("</page>".join(pages), encoding="utf-8")
    return [
        "dump=local",
        "dump.name=small",
        f"dump.files=[{folder}/small.xml]",
        "validation_share=0.3",
        "pretrain.phases.all.epochs=6",
        "pretrain.validations=1",
    ]


@pytest.fixture(scope="module")
def submitted(slurm: dict[str, str], small: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the line's artefacts, made by Slurm's jobs."""
    data = tmp_path_factory.mktemp("slurm")
    overrides = ["cluster=one_host", "executor.memory_gb=1", f"data_dir={data}", *small]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "stage=submit", *overrides], env=slurm, cwd=ROOT, check=False
    )
    assert done.returncode == 0
    wait(lambda: not queue(slurm), seconds=900, told=lambda: log(data / "small/logs"))
    return data / "small"


def test_the_line_ends_in_a_model(submitted: Path) -> None:
    assert (submitted / "export/tiny/manifest.json").is_file(), log(submitted / "logs")
    assert json.loads((submitted / "export/tiny/config.json").read_text())["architectures"] == ["LukeForMaskedLM"]
    assert (submitted / "evaluate/tiny/metrics.json").is_file()
    names = sorted(path.name.rpartition("-")[0] for path in (submitted / "logs").iterdir())
    assert names == [
        "small-corpus",
        "small-dataset",
        "small-dump",
        "small-evaluate-roberta_tiny",
        "small-evaluate-tiny",
        "small-export-roberta_tiny",
        "small-export-tiny",
        "small-pretrain-roberta_tiny",
        "small-pretrain-tiny",
        "small-vocab",
    ]


def test_slurm_and_this_machine_give_the_same_bytes(submitted: Path, small: list[str], tmp_path: Path) -> None:
    for stage in ("dump", "corpus", "vocab", "dataset"):
        command = [sys.executable, "-m", "pipeline", f"stage={stage}", f"data_dir={tmp_path}", *small]
        subprocess.run(command, cwd=ROOT, check=True)
        manifest = Path(stage) / "manifest.json"
        assert (submitted / manifest).read_bytes() == (tmp_path / "small" / manifest).read_bytes()


def test_a_training_that_is_told_to_stop_is_queued_again_and_ends_the_same(
    submitted: Path, slurm: dict[str, str], small: list[str], tmp_path: Path
) -> None:
    environment = f'export PATH={Path(sys.executable).parent}:"$PATH"'
    submission = ["sbatch", "--parsable", "--partition=main", "--cpus-per-task=2", "--mem=2G", "--job-name=again"]
    script = [str(ROOT / "scripts/slurm/pretrain.sbatch"), environment, str(ROOT / "configs/accelerate/cpu.yaml")]
    overrides = ["stage=pretrain", "run=roberta_tiny", "run.name=again", f"data_dir={submitted.parent}", *small]
    output = f"--output={tmp_path}/again.out"
    done = subprocess.run(
        [*submission, output, *script, *overrides], env=slurm, cwd=ROOT, capture_output=True, text=True, check=True
    )
    job = done.stdout.strip()
    # As Slurm does before the time limit, but as soon as the training runs.
    told = lambda: log(tmp_path)  # noqa: E731
    wait(lambda: "peak lr" in told(), seconds=120, told=told)  # the plan, then the first step
    subprocess.run(["scancel", "--batch", "--signal=USR1", job], env=slurm, check=True)
    wait(lambda: "goes back into the queue" in told(), seconds=120, told=told)
    # Slurm holds a requeued job back for two minutes; started sooner, its node may not yet be done with the former one.
    wait(lambda: "is finished" in told(), seconds=480, told=lambda: f"{told()}\n{queue(slurm)}")
    assert "going on after step" in told()
    straight, again = (
        json.loads((submitted / "pretrain" / run / "manifest.json").read_text()) for run in ("roberta_tiny", "again")
    )
    weights = [name for name in straight["files"] if name.startswith("model/")]
    assert weights
    assert {name: again["files"][name] for name in weights} == {name: straight["files"][name] for name in weights}


def test_a_failed_unit_ends_the_stage_and_its_array(slurm: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_text("<html>not a dump</html>")
    overrides = [f"data_dir={tmp_path}/data", "dump=local", "dump.name=bad", f"dump.files=[{tmp_path}/bad.xml]"]
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "cluster=one_host",
        "executor=slurm",
        "executor.memory_gb=1",
        *overrides,
    ]
    subprocess.run([*command, "stage=dump"], env=slurm, cwd=ROOT, check=True)
    done = subprocess.run([*command, "stage=corpus"], env=slurm, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "bad.xml" in done.stderr
    assert "Traceback" not in done.stderr
    wait(lambda: not queue(slurm), seconds=30, told=lambda: queue(slurm))


# ---------------------------------------------------------------------------------------------- helpers


def queue(slurm: dict[str, str]) -> str:
    command = ["squeue", "--noheader", "--format=%i %j %T %r"]
    return subprocess.run(command, env=slurm, capture_output=True, text=True, check=True).stdout


def log(folder: Path) -> str:
    return "\n".join(f"{path.name}:\n{path.read_text()}" for path in sorted(folder.glob("*.out")))


def wait(done: Callable[[], bool], *, seconds: float, told: Callable[[], str]) -> None:
    """Until `done`; after `seconds` the test fails with what `told` says."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not done after {seconds} s\n{told()}"
        time.sleep(0.2)
