"""Where the scanner and mwparserfromhell read a page differently: `python -m scripts.corpus_oracle DUMP...`.

Both get the same page, without comments, references and templates, and both tell the same writer what they find. The
lines of text that differ are printed, with the links in them as ⟦title|mention⟧. The last line is JSON; in it are, too,
MB of wikitext in a CPU second of this process: of our whole way from a page to its text and links, with the templates
that the dump defines, and of `mwparserfromhell.parse` alone on the same page, by turns.
"""

from __future__ import annotations

import argparse
import difflib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mwparserfromhell

from pipeline.corpus.render.page import Rendered, finish, prepare, render
from pipeline.corpus.render.templates.defined import NO_DEFINITIONS, Definitions
from pipeline.corpus.render.wikitext.fallback_parser import parse
from pipeline.corpus.render.wikitext.scan import scan
from pipeline.corpus.titles import SiteInfo
from pipeline.records import Page
from scripts.corpus_pages import articles


def shown(page: Rendered) -> list[str]:
    """The text's lines with the links in them."""
    parts, end = [], 0
    for link in page.links:
        parts.append(f"{page.text[end : link.start]}⟦{link.title}|{page.text[link.start : link.end]}⟧")
        end = link.end
    return ("".join(parts) + page.text[end:]).split("\n")


def differences(page: Page, site: SiteInfo) -> Iterator[str]:
    """The lines that differ: "-" the parser's, "+" the scanner's."""
    prepared = prepare(page.text, site=site, definitions=NO_DEFINITIONS, title=page.title)
    scanned, parsed = (shown(finish(prepared, site, parser)) for parser in (scan, parse))
    lines = difflib.unified_diff(parsed, scanned, n=0, lineterm="") if scanned != parsed else ()
    return (line for line in lines if not line.startswith(("---", "+++", "@@")))


@dataclass(slots=True)
class Clock:
    """CPU seconds of each way, and the wikitext that both have read."""

    megabytes: float = 0.0
    ours: float = 0.0
    parser: float = 0.0

    def read(self, page: Page, site: SiteInfo, definitions: Definitions) -> None:
        self.megabytes += len(page.text.encode()) / 1e6
        self.ours += seconds(partial(render, page.text, site=site, definitions=definitions, title=page.title))
        self.parser += seconds(partial(mwparserfromhell.parse, page.text))

    @property
    def rates(self) -> dict[str, float]:
        return {
            "mb_per_cpu_s": round(self.megabytes / self.ours, 2),
            "mwparserfromhell_alone": round(self.megabytes / self.parser, 2),
        }


def seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    report: dict[str, dict[str, float]] = {}
    for path in parser.parse_args().dumps:
        (pages, site, definitions), clock = articles(path), Clock()
        differing = 0
        for page in pages:
            clock.read(page, site, definitions)
            if lines := [*differences(page, site)]:
                differing += 1
                print(page.title, *lines, sep="\n  ")
        report[path.name] = {"articles": len(pages), "differing": differing} | clock.rates
    print(json.dumps(report))


if __name__ == "__main__":
    main()
