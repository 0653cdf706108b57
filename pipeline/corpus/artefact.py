"""The artefact `corpus`: its file names, and the interface for later stages.

articles-*.parquet      one row per article, the columns of `records.Article`
redirects-*.parquet     one row per redirect: title, target
quarantine-*.parquet    one row per page that could not be rendered: id, title, revision, reason
site.json               the wiki: language, namespaces, number of articles
README.md               the dataset card
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.corpus.titles import SiteInfo
from pipeline.store.artefact import StageArtefact
from pipeline.store.files import atomic_write, read_json, write_json
from pipeline.store.manifest import Counts

ARTICLES = "articles-*.parquet"
REDIRECTS = "redirects-*.parquet"
SITE = "site.json"
CARD = "README.md"


def articles_name(unit: str) -> str:
    """Return the name of the file with a unit's articles."""
    return ARTICLES.replace("*", unit)


def redirects_name(unit: str) -> str:
    """Return the name of the file with a unit's redirects."""
    return REDIRECTS.replace("*", unit)


def quarantine_name(unit: str) -> str:
    """Return the name of the file with the pages of a unit that could not be rendered."""
    return f"quarantine-{unit}.parquet"


def write_site(folder: Path, site: SiteInfo, counts: Counts) -> None:
    """Record the wiki for later stages; `dataset` splits sentences by its language."""
    facts = asdict(site) | {"articles": counts["pages.articles"]}
    del facts["prefixes"]
    write_json(folder / SITE, facts)


def write_card(folder: Path, card: str) -> None:
    """Write the dataset card."""
    with atomic_write(folder / CARD) as file:
        file.write(card)


@dataclass(frozen=True, slots=True)
class Corpus(StageArtefact):
    """A finished corpus, opened for reading."""

    stage = "corpus"

    @property
    def articles(self) -> list[Path]:
        """Parquet files of the articles, in order.

        Raises:
            PipelineError: one of them is missing or has another size than when the corpus was finished.
        """
        return self.artefact.files(ARTICLES)

    @property
    def redirects(self) -> list[Path]:
        """Parquet files of the redirects, in order; raises as `articles` does."""
        return self.artefact.files(REDIRECTS)

    @property
    def language(self) -> str:
        """Language code of the wiki, such as "en"; decides how sentences are split."""
        language: str = read_json(self.folder / SITE)["language"]
        return language

    @property
    def is_own_text(self) -> bool:
        """Whether the pages are the user's own JSON lines, not a wiki's."""
        return bool(self.artefact.setting("source") == "jsonl")
