"""The parts of a manifest, and the differences between two."""

from __future__ import annotations

from pathlib import Path

from pipeline.store.manifest import differences, file_records, fingerprinted_part, sum_counts
from tests.store.small_artefact import Settings


def test_file_records_leave_out_logs_and_scratch_and_follow_links(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    folder = tmp_path / "vocab"
    for name in ("logs/a", "work/b", "part/c"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("z")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "run.json").write_text("{}")
    sizes = {name: entry["bytes"] for name, entry in file_records(folder).items()}
    assert sizes == {"link": 1, "part/c": 1}
    assert file_records(folder)["link"]["sha256"].startswith("2d711642")


def test_counts_are_summed_and_sorted() -> None:
    assert list(sum_counts([{"b": 1}, {"a": 2, "b": 3}, {}]).items()) == [("a", 2), ("b", 4)]


def test_differences_name_the_path() -> None:
    old, new = {"a": {"b": 1, "c": [1, 2]}, "d": 0}, {"a": {"b": 2, "c": [1, 2]}, "e": None}
    assert differences(old, new) == ["a.b: 1 -> 2", "d: 0 -> (absent)", "e: (absent) -> None"]


def test_the_fingerprinted_part_is_plain_json() -> None:
    assert fingerprinted_part({"path": Path("a/b"), "settings": Settings(), "pair": (1, 2)}) == {
        "path": "a/b",
        "settings": {"size": 3, "inner": {"rate": 0.5}},
        "pair": [1, 2],
    }
