"""The corpus' README.md: a dataset card that the Hub renders, and that tells `datasets` which files are the rows."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.corpus.titles import SiteInfo
from pipeline.io.cards import account_table, size_category
from pipeline.store.manifest import Counts

CARD = """---
language: ["{language}"]
{licence}pretty_name: {name} with its links
size_categories: [{size}]
task_categories: [fill-mask, text-generation]
tags: [{tags}]
configs:
- config_name: default
  data_files: articles-*.parquet
- config_name: redirects
  data_files: redirects-*.parquet
---
# {name}: plain text with its links

{articles:,} articles as paragraphs of plain text, and every {link} as the span of its mention.

```python
from datasets import load_dataset

articles = load_dataset(folder, split="train")
# or load_dataset("parquet", data_files=f"{{folder}}/articles-*.parquet")
article = articles[0]
[(article["text"][link["start"] : link["end"]], link["title"]) for link in article["links"]]
```

| column | what it is |
|---|---|
| `id`, `revision`, `url`, `title` | the page, as strings |
| `text` | {text} |
| `lead_end` | {lead_end} |
| `links` | `{{start, end, title}}`: `text[start:end]` is the mention, `title` {title} |
{added}| `is_disambiguation` | whether the page is a list of meanings |

`redirects-*.parquet` has a row `title, target` for each redirect, `quarantine-*.parquet` one for each page given up,
with the reason.

## The account
{account}
{source}"""

WIKI = {
    "link": "link in them to an article",
    "text": "paragraphs and list items, each ended by a newline, without headings, tables, references and captions",
    "lead_end": "`text[:lead_end]` stands before the first heading",
    "title": "where it leads, redirects not resolved",
}
OWN = {
    "link": "link in them",
    "text": "paragraphs, each ended by a newline, as they were given",
    "lead_end": "the length of the text: there are no headings",
    "title": "the name of its entity; there are no redirects",
}
PAGES = """
Of the pages, redirects ({redirects:,}) and templates ({templates:,}) are kept, too, but are no articles. What was
dropped is named by where it stood or why.
"""
WIKIPEDIA = """
The text of Wikipedia is licensed CC BY-SA 4.0; its authors are named in the articles' histories.
"""
ADDED = "| `links.added` | whether corpus.more_mentions found it; the page's own links are the others |\n"


def card(site: SiteInfo, counts: Counts, *, own: bool = False) -> str:
    """The card of a corpus of this wiki, or of one's own text, with this account."""
    name = site.dbname or urlsplit(site.base).hostname  # old exports have no dbname
    pages = PAGES.format(redirects=counts["pages.redirects"], templates=counts["pages.templates"])
    characters = counts["characters.wikitext"] + counts.get("characters.rendered", 0)
    return CARD.format(
        language=site.language or "und",
        tags="entity-linking, wikipedia" if name else "entity-linking",
        licence="license: cc-by-sa-4.0\n" if name else "",
        name="Own text" if own else name or "A wiki",
        size=size_category(counts["pages.articles"]),
        articles=counts["pages.articles"],
        added=ADDED if any(key.startswith("links.added.") for key in counts) else "",
        account=account_table(
            counts | {"characters.seen": characters}, ["pages", "links"] if own else ["pages", "links", "characters"]
        ),
        source=("" if own else pages) + (WIKIPEDIA if name else ""),
        **(OWN if own else WIKI),
    )
