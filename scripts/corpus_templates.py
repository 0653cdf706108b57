"""Measure which templates in a dump's prose are rendered.

Usage: `python -m scripts.corpus_templates DUMP...`

The script counts templates that are on one line together with other text. It leaves out comments, references, tables,
picture captions, headings and templates in the arguments of others, so infoboxes and navigation boxes are not counted.
It renders each template alone, between two digits, and looks at the text between them:

    rendered    there is text
    vanishing   there is no text, as it should be: the template is in the pipeline's table of notes and citations
    dropped     there is no text because the template is unknown or could not be rendered

Coverage is rendered / (rendered + dropped). It counts each dropped template as one with text, although many have no
text. The last line of the output is JSON; `--list` prints each dropped template with the text around it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus.render.page import render_page
from pipeline.corpus.render.templates.definitions import NO_DEFINITIONS
from pipeline.corpus.render.templates.dropped_templates import DROPPED_TEMPLATES
from pipeline.corpus.titles import SiteInfo
from pipeline.corpus.xml.dump_reader import DumpReader
from scripts.corpus_links import CUT_TAGS, HEADING, TABLE, remove_media
from scripts.corpus_pages import COMMENT, REFERENCE, is_article

BRACES = re.compile(r"\{\{|\}\}")
WORD = re.compile(r"\w")
CITATION = re.compile(r"cite |citation\b|#tag:")
INVISIBLE_TEMPLATES = frozenset(["shy", "wbr", "zwj", "zwnj", "nowrap begin", "nowrap end", "0"])
"""Templates that are invisible by design, e.g. those that only allow or forbid a line break."""
TEMPLATE_NUMBER = re.compile(r"\x00(\d+)\x00")


def find_templates(source: str, media: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield the templates in a page's prose.

    Yields:
        (the template, its line with the template as ▶template◀ and each other template as ◆).
    """
    text = CUT_TAGS.sub("", REFERENCE.sub("", COMMENT.sub("", source)))
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
    text = HEADING.sub("", remove_media(TABLE.sub("", text), media))
    for line in text.split("\n"):
        if WORD.search(TEMPLATE_NUMBER.sub("", line)):
            for match in TEMPLATE_NUMBER.finditer(line):
                if "\n" not in (template := found[int(match[1])]):
                    yield (
                        template,
                        TEMPLATE_NUMBER.sub("◆", f"{line[: match.start()]}▶{template}◀{line[match.end() :]}"),
                    )


def template_name(template: str) -> str:
    """Return the template's name in lower case."""
    return re.sub(r"[_\s]+", " ", re.split(r"[|}]", template[2:], maxsplit=1)[0]).strip().lower()


def classify_template(template: str, site: SiteInfo) -> str:
    """Return "rendered", "vanishing" or "dropped" for a template that is rendered between two digits."""
    page = render_page(f"1{template}2", site=site, definitions=NO_DEFINITIONS, title="Page")
    name = template_name(template)
    if page.text != "12\n" or name in INVISIBLE_TEMPLATES:
        return "rendered"
    return "vanishing" if name in DROPPED_TEMPLATES or CITATION.match(name) else "dropped"


def measure_dump(path: Path, print_dropped: bool) -> dict[str, float]:
    """Count the templates of one dump and print a summary."""
    dump = DumpReader(path)
    articles = [page for page in dump if is_article(page)]
    files = "|".join(map(re.escape, {"Image", "File", dump.site.namespaces.get(6, "File")}))
    media = re.compile(rf"\[\[\s*(?:{files})\s*:", re.IGNORECASE)
    counts: Counter[str] = Counter()
    names: dict[str, Counter[str]] = {kind: Counter() for kind in ("rendered", "vanishing", "dropped")}
    for page in articles:
        for template, line in find_templates(page.text, media):
            kind = classify_template(template, dump.site)
            counts[kind] += 1
            names[kind][template_name(template)] += 1
            if print_dropped and kind == "dropped":
                start = line.index("▶")
                excerpt = line[max(0, start - 60) : start + len(template) + 40]
                print(f"{template_name(template)}\t{page.title}\t{excerpt!r}")
    coverage = 100 * counts["rendered"] / max(1, counts["rendered"] + counts["dropped"])
    print(f"{path.name}: {sum(counts.values()):,} templates in prose; {coverage:.1f} % of those with text rendered")
    for kind, found in names.items():
        print(f"  {kind} {counts[kind]:,}: {', '.join(f'{name} {n}' for name, n in found.most_common(40))}")
    return {**counts, "coverage": round(coverage, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="print each template that is dropped")
    args = parser.parse_args()
    print(json.dumps({path.name: measure_dump(path, args.list) for path in args.dumps}))


if __name__ == "__main__":
    main()
