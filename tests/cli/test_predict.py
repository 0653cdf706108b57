"""The command `predict`: the text reaches the model unchanged, and the messages say what to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.predict import format_prediction, print_prediction, read_text
from pipeline.errors import PipelineError
from pipeline.inference.markup import parse_markup
from pipeline.inference.predictor import Candidate, Place, Prediction
from tests.dataset.tiny_bpe import tiny_bpe_vocab
from tests.helpers.luke_folder import save_luke_folder
from tests.helpers.stages import run_stage

ROOT = Path(__file__).parents[2]
NASTY = (
    """he's "x", a=b {c: ${d}} [e, f] $HOME $(shell touch pwned) $$ `touch pwned` \\n \\ #g %h ~ ?* !i ; | & < >"""
    "\n東京 ไทย עברית 😀 é\u0301 [[_]] saw"
)
"""Characters with a meaning for hydra, make or the shell, and of several scripts, with a line break."""


@pytest.fixture(scope="module")
def luke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a LUKE with the tiny BPE."""
    folder = tmp_path_factory.mktemp("luke")
    tiny_bpe_vocab(folder / "words")
    return save_luke_folder(folder / "export", words=folder / "words", titles=["Dog", "NATO"], max_tokens=300)


def test_make_passes_any_text_unharmed(luke: Path, tmp_path: Path) -> None:
    make = ["make", "-f", ROOT / "Makefile", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/.installed", "--silent"]
    command = [*make, "predict", f"TEXT={NASTY}", f"MODEL={luke}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{luke}\n{NASTY.replace('[[_]]', '[1 [2 <mask>]]')}\n\n1 entity of '<mask>'\n  0.")
    assert list(tmp_path.iterdir()) == []  # neither make nor a shell ran a command


def test_the_output(luke: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    print_prediction("he [[Dog|saw]] [[dogs]], <mask>.", str(luke), Path("unused"), 2)
    plain = capsys.readouterr().out
    number = r"0\.\d{4}"
    assert re.fullmatch(
        rf"{re.escape(str(luke))}\nhe \[saw → Dog\] \[1 dogs\], \[2 <mask>\]\.\n\n"
        rf"1 entity of 'dogs'\n  {number}  \S+\n  {number}  \S+\n\n2 word\n  {number}  '.*'\n  {number}  '.*'\n",
        plain,
    )
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    print_prediction("he [[Dog|saw]] [[dogs]], <mask>.", str(luke), Path("unused"), 2)
    coloured = capsys.readouterr().out
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_places_are_numbered_in_text_order() -> None:
    passage = parse_markup("<mask>[[a <mask>]][[b]][[T|c]] [d]")
    place = [Place(start, end, (Candidate(" x", 0.5), Candidate("[b]", 0.25))) for start, end in [*passage.hidden]]
    entities = [Place(mention.start, mention.end, (Candidate("[b]y", 0.125),)) for mention in passage.mentions[:2]]
    shown = format_prediction(Prediction(passage, tuple(place), tuple(entities))).plain
    assert shown == (
        "[1 <mask>][2 a [3 <mask>]][4 b][c → T] [d]\n\n"
        "1 word\n  0.5000  ' x'\n  0.2500  '[b]'\n\n"
        "2 entity of 'a <mask>'\n  0.1250  [b]y\n\n"
        "3 word\n  0.5000  ' x'\n  0.2500  '[b]'\n\n"
        "4 entity of 'b'\n  0.1250  [b]y"
    )


def test_text_and_model_come_from_the_settings_or_the_environment(
    luke: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREDICT_TEXT", "he [[saw]]")
    monkeypatch.setenv("PREDICT_MODEL", "")
    (tmp_path / "sample" / "export").mkdir(parents=True)
    (tmp_path / "sample" / "export" / "tiny").symlink_to(luke)
    run_stage("predict", f"data_dir={tmp_path}")  # by default the export of the demo
    assert "he [1 saw]" in capsys.readouterr().out
    run_stage("predict", f"predict.model={luke}", "predict.text='[[dogs]], a=b'", "predict.candidates=1")
    shown = capsys.readouterr().out
    assert "[1 dogs], a=b" in shown
    assert shown.count("  0.") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r'^TEXT is missing: .* Example: make predict TEXT="Taro belongs to \[\[Keio University\]\]\."$'),
        (" \n", r"^TEXT is missing"),
        ("a \udcff b", r"^TEXT is not valid UTF-8 at character 3: 'a \\udcff b'$"),
        ("he saw", r"^nothing is marked in 'he saw': \[\[\.\.\.\]\] marks a mention"),
        ("he [[Dog|saw]]", r"^nothing is marked in 'he \[\[Dog\|saw\]\]'"),
        ("he [[saw", r"^the \[\[ at character 4 of the text has no \]\] after it"),
        ("[[Dgo|he]] [[_]]", r"^'Dgo' is not one of the model's 6 entities\. The most similar titles are: 'Dog', "),
    ],
)
def test_a_text_that_cannot_be_used_is_refused(luke: Path, text: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        print_prediction(text, str(luke), Path("unused"), 5)


def test_without_a_model_the_message_names_the_commands_that_make_one(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"tiny is not a folder with a model\. .* make export .*make demo"):
        run_stage("predict", f"data_dir={tmp_path}", "predict.text='[[a]]'")


def test_the_setting_has_priority_over_the_environment() -> None:
    assert read_text("a", {"PREDICT_TEXT": "b"}) == "a"
    assert read_text(None, {"PREDICT_TEXT": "b"}) == "b"
    with pytest.raises(PipelineError, match="TEXT is missing"):
        read_text(None, {})


def test_no_candidates_are_refused() -> None:
    with pytest.raises(PipelineError, match=r"predict\.candidates is 0: at least 1 is needed"):
        run_stage("predict", "predict.candidates=0")
