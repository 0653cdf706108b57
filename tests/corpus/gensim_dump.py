"""The English dump that ships in the gensim wheel."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from pipeline.corpus.xml.dump_reader import DumpReader

NAME = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"


def open_gensim_dump() -> DumpReader:
    """Open the dump; skip the test if gensim is not installed."""
    spec = importlib.util.find_spec("gensim")
    if spec is None or spec.origin is None:
        pytest.skip("the dump ships in gensim: pip install '.[sample]'")
    return DumpReader(Path(spec.origin).parent / "test" / "test_data" / NAME)
