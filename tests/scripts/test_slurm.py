"""All stages on a real Slurm, which scripts/slurm/one_host.sh starts on this machine (slow).

The tests need root. They install Debian's packages slurm-wlm and munge if apt-get is there.
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
MAX_PAGE_CHARACTERS = 10_000
"""Maximum characters of a page in the small dump; 23 of the sample's 106 articles are shorter."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """Start a Slurm, and return the environment in which sbatch and squeue use it."""
    if os.geteuid() != 0:
        pytest.skip("starting a Slurm needs root")
    if shutil.which("slurmctld") is None:
        install_slurm()
    folder = tempfile.mkdtemp(prefix="one-slurm-", dir="/tmp")  # the user munge cannot read pytest's folders
    try:
        started = subprocess.run([ONE_HOST, "start", folder], capture_output=True, text=True, check=False)
        assert started.returncode == 0, started.stdout + started.stderr
        yield os.environ | {"SLURM_CONF": f"{folder}/slurm.conf", "OMP_NUM_THREADS": "1"}
    finally:
        subprocess.run([ONE_HOST, "stop", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def install_slurm() -> None:
    """Install Slurm, or skip the tests."""
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
def small_overrides(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return overrides for a small real dump, which holds the short pages of the sample."""
    folder = tmp_path_factory.mktemp("dump")
    with bz2.open(str(metadata.distribution(SAMPLE_PACKAGE).locate_file(SAMPLE)), "rt", encoding="utf-8") as sample:
        pages = [page for page in sample.read().split("</page>") if len(page) < MAX_PAGE_CHARACTERS]
    (folder / "small.xml").write_text("</page>".join(pages), encoding="utf-8")
    return [
        "dump=local",
        "dump.name=small",
        f"dump.files=[{folder}/small.xml]",
        "validation_share=0.3",
        "pretrain.phases.all.epochs=6",
        "pretrain.validations_per_phase=1",
    ]


@pytest.fixture(scope="module")
def artefacts(slurm: dict[str, str], small_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Submit all stages to Slurm, wait for them, and return the folder of their artefacts."""
    data = tmp_path_factory.mktemp("slurm")
    overrides = ["cluster=one_host", "executor.memory_gb=1", f"data_dir={data}", *small_overrides]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "stage=submit", *overrides], env=slurm, cwd=ROOT, check=False
    )
    assert done.returncode == 0
    wait_until(lambda: not read_queue(slurm), seconds=900, describe=lambda: read_logs(data / "small/logs"))
    return data / "small"


def test_all_stages_are_run_and_export_a_model(artefacts: Path) -> None:
    assert (artefacts / "export/tiny/manifest.json").is_file(), read_logs(artefacts / "logs")
    assert json.loads((artefacts / "export/tiny/config.json").read_text())["architectures"] == ["LukeForMaskedLM"]
    assert (artefacts / "evaluate/tiny/metrics.json").is_file()
    names = sorted(path.name.rpartition("-")[0] for path in (artefacts / "logs").iterdir())
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


def test_slurm_and_this_machine_give_the_same_bytes(
    artefacts: Path, small_overrides: list[str], tmp_path: Path
) -> None:
    for stage in ("dump", "corpus", "vocab", "dataset"):
        command = [sys.executable, "-m", "pipeline", f"stage={stage}", f"data_dir={tmp_path}", *small_overrides]
        subprocess.run(command, cwd=ROOT, check=True)
        manifest = Path(stage) / "manifest.json"
        assert (artefacts / manifest).read_bytes() == (tmp_path / "small" / manifest).read_bytes()


def test_a_training_that_is_stopped_by_a_signal_is_requeued_and_ends_the_same(
    artefacts: Path, slurm: dict[str, str], small_overrides: list[str], tmp_path: Path
) -> None:
    environment = f'export PATH={Path(sys.executable).parent}:"$PATH"'
    submission = ["sbatch", "--parsable", "--partition=main", "--cpus-per-task=2", "--mem=2G", "--job-name=again"]
    script = [str(ROOT / "scripts/slurm/pretrain.sbatch"), environment, str(ROOT / "configs/launch/cpu.yaml")]
    overrides = [
        "stage=pretrain",
        "run=roberta_tiny",
        "run.name=again",
        f"data_dir={artefacts.parent}",
        *small_overrides,
    ]
    output = f"--output={tmp_path}/again.out"
    done = subprocess.run(
        [*submission, output, *script, *overrides], env=slurm, cwd=ROOT, capture_output=True, text=True, check=True
    )
    job = done.stdout.strip()
    # Slurm sends this signal before the time limit; here it is sent as soon as the training runs.
    read_log = lambda: read_logs(tmp_path)  # noqa: E731
    wait_until(lambda: "peak lr" in read_log(), seconds=120, describe=read_log)  # the plan is printed
    subprocess.run(["scancel", "--batch", "--signal=USR1", job], env=slurm, check=True)
    wait_until(lambda: "goes back into the queue" in read_log(), seconds=120, describe=read_log)
    # Slurm holds a requeued job for two minutes, because its node may not have cleaned up yet.
    wait_until(lambda: "is finished" in read_log(), seconds=480, describe=lambda: f"{read_log()}\n{read_queue(slurm)}")
    assert "resuming after step" in read_log()
    straight, again = (
        json.loads((artefacts / "pretrain" / run / "manifest.json").read_text()) for run in ("roberta_tiny", "again")
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
    wait_until(lambda: not read_queue(slurm), seconds=30, describe=lambda: read_queue(slurm))


def read_queue(slurm: dict[str, str]) -> str:
    """Return the jobs in the queue, one per line."""
    command = ["squeue", "--noheader", "--format=%i %j %T %r"]
    return subprocess.run(command, env=slurm, capture_output=True, text=True, check=True).stdout


def read_logs(folder: Path) -> str:
    """Return the logs in a folder, each under its name."""
    return "\n".join(f"{path.name}:\n{path.read_text()}" for path in sorted(folder.glob("*.out")))


def wait_until(done: Callable[[], bool], *, seconds: float, describe: Callable[[], str]) -> None:
    """Wait until `done`; after `seconds` fail with the text of `describe`."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not done after {seconds} s\n{describe()}"
        time.sleep(0.2)
