"""Where the scanner and mwparserfromhell read a page differently: `python -m scripts.corpus_oracle DUMP...`.

Both get the same page, without comments, references and templates, and both tell the same writer what they find. The
lines of text that differ are printed, with the links in them as ⟦title|mention⟧. The last line is JSON.
"""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus.reader import Dump, is_article
from pipeline.corpus.templates.expander import NO_DEFINITIONS
from pipeline.corpus.wikitext.render import Rendered, finish, prepare
from pipeline.corpus.wikitext.scan import scan
from pipeline.corpus.wikitext.second import parse


def shown(page: Rendered) -> list[str]:
    """The text's lines with the links in them."""
    parts, end = [], 0
    for link in page.links:
        parts.append(f"{page.text[end : link.start]}⟦{link.title}|{page.text[link.start : link.end]}⟧")
        end = link.end
    return ("".join(parts) + page.text[end:]).split("\n")


def differences(dump: Dump) -> Iterator[tuple[str, list[str]]]:
    """Each article's title with the lines that differ: "-" the parser's, "+" the scanner's."""
    for page in filter(is_article, dump):
        prepared = prepare(page.text, site=dump.site, definitions=NO_DEFINITIONS, title=page.title)
        scanned, parsed = (shown(finish(prepared, dump.site, parser)) for parser in (scan, parse))
        lines = difflib.unified_diff(parsed, scanned, n=0, lineterm="") if scanned != parsed else ()
        yield page.title, [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    report: dict[str, dict[str, int]] = {}
    for path in parser.parse_args().dumps:
        articles = differing = 0
        for title, lines in differences(Dump(path)):
            articles += 1
            differing += bool(lines)
            if lines:
                print(title, *lines, sep="\n  ")
        report[path.name] = {"articles": articles, "differing": differing}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
