"""Fixtures: a LUKE of made pages with ambiguous mentions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.animals import build_animals


@dataclass(frozen=True)
class Animals:
    """A trained and exported LUKE that nothing has evaluated yet."""

    data_dir: Path
    overrides: list[str]

    @property
    def root(self) -> Path:
        """Folder of the artefacts."""
        return self.data_dir / "animals"


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Animals:
    """Return the data_dir of the animals; tests add evaluations with names of their own."""
    data_dir = tmp_path_factory.mktemp("animals")
    return Animals(data_dir, build_animals(data_dir))
