"""Read the account of the data from the manifests: everything that was seen was kept or dropped, by reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.io.cards import drop_counts
from pipeline.store.manifest import Counts

Parts = tuple[tuple[str, int], ...]
"""Names and numbers, without zeros."""

KEPT = {
    "corpus": {
        "pages": {"pages.articles": "articles", "pages.redirects": "redirects", "pages.templates": "templates"},
        "links": {"links.kept": "kept"},
        "characters": {"characters.text": "text"},
        "templates": {"templates.rendered": "rendered", "templates.expanded": "expanded"},
    },
    "vocab": {"links": {"links.covered": "lead to an entity of the vocabulary"}},
    "dataset": {
        "pages": {"pages.kept.train": "training", "pages.kept.validation": "held out"},
        "sentences": {"sentences.kept": "kept"},
        "links": {"links.kept.known": "to an entity", "links.kept.unknown": "to [UNK]"},
        "tokens": {"tokens.kept": "kept"},
        "examples": {"examples.kept.train": "training", "examples.kept.validation": "held out"},
    },
}
"""Stage -> things that are counted -> key of a part that was kept -> its name."""
SEEN = {"characters": ("characters.wikitext", "characters.rendered")}
"""Things whose number seen is a sum of other keys than `<thing>.seen`."""


@dataclass(frozen=True, slots=True)
class Account:
    """What happened to the things of one kind in one stage."""

    stage: str
    things: str
    seen: int
    kept: Parts
    dropped: Parts
    """By reason, the most frequent first; what was quarantined is in it."""

    @property
    def kept_total(self) -> int:
        """Number that was kept."""
        return sum(number for _, number in self.kept)

    @property
    def dropped_total(self) -> int:
        """Number that was dropped."""
        return sum(number for _, number in self.dropped)

    @property
    def adds_up(self) -> bool:
        """Whether kept plus dropped equals seen."""
        return self.kept_total + self.dropped_total == self.seen


def read_accounts(counts: Mapping[str, Counts]) -> list[Account]:
    """Return the accounts of the data stages.

    Args:
        counts: stage -> the counts of its manifest; a stage whose folder has been deleted is missing.
    """
    return [
        account
        for stage, kinds in KEPT.items()
        if stage in counts
        for things, parts in kinds.items()
        if (account := make_account(stage, things, counts[stage], parts)).seen
    ]


def make_account(stage: str, things: str, counts: Counts, kept: Mapping[str, str]) -> Account:
    """Return one account.

    Args:
        stage: name of the stage.
        things: what is counted, such as "links".
        counts: the counts of the stage's manifest.
        kept: key of each part that was kept -> its name.
    """
    seen = sum(counts.get(key, 0) for key in SEEN.get(things, (f"{things}.seen",)))
    parts = without_zeros([(name, counts.get(key, 0)) for key, name in kept.items()])
    dropped = [(reason.replace("_", " "), number) for reason, number in drop_counts(counts, things)]
    dropped.append(("dropped", counts.get(f"{things}.dropped", 0)))  # templates have no reasons
    return Account(stage, things, seen, parts, without_zeros(dropped))


def without_zeros(parts: Sequence[tuple[str, int]]) -> Parts:
    """Return the parts that are not 0."""
    return tuple((name, number) for name, number in parts if number)
