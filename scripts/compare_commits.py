"""Run the workflow with two commits and compare the results: the check for a refactoring.

    python -m scripts.compare_commits 670fa0d                                  # against the working tree, on the sample
    python -m scripts.compare_commits main~3 main --dump a.xml.bz2 --work /data/compare

Both sides run `stage=all` on the sample and on each `--dump`, with identical overrides. Every file must then be the
same, byte by byte; of safetensors files the tensors must be (names, types, values), and of metrics.jsonl the losses of
every step. Cards, records (manifest.json, run.json, and the record of a split, which holds a digest of its config) and
pictures are left out, because they hold config keys, prose, times or versions.

A side that is finished in `--work` is not run again. The demo takes some seven CPU minutes per side.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from safetensors import safe_open

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = frozenset({"manifest.json", "run.json", "plan.json", "state.json", "README.md"})
LEFT_OUT_SUFFIXES = frozenset({".png", ".html"})
LOSS_KEYS = ("kind", "phase", "step", "word_loss", "entity_loss")


def main(arguments: Sequence[str]) -> int:
    """Run both sides and print the comparison; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", help="another commit; the working tree if it is left out")
    parser.add_argument("--dump", type=Path, action="append", default=[], help="a dump file; may be given repeatedly")
    parser.add_argument("--work", type=Path, help="folder for both results, kept afterwards")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        sides = {"before": checkout(options.before, Path(temporary) / "before")}
        sides["after"] = checkout(options.after, Path(temporary) / "after") if options.after else ROOT
        try:
            for side, tree in sides.items():
                for name, overrides in workflows(options.dump):
                    run_workflow(tree, work.absolute() / side, name, overrides)
        finally:
            for tree in sides.values():
                if tree != ROOT:
                    subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree)], check=False)
        differences = list(compare_folders(work / "before", work / "after"))
        compared = sum(1 for _ in compared_files(work / "before"))
    for line in differences:
        print(line)
    print(f"{compared} files compared, {len(differences)} differences")
    return 1 if differences else 0


def checkout(commit: str, folder: Path) -> Path:
    """Check a commit out into a work tree of its own."""
    subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--detach", str(folder), commit], check=True)
    return folder


def workflows(dumps: Sequence[Path]) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the overrides of each workflow to run."""
    yield "sample", []
    for number, dump in enumerate(dumps):
        name = f"dump{number}"
        files = f"dump.files=['{dump.absolute()}']"
        yield name, ["dump=local", f"dump.name={name}", files, "corpus.allow_truncated=true"]


def run_workflow(tree: Path, data_dir: Path, name: str, overrides: Sequence[str]) -> None:
    """Run all stages with the code in `tree`."""
    if (data_dir / name / "export" / "tiny" / "manifest.json").is_file():
        return
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, "-m", "pipeline", "stage=all", f"data_dir={data_dir}", *overrides]
    subprocess.run(command, cwd=tree, env=environment, check=True)


def compared_files(root: Path) -> Iterator[Path]:
    """Yield the files below `root` that are compared."""
    for path in sorted(root.rglob("*")):
        left_out = path.name in LEFT_OUT or path.suffix in LEFT_OUT_SUFFIXES or "logs" in path.relative_to(root).parts
        if path.is_file() and not left_out:
            yield path


def compare_folders(before: Path, after: Path) -> Iterator[str]:
    """Yield one line for each file that differs or is missing on one side."""
    names = {side: {str(path.relative_to(side)) for path in compared_files(side)} for side in (before, after)}
    for name in sorted(names[before] | names[after]):
        if name not in names[after]:
            yield f"only before: {name}"
        elif name not in names[before]:
            yield f"only after: {name}"
        elif not same_content(before / name, after / name):
            yield f"differs: {name}"


def same_content(first: Path, second: Path) -> bool:
    """Whether two files have the same content, except for values that vary between runs."""
    if first.suffix == ".safetensors":
        return tensors(first) == tensors(second)
    if first.name == "metrics.jsonl":
        return losses(first) == losses(second)
    return first.read_bytes() == second.read_bytes()


def tensors(path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Return name -> type, shape and bytes of the tensors in a safetensors file."""
    with safe_open(path, framework="np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # the file is not a mapping
    return {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in arrays.items()}


def losses(path: Path) -> list[dict[str, object]]:
    """Return the losses of every line of a metrics.jsonl, without its speeds."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [{key: line[key] for key in LOSS_KEYS if key in line} for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
