"""README.md of the corpus: a dataset card for the Hub, with the file patterns that `datasets` loads."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.corpus.titles import SiteInfo
from pipeline.io.cards import account_table, size_category
from pipeline.store.manifest import Counts

CARD_TEMPLATE = """---
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

{articles:,} articles as paragraphs of plain text. Every {link} is the span of its mention.

```python
from datasets import load_dataset

articles = load_dataset(folder, split="train")
# or load_dataset("parquet", data_files=f"{{folder}}/articles-*.parquet")
article = articles[0]
[(article["text"][link["start"] : link["end"]], link["title"]) for link in article["links"]]
```

| column | content |
|---|---|
| `id`, `revision`, `url`, `title` | identify the page; all are strings |
| `text` | {text} |
| `lead_end` | {lead_end} |
| `links` | `{{start, end, title}}`: `text[start:end]` is the mention, `title` {title} |
{added}| `is_disambiguation` | whether the page is a disambiguation page |

`redirects-*.parquet` has a row `title, target` for each redirect. `quarantine-*.parquet` has a row for each page that
could not be rendered, with the reason.

## Counts
{account}
{source}"""

WIKI_COLUMNS = {
    "link": "link in them to an article",
    "text": "paragraphs and list items, each ended by a newline, without headings, tables, references and captions",
    "lead_end": "`text[:lead_end]` is the text before the first heading",
    "title": "the title that it links to, redirects not resolved",
}
OWN_TEXT_COLUMNS = {
    "link": "link in them",
    "text": "paragraphs, each ended by a newline, as in the input",
    "lead_end": "the length of the text: there are no headings",
    "title": "the name of its entity; there are no redirects",
}
PAGES_SECTION = """
The pages that are kept include redirects ({redirects:,}) and templates ({templates:,}), which are not articles. The
names in the last column are the reason why something was dropped, or the kind of markup that it was in.
"""
WIKIPEDIA_LICENCE = """
The text of Wikipedia is licensed under CC BY-SA 4.0; the page histories name its authors.
"""
ADDED_COLUMN = "| `links.added` | whether corpus.more_mentions added the link; the others are in the page itself |\n"


def corpus_card(site: SiteInfo, counts: Counts, *, is_own_text: bool = False) -> str:
    """Return the dataset card of a corpus.

    Args:
        site: the wiki.
        counts: the counts of the corpus.
        is_own_text: whether the corpus is the user's own text instead of a wiki's.
    """
    name = site.dbname or urlsplit(site.base).hostname  # old exports have no dbname
    pages = PAGES_SECTION.format(redirects=counts["pages.redirects"], templates=counts["pages.templates"])
    characters = counts["characters.wikitext"] + counts.get("characters.rendered", 0)
    nouns = ["pages", "links"] if is_own_text else ["pages", "links", "characters"]
    return CARD_TEMPLATE.format(
        language=site.language or "und",
        tags="entity-linking, wikipedia" if name else "entity-linking",
        licence="license: cc-by-sa-4.0\n" if name else "",
        name="Own text" if is_own_text else name or "A wiki",
        size=size_category(counts["pages.articles"]),
        articles=counts["pages.articles"],
        added=ADDED_COLUMN if any(key.startswith("links.added.") for key in counts) else "",
        account=account_table(counts | {"characters.seen": characters}, nouns),
        source=("" if is_own_text else pages) + (WIKIPEDIA_LICENCE if name else ""),
        **(OWN_TEXT_COLUMNS if is_own_text else WIKI_COLUMNS),
    )
