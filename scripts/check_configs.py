"""Compose and check every choice of every config group, and every experiment with every run: part of `make check`.

This finds errors in YAML files that no test composes.
"""

from __future__ import annotations

import sys

from hydra import compose, initialize_config_dir

from pipeline.cli.config import parse_config
from pipeline.cli.paths import CONFIGS

# Overrides that a choice needs: dump=local, for example, is for files that the user names.
NEEDS = {
    "corpus=jsonl": ["dump.name=mine", "corpus.files=[a.jsonl]"],
    "dump=local": ["dump.name=mine", "dump.files=[a.xml.bz2]"],
    "dump=wikimedia": ["dump.wiki=dewiki"],
    "executor=slurm": ["cluster.partition=main"],
}


def choices() -> list[list[str]]:
    """Return the overrides to try: each choice of each group, and each experiment with each run.

    A file whose name starts with _ is not a choice but a part of others.
    """
    groups = sorted(path for path in CONFIGS.iterdir() if path.is_dir() and path.name != "launch")
    single = [f"{group.name}={path.stem}" for group in groups for path in sorted(group.glob("[!_]*.yaml"))]
    experiments = [name for name in single if name.startswith("experiment=")]
    runs = [name for name in single if name.startswith("run=")]
    return [[name, *NEEDS.get(name, [])] for name in single] + [[one, run] for one in experiments for run in runs]


def main() -> int:
    failures = 0
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        tried = choices()
        for overrides in tried:
            try:
                parse_config(compose("config", ["stage=all", *overrides]))
            except Exception as error:
                failures += 1
                print(f"{' '.join(overrides)}: {error}", file=sys.stderr)
    print(f"configs: {len(tried)} compositions, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
