"""Every command of README.md, run as printed where a machine without a network can, and composed where it cannot.

`make demo` and the first Python program run in tests/test_demo.py.
"""

from __future__ import annotations

import ast
import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.slurm_submit import plan_submissions
from pipeline.stages import STAGES
from tests.dataset.tiny_bpe import tiny_bpe_vocab
from tests.helpers.luke_folder import save_luke_folder
from tests.helpers.stages import SMALL_OVERRIDES, compose_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.partition("    #")[0].strip()
    for language, block in BLOCKS
    if language == ""
    for line in block.splitlines()
    if not line.startswith("{")
]

ELSEWHERE = ("make demo", "make test")
"""tests/test_demo.py runs the first; the second is this run."""
NEEDS_NETWORK = tuple(command for command in COMMANDS if "luke_base" in command or "/data/a.xml.bz2" in command)
"""Composed only: they download a dump or a checkpoint, or name the reader's files."""
RUN = {
    "make settings": "every setting of the sample, with its source",
    'make all ARGS="corpus=jsonl corpus.files=[a.jsonl,b.jsonl.gz] dump.name=mine"': "own text",
    'make corpus ARGS="corpus.name=long corpus.min_characters=5000"': "one stage of the sample",
    'make inspect ARGS="inspect.what=masked"': "an example of the small wiki",
    'make predict TEXT="Luanda is the <mask> of [[Angola]]."': "another LUKE",
    "python -m pipeline --cfg job stage=all": "every setting",
}


