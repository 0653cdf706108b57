"""The scanner against its oracle, mwparserfromhell: the same text and links on every page of a real dump."""

import pytest

from scripts.corpus_oracle import differences
from tests.corpus.test_real import real_dump


@pytest.mark.slow
def test_scanner_and_parser_read_every_page_alike() -> None:
    found = dict(differences(real_dump()))
    assert len(found) == 106
    # The parser keeps the space before an external link's label: [http://x  The Peace Dividend].
    assert {title: len(lines) for title, lines in found.items() if lines} == {"Angola": 2}
