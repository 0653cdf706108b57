"""The account: kept and dropped parts by reason, and whether they add up."""

from __future__ import annotations

from pipeline.evaluate.report.account import Account, read_accounts

CORPUS = {
    "pages.seen": 10,
    "pages.articles": 6,
    "pages.redirects": 1,
    "pages.templates": 0,
    "pages.dropped.namespace_4": 1,
    "pages.quarantined.time": 2,
    "links.seen": 5,
    "links.kept": 3,
    "links.dropped.table": 1,
    "templates.seen": 9,
    "templates.rendered": 2,
    "templates.expanded": 3,
    "templates.dropped": 4,
    "characters.wikitext": 100,
    "characters.rendered": 20,
    "characters.text": 70,
    "characters.dropped.table": 50,
}


def test_everything_seen_is_kept_or_dropped():
    pages, links, characters, templates = read_accounts({"corpus": CORPUS})
    assert pages == Account(
        stage="corpus",
        things="pages",
        seen=10,
        kept=(("articles", 6), ("redirects", 1)),
        dropped=(("time", 2), ("namespace 4", 1)),
    )
    assert (pages.kept_total, pages.dropped_total, pages.adds_up) == (7, 3, True)
    assert characters.seen == 120  # the wikitext and what templates have added
    assert characters.adds_up
    assert (templates.dropped, templates.adds_up) == ((("dropped", 4),), True)
    assert (links.kept_total, links.dropped_total, links.adds_up) == (3, 1, False)  # one of five is missing


def test_the_stages_are_in_the_order_of_the_data():
    counts = {
        "dataset": {"tokens.seen": 2, "tokens.kept": 2},
        "vocab": {"links.seen": 3, "links.covered": 1, "links.dropped.below_min_count": 2},
    }
    accounts = read_accounts(counts)
    assert [(account.stage, account.things) for account in accounts] == [("vocab", "links"), ("dataset", "tokens")]
    assert accounts[0].dropped == (("below min count", 2),)
