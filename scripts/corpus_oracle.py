"""Compare the scanner with mwparserfromhell on every page, and measure the speed of both.

Usage: `python -m scripts.corpus_oracle DUMP...`

Both parsers get the same page without comments, references and templates, and both call the same writer. The script
prints the lines of text that differ, with their links as ⟦title|mention⟧. The last line is JSON. It also reports MB of
wikitext per CPU second of this process, measured alternately on each page: of `render_page`, with the templates that
the dump defines, and of `mwparserfromhell.parse` alone.
"""

from __future__ import annotations

import argparse
import difflib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mwparserfromhell

from pipeline.corpus.render.page import RenderedPage, preprocess, render_page, render_preprocessed
from pipeline.corpus.render.templates.definitions import NO_DEFINITIONS, Definitions
from pipeline.corpus.render.wikitext.fallback_parser import parse_with_mwparserfromhell
from pipeline.corpus.render.wikitext.scanner import scan
from pipeline.corpus.titles import SiteInfo
from pipeline.records import Page
from scripts.corpus_pages import read_articles


def lines_with_links(page: RenderedPage) -> list[str]:
    """Return the lines of the text with their links as ⟦title|mention⟧."""
    parts, end = [], 0
    for link in page.links:
        parts.append(f"{page.text[end : link.start]}⟦{link.title}|{page.text[link.start : link.end]}⟧")
        end = link.end
    return ("".join(parts) + page.text[end:]).split("\n")


def differing_lines(page: Page, site: SiteInfo) -> Iterator[str]:
    """Return the lines that differ: "-" from mwparserfromhell, "+" from the scanner."""
    preprocessed = preprocess(page.text, site=site, definitions=NO_DEFINITIONS, title=page.title)
    scanned, parsed = (
        lines_with_links(render_preprocessed(preprocessed, site, parser))
        for parser in (scan, parse_with_mwparserfromhell)
    )
    lines = difflib.unified_diff(parsed, scanned, n=0, lineterm="") if scanned != parsed else ()
    return (line for line in lines if not line.startswith(("---", "+++", "@@")))


@dataclass(slots=True)
class Timing:
    """CPU seconds of each way to read the pages so far."""

    megabytes: float = 0.0
    render_seconds: float = 0.0
    mwparserfromhell_seconds: float = 0.0

    def time_page(self, page: Page, site: SiteInfo, definitions: Definitions) -> None:
        """Render the page, parse it with mwparserfromhell, and add the CPU time of each."""
        self.megabytes += len(page.text.encode()) / 1e6
        start = time.process_time()
        render_page(page.text, site=site, definitions=definitions, title=page.title)
        rendered = time.process_time()
        mwparserfromhell.parse(page.text)
        self.render_seconds += rendered - start
        self.mwparserfromhell_seconds += time.process_time() - rendered

    @property
    def rates(self) -> dict[str, float]:
        """MB of wikitext per CPU second."""
        return {
            "mb_per_cpu_s": round(self.megabytes / self.render_seconds, 2),
            "mwparserfromhell_alone": round(self.megabytes / self.mwparserfromhell_seconds, 2),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    report: dict[str, dict[str, float]] = {}
    for path in parser.parse_args().dumps:
        (pages, site, definitions), timing = read_articles(path), Timing()
        differing = 0
        for page in pages:
            timing.time_page(page, site, definitions)
            if lines := [*differing_lines(page, site)]:
                differing += 1
                print(page.title, *lines, sep="\n  ")
        report[path.name] = {"articles": len(pages), "differing": differing} | timing.rates
    print(json.dumps(report))


if __name__ == "__main__":
    main()
