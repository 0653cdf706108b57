"""Print what the figures of the demo depend on, as docs/learning.md quotes it.

    python -m scripts.demo_identity data/sample

The data stages give the same bytes everywhere, so their fingerprints say whether the data is the same. The weights of a
training depend on the processor in their last bits, so of a training only the config is compared.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from pipeline.store.artefact import open_artefact

DATA_STAGES = ("corpus", "vocab", "dataset")
TRAININGS = ("roberta_tiny", "tiny")
DIGITS = 12


def demo_identity(root: Path) -> list[str]:
    """Return one line per artefact: its name, and the first digits of its fingerprint or of its config's digest.

    Args:
        root: folder of the demo's artefacts.
    """
    lines = [f"{stage} {open_artefact(root / stage, stage=stage).fingerprint[:DIGITS]}" for stage in DATA_STAGES]
    for run in TRAININGS:
        config = open_artefact(root / "pretrain" / run, stage="pretrain").manifest["config"]
        digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
        lines.append(f"pretrain/{run} {digest[:DIGITS]}")
    return lines


if __name__ == "__main__":
    print("\n".join(demo_identity(Path(sys.argv[1]))))
