"""Folders of the checkout that the command line reads."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
LAUNCH = CONFIGS / "launch"
"""accelerate's config files; hydra does not use this folder."""
