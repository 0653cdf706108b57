"""The script that `DRY_RUN=1` prints; tests/scripts/test_slurm.py submits it to a real Slurm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.slurm_submit import (
    ROOT,
    log_folder,
    plan_submissions,
    shell_script,
    submit,
)
from pipeline.errors import PipelineError
from tests.helpers.stages import compose_config

BIN = Path(sys.executable).parent


def run_dry_run(tmp_path: Path, *overrides: str) -> str:
    """Return what the command line prints."""
    command = [sys.executable, "-m", "pipeline", "stage=submit", f"data_dir={tmp_path}/data", *overrides]
    settings = os.environ | {"DRY_RUN": "1", "PATH": str(tmp_path)}
    return subprocess.run(command, env=settings, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def compose_script(tmp_path: Path, *overrides: str) -> str:
    """Return the same script, composed in this process."""
    all_overrides = [f"data_dir={tmp_path}/data", *overrides]
    config = compose_config("stage=submit", *all_overrides)
    return shell_script(plan_submissions(config, all_overrides), log_folder(config))


def test_a_dry_run_prints_a_script_that_submits_every_step(tmp_path: Path) -> None:
    answer = run_dry_run(
        tmp_path,
        "cluster.partition=cpu",
        "cluster.env_command='source my/env'",
        "+cluster.sbatch.account=nlp",
        "cluster.resources.pretrain={nodes: 4, cpus: 64, memory_gb: 500, gpus: 8, time: '2-0'}",
        "cluster.gpu_partition=gpu",
        "+cluster.resources.pretrain.sbatch.constraint=h100",
        "runs=[tiny]",
    )
    data = f"{tmp_path}/data"
    quoted = f"data_dir={data} cluster.partition=cpu 'cluster.env_command='\"'\"'source my/env'\"'\"'' "
    assert quoted in answer
    lines = answer.replace(" \\\n   ", "").splitlines()
    assert lines[0] == f"mkdir -p {data}/sample/logs"
    assert [line.split("=")[0] for line in lines[1:]] == [
        "sample_dump",
        "sample_corpus",
        "sample_vocab",
        "sample_dataset",
        "sample_pretrain_tiny",
        "sample_evaluate_tiny",
        "sample_export_tiny",
    ]
    assert lines[2].startswith(
        f"sample_corpus=$(sbatch --parsable --job-name=sample-corpus --output={data}/sample/logs/%x-%j.out "
        f"--kill-on-invalid-dep=yes --partition=cpu --time=2-00:00:00 --nodes=1 --ntasks-per-node=1 --cpus-per-task=2 "
        f"--mem=8G --account=nlp --dependency=afterok:${{sample_dump}} {ROOT}/scripts/slurm/stage.sbatch "
        f"'source my/env' stage=corpus executor=slurm data_dir={data}"
    )
    assert lines[5].startswith(
        f"sample_pretrain_tiny=$(sbatch --parsable --job-name=sample-pretrain-tiny "
        f"--output={data}/sample/logs/%x-%j.out --kill-on-invalid-dep=yes --partition=gpu --time=2-0 --nodes=4 "
        f"--ntasks-per-node=1 --cpus-per-task=64 --mem=500G --gpus-per-node=8 --account=nlp --constraint=h100 "
        f"--dependency=afterok:${{sample_dataset}} {ROOT}/scripts/slurm/pretrain.sbatch 'source my/env' "
        f"{ROOT}/configs/launch/ddp.yaml stage=pretrain run=tiny data_dir={data}"
    )
    assert "afterok:${sample_pretrain_tiny}" in lines[6]
    assert "afterok:${sample_pretrain_tiny}" in lines[7]
    assert not (tmp_path / "data").exists()


def test_the_printed_script_submits_its_jobs(tmp_path: Path) -> None:
    """A shell runs it with an `sbatch` that records its arguments, one per line, and returns ids counted from 1."""
    sbatch = tmp_path / "bin/sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(
        f'#!/bin/bash\nprintf "%s\\n" "$@" >> {tmp_path}/called; echo >> {tmp_path}/ids; wc -l < {tmp_path}/ids\n'
    )
    sbatch.chmod(0o755)
    overrides = ["cluster=one_host", "dump=local", "dump.name=my", "dump.files=[a b.xml]", "runs=[tiny]"]
    subprocess.run(
        ["bash", "-euc", compose_script(tmp_path, *overrides)],
        env={"PATH": f"{sbatch.parent}:/usr/bin:/bin"},
        check=True,
    )
    called = (tmp_path / "called").read_text().splitlines()
    dependencies = [line for line in called if line.startswith("--dependency=")]
    assert dependencies == [f"--dependency=afterok:{job}" for job in (1, 2, 3, 4, 5, 5)]
    assert called.count("dump.files=[a b.xml]") == 7
    assert called.count(f'export PATH={BIN}:"$PATH"') == 7


def test_a_run_waits_for_the_run_before_it(tmp_path: Path) -> None:
    answer = compose_script(tmp_path, "cluster=one_host")
    [line] = [line for line in answer.splitlines() if line.startswith("sample_pretrain_tiny=")]
    assert "--dependency=afterok:${sample_export_roberta_tiny} " in line


def test_only_the_job_of_pretrain_is_launched_on_several_processes(tmp_path: Path) -> None:
    script = compose_script(tmp_path, "cluster.partition=cpu", "runs=[tiny]", "accelerate=fsdp")
    lines = {line.split("=")[0]: line for line in script.replace(" \\\n   ", "").splitlines()}
    assert "/launch/fsdp.yaml stage=pretrain" in lines["sample_pretrain_tiny"]
    assert lines["sample_evaluate_tiny"].endswith(" accelerate=fsdp accelerate=null)")
    assert not lines["sample_export_tiny"].endswith("accelerate=null)")


def test_vocab_uses_all_of_its_job_and_the_arrays_what_the_user_gave(tmp_path: Path) -> None:
    answer = compose_script(tmp_path, "cluster.partition=cpu", "executor.workers=128")
    lines = answer.replace(" \\\n   ", "").splitlines()
    [vocab] = [line for line in lines if line.startswith("sample_vocab=")]
    assert vocab.endswith("executor.workers=128 executor.workers=8 executor.memory_gb=16)")
    [corpus] = [line for line in lines if line.startswith("sample_corpus=")]
    assert "executor=slurm" in corpus
    assert corpus.endswith("executor.workers=128)")


def test_an_executor_on_the_command_line_is_kept(tmp_path: Path) -> None:
    answer = compose_script(tmp_path, "cluster=one_host", "executor=local")
    assert "executor=slurm" not in answer
    assert "stage=corpus data_dir" in answer


@pytest.mark.parametrize(
    ("overrides", "dry_run", "message"),
    [
        ((), "1", r"cluster\.partition is empty: name one of the cluster's partitions"),
        (("cluster=one_host", "~cluster.resources.vocab"), "1", r"cluster\.resources\.vocab is missing"),
        (("cluster=one_host", "cluster.resources.vocab.cpus=0"), "1", r"cluster\.resources\.vocab\.cpus is 0: at"),
        (("cluster=one_host",), "0", "sbatch is not on the PATH: submit from a node of a Slurm cluster"),
    ],
)
def test_an_error_says_why_nothing_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...], dry_run: str, message: str
) -> None:
    monkeypatch.setenv("DRY_RUN", dry_run)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PipelineError, match=message):
        submit(compose_config("stage=submit", f"data_dir={tmp_path}/data", *overrides), overrides)
