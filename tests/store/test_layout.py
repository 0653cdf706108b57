"""Where artefacts lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.layout import Layout


def test_the_layout() -> None:
    layout = Layout(Path("data/sample"), "tiny", {"corpus": "", "vocab": "small"})
    assert str(layout.folder("corpus")) == "data/sample/corpus"
    assert str(layout.folder("vocab")) == "data/sample/vocab-small"
    assert str(layout.folder("pretrain")) == "data/sample/pretrain/tiny"


@pytest.mark.parametrize("name", [".", "..", "a/b", ".hidden"])
def test_a_name_that_is_no_folder_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(PipelineError, match=rf"^vocab.name is '{name}': it names a folder"):
        Layout(Path("data"), "tiny", {"vocab": name})
    with pytest.raises(PipelineError, match=rf"^run.name is '{name}': it names a folder"):
        Layout(Path("data"), name)
