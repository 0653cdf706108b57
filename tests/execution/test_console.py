"""Messages and progress bars without a terminal: what a batch job's log shows."""

from __future__ import annotations

import os
import sys
import time

import pytest

from pipeline.execution.console import console, print_page, progress_bar


def test_without_a_terminal_a_bar_prints_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.execution.console.LINE_SECONDS", 0.01)
    deadline = time.monotonic() + 60
    output = ""
    with progress_bar() as bar:
        bar.add_task("read [a]", total=8_000, completed=20)
        while "\n" not in output:
            assert time.monotonic() < deadline
            output += capsys.readouterr().err
    assert output.splitlines()[0] == "  read [a] 20/8000 0:00:00 left -:--:--"


@pytest.mark.parametrize("shown", [True, False])
def test_a_short_bar_or_one_that_is_not_shown_prints_nothing(
    shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.execution.console.LINE_SECONDS", 60.0 if shown else 0.01)
    with progress_bar(shown=shown) as bar:
        bar.add_task("read", total=8)
        time.sleep(0.0 if shown else 0.1)
    assert capsys.readouterr().err == ""


def test_messages_are_printed_without_markup_and_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    console.print("corpus: [b] [/y] :smile: -> /data/[new]")
    assert capsys.readouterr().err == "corpus: [b] [/y] :smile: -> /data/[new]\n"


def test_a_page_whose_reader_has_ended_exits_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(SystemExit):
            print_page("a page")
