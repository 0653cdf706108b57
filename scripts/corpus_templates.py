"""What becomes of the templates in a dump's prose: `python -m scripts.corpus_templates DUMP...`.

Counted are the templates that stand on one line and beside other text: outside of comments, references, tables,
pictures' captions and headings, not in another template's arguments, so no infobox and no navigation. Each is given to
the stage alone, between two digits: what comes out between them is what a reader sees of it.

    rendered    something is seen
    vanishing   nothing is, and nothing should be: its name is in the stage's table of notes and citations
    dropped     nothing is, and its name is not known, or it could not be rendered

Coverage is rendered / (rendered + dropped): a dropped one is taken for one that carries text, though many do not.
The last line is JSON; `--list` prints each dropped template with the text around it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus.render.page import render
from pipeline.corpus.render.templates.defined import NO_DEFINITIONS
from pipeline.corpus.render.templates.dropped_templates import VANISHING
from pipeline.corpus.titles import SiteInfo
from pipeline.corpus.xml.dump_reader import Dump
from scripts.corpus_links import CUT, HEADING, TABLE, without_media
from scripts.corpus_pages import COMMENT, REFERENCE, is_article

BRACES = re.compile(r"\{\{|\}\}")
WORD = re.compile(r"\w")
CITATION = re.compile(r"cite |citation\b|#tag:")
INVISIBLE = frozenset(["shy", "wbr", "zwj", "zwnj", "nowrap begin", "nowrap end", "0"])
"""They only say where a line may break."""
MARKED = re.compile(r"\x00(\d+)\x00")


def templates(source: str, media: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The templates in a page's prose, each with its line, in which every template is a number."""
    text = CUT.sub("", REFERENCE.sub("", COMMENT.sub("", source)))
    found: list[str] = []
    parts, end, depth, start = [], 0, 0, 0
    for brace in BRACES.finditer(text):
        if brace[0] == "{{":
            start = brace.start() if depth == 0 else start
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                parts += (text[end:start], f"\x00{len(found)}\x00")
                end = brace.end()
                found.append(text[start:end])
    text = "".join(parts) + text[end:]
    text = HEADING.sub("", without_media(TABLE.sub("", text), media))
    for line in text.split("\n"):
        if WORD.search(MARKED.sub("", line)):
            for match in MARKED.finditer(line):
                if "\n" not in (template := found[int(match[1])]):
                    yield template, MARKED.sub("◆", f"{line[: match.start()]}▶{template}◀{line[match.end() :]}")


def name_of(template: str) -> str:
    return re.sub(r"[_\s]+", " ", re.split(r"[|}]", template[2:], maxsplit=1)[0]).strip().lower()


def fate(template: str, site: SiteInfo) -> str:
    """What becomes of it between two digits."""
    page = render(f"1{template}2", site=site, definitions=NO_DEFINITIONS, title="Page")
    name = name_of(template)
    if page.text != "12\n" or name in INVISIBLE:
        return "rendered"
    return "vanishing" if name in VANISHING or CITATION.match(name) else "dropped"


def measured(path: Path, listed: bool) -> dict[str, float]:
    """Count, and print, the templates of one dump."""
    dump = Dump(path)
    everything = [page for page in dump if is_article(page)]
    files = "|".join(map(re.escape, {"Image", "File", dump.site.namespaces.get(6, "File")}))
    media = re.compile(rf"\[\[\s*(?:{files})\s*:", re.IGNORECASE)
    counts: Counter[str] = Counter()
    names: dict[str, Counter[str]] = {kind: Counter() for kind in ("rendered", "vanishing", "dropped")}
    for page in everything:
        for template, line in templates(page.text, media):
            kind = fate(template, dump.site)
            counts[kind] += 1
            names[kind][name_of(template)] += 1
            if listed and kind == "dropped":
                at = line.index("▶")
                print(f"{name_of(template)}\t{page.title}\t{line[max(0, at - 60) : at + len(template) + 40]!r}")
    coverage = 100 * counts["rendered"] / max(1, counts["rendered"] + counts["dropped"])
    print(f"{path.name}: {sum(counts.values()):,} templates in prose; of those with text {coverage:.1f} % rendered")
    for kind, found in names.items():
        print(f"  {kind} {counts[kind]:,}: {', '.join(f'{name} {n}' for name, n in found.most_common(40))}")
    return {**counts, "coverage": round(coverage, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="print each template that is dropped")
    args = parser.parse_args()
    print(json.dumps({path.name: measured(path, args.list) for path in args.dumps}))


if __name__ == "__main__":
    main()