def parse(command: str) -> tuple[str, list[str], list[str]]:
    """Return the make target of a command, its overrides and its other variables."""
    words = [word for word in shlex.split(command) if not word.startswith("DRY_RUN=")]
    assert words[0] == "make"
    arguments = next((word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")), "")
    return words[1], shlex.split(arguments), [word for word in words[2:] if not word.startswith("ARGS=")]


def run(command: str, *overrides: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the README with further overrides, in the environment of this test run."""
    if command.startswith("python "):
        words = [sys.executable, *shlex.split(command)[1:], *overrides]
    else:
        target, given, variables = parse(command)
        arguments = " ".join(shlex.quote(word) for word in [*given, *overrides])
        # .venv is there: install nothing
        make = ["make", "--no-print-directory", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/.installed"]
        words = [*make, target, f"ARGS={arguments}", *variables]
    answer = subprocess.run(words, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer


def test_every_command_is_tested() -> None:
    assert set(COMMANDS) == {*ELSEWHERE, *NEEDS_NETWORK, *RUN}
    assert len(COMMANDS) >= 14


@pytest.mark.parametrize("command", [command for command in COMMANDS if " ARGS=" in command])
def test_a_command_composes(command: str) -> None:
    target, overrides, _ = parse(command)
    assert target in {*STAGES, "all", "submit", "inspect", "settings"}
    config = compose_config(f"stage={target}", *overrides)
    if target == "submit":
        assert len(plan_submissions(config, overrides)) == 7


def test_settings_of_another_language_and_a_dry_run_need_no_network() -> None:
    settings, dry_run = [
        command for command in NEEDS_NETWORK if command.startswith(("make settings", "DRY_RUN=1 make submit"))
    ]
    assert "dewiki" in run(settings).stdout
    assert run(dry_run, DRY_RUN="1").stdout.count("=$(sbatch ") == 7


def test_every_setting_is_printed() -> None:
    assert "micro_batch_tokens:" in run("python -m pipeline --cfg job stage=all").stdout
    assert re.search(r"^  batch_size +8 +pretrain/luke_tiny.yaml", run("make settings").stdout, flags=re.MULTILINE)


def test_an_example_is_shown(small_data_dir: Path) -> None:
    shown = run('make inspect ARGS="inspect.what=masked"', *SMALL_OVERRIDES, f"data_dir={small_data_dir}").stdout
    assert "what it must predict" in shown


def test_one_stage_of_the_sample_runs(tmp_path: Path) -> None:
    run("make dump", f"data_dir={tmp_path}")
    run('make corpus ARGS="corpus.name=long corpus.min_characters=5000"', f"data_dir={tmp_path}")
    counts = json.loads((tmp_path / "sample" / "corpus-long" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    assert (counts["pages.articles"], counts["pages.dropped.short"]) == (84, 22)


def test_words_and_entities_are_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command and the Python program of the README, with another model."""
    tiny_bpe_vocab(tmp_path / "words")
    folder = tmp_path / "sample" / "export" / "tiny"
    folder.parent.mkdir(parents=True)
    save_luke_folder(folder, words=tmp_path / "words", titles=["Angola", "Luanda"])
    [command] = [command for command in COMMANDS if command.startswith("make predict")]
    printed = run(command, f"data_dir={tmp_path}").stdout
    [shown] = [block for language, block in BLOCKS if language == "text" and "Luanda" in block]
    candidate = re.compile(r"^  (0\.\d{4})  (.*)$", flags=re.MULTILINE)
    outlines = [candidate.sub("", text[text.index("\nLuanda") :]) for text in (printed, shown)]
    assert outlines[0] == outlines[1]
    [program] = [block for language, block in BLOCKS if language == "python" and "Predictor" in block]
    exec(program.replace("data/sample", str(tmp_path / "sample")))
    listed = re.findall(r"Candidate\(text=(.*?), probability=(.*?)\)", capsys.readouterr().out)
    assert len(listed) == 10
    for (probability, text), (name, value) in zip(candidate.findall(printed), listed, strict=True):
        assert name in (text, repr(text))
        assert float(value) == pytest.approx(float(probability), abs=1e-4)


@pytest.mark.slow
def test_own_text_becomes_a_model(tmp_path: Path) -> None:
    """The README's line of JSON, with other ids and names, through all stages with the demo's models."""
    [example] = [line for _, block in BLOCKS for line in block.splitlines() if line.startswith("{")]
    lines = []
    for number in range(120):
        page = json.loads(example.replace("BRCA1", f"BRCA{number % 9 + 1}"))
        lines.append(json.dumps(page | {"id": str(number)}) + "\n")
    (tmp_path / "a.jsonl").write_text("".join(lines[:60]), encoding="utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[60:]).encode()))
    command = 'make all ARGS="corpus=jsonl corpus.files=[a.jsonl,b.jsonl.gz] dump.name=mine"'
    here = command.replace("[a.jsonl,b.jsonl.gz]", f"[{tmp_path}/a.jsonl,{tmp_path}/b.jsonl.gz]")
    run(here, f"data_dir={tmp_path}/data", "vocab.tokenizer.size=300", "dataset.min_sentence_length=3")
    assert (tmp_path / "data" / "mine" / "export" / "tiny" / "model.safetensors").is_file()


# ---------------------------------------------------------------------------------------------- paths and names in docs

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_a_document_names_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:pipeline|configs|scripts|tests|docs)/[a-z_/.-]+)`", text)
    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!http)([^)]+)\)", text)]
    missing = [path for path in paths if not (ROOT / path).exists() and "mine" not in path]  # mine: the reader's file
    missing += [link for link in links if link and not (document.parent / link).exists()]
    assert missing == []


def test_the_answers_to_where_is_are_right() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.search(r"^\| [^|\n]+ \| file \| name \|\n\|[-|]+\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    assert rows
    answers = [re.fullmatch(r"\| .+ \| `(pipeline/[\w/]+\.py)` \| `(\w+)` \|", row) for row in rows[1].splitlines()]
    assert None not in answers
    assert len(answers) >= 20
    wrong = [answer.groups() for answer in answers if answer and answer[2] not in top_level_names(ROOT / answer[1])]
    assert wrong == []


def top_level_names(path: Path) -> set[str]:
    """Return the names that a module defines."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            names.update(part.id for part in ast.walk(target) if isinstance(part, ast.Name)) if target else None
    return names


def test_every_module_is_on_the_map_of_tests() -> None:
    """A module has a test file of its own, or docs/architecture.md says which test covers it."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    covered = set(re.findall(r"`(pipeline/[\w/]+\.py)`", text.partition("## Tests")[2]))
    missing = []
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        own = ROOT / "tests" / path.relative_to(ROOT / "pipeline").parent / f"test_{path.name}"
        name = str(path.relative_to(ROOT))
        if path.name != "__init__.py" and not own.exists() and name not in covered:
            missing.append(name)
    assert missing == []
