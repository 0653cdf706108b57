"""The tables of figures: who wins each row, who may not win, and the verdicts."""

from __future__ import annotations

from pipeline.evaluate.report.comparison import compare, read_differences, read_duels

METRICS: dict[str, float | None] = {
    "words.count": 100,
    "words.model.loss": 5.0, "words.unigram.loss": 7.0, "words.bigram.loss": 6.0,
    "words.model.perplexity": 148.4, "words.unigram.perplexity": 1096.6, "words.bigram.perplexity": 403.4,
    "words.model.accuracy": 0.1, "words.unigram.accuracy": 0.05, "words.bigram.accuracy": 0.2,
    "entities.visible.count": 8,
    "entities.visible.model.hits_at_10": 0.5, "entities.visible.unigram.hits_at_10": 0.1,
    "entities.visible.prior_as_seen.hits_at_10": 0.5, "entities.visible.prior_and_titles.hits_at_10": 0.4,
    "entities.visible.prior_clean.hits_at_10": 0.9, "entities.visible.naive_bayes_tokens.hits_at_10": 0.2,
    "entities.visible.naive_bayes_tokens_and_entities.hits_at_10": None,
    "entities.hidden.count": 8,
    "entities.hidden.model.hits_at_10": 0.25, "entities.hidden.naive_bayes_tokens.hits_at_10": 0.125,
    "entities.hidden.difference.naive_bayes_tokens.hits_at_10.mean": 0.125,
    "entities.hidden.difference.naive_bayes_tokens.hits_at_10.low": -0.1,
    "entities.hidden.difference.naive_bayes_tokens.hits_at_10.high": 0.3,
    "entities.moved.count": 2,
    "entities.moved.model.hits_at_10": 0.5, "entities.moved.prior_clean.hits_at_10": 1.0,
    "entities.train.count": 0,
}  # fmt: skip


def winners(name: str, figure: str) -> list[str]:
    """Return the scorers that are marked in a row."""
    [table] = [table for table in compare(METRICS) if table.name == name]
    [row] = [row for row in table.rows if row.name == figure]
    return [scorer.name for scorer, best in zip(table.scorers, row.is_best, strict=True) if best]


def test_the_best_of_each_row_is_marked_whoever_it_is():
    assert winners("words", "loss") == ["model"]  # the lowest
    assert winners("words", "perplexity") == ["model"]
    assert winners("words", "accuracy") == ["bigram"]  # the highest
    assert winners("visible", "loss") == []  # nothing was scored


def test_equal_values_share_the_mark_and_who_sees_more_cannot_win():
    assert winners("visible", "hits_at_10") == ["model", "prior_as_seen"]


def test_no_word_is_masked_in_a_moved_mention_so_the_clean_prior_competes():
    assert winners("moved", "hits_at_10") == ["prior_clean"]
    titles = {table.name: {scorer.name: scorer.title for scorer in table.scorers} for table in compare(METRICS)}
    assert titles["moved"]["prior_clean"] == "prior, clean mention"
    assert titles["visible"]["prior_clean"] == "prior, clean (sees more than the model)"


def test_a_setting_without_masked_entities_has_no_table():
    assert [table.name for table in compare(METRICS)] == ["words", "visible", "hidden", "moved"]


def test_a_rival_that_was_not_fitted_has_no_column():
    [visible] = [table for table in compare(METRICS) if table.name == "visible"]
    assert [scorer.name for scorer in visible.scorers] == [
        "model", "unigram", "prior_as_seen", "prior_and_titles", "prior_clean", "naive_bayes_tokens",
        "naive_bayes_tokens_and_entities",
    ]  # fmt: skip


def test_a_bag_that_is_better_wins():
    metrics = METRICS | {"entities.visible.mention_bag.hits_at_10": 0.75}
    _, visible, _ = read_duels(compare(metrics), [])
    assert (visible.rival_title, visible.verdict_text) == (
        "embedding bag, mention as seen", "the embedding bag wins",
    )  # fmt: skip


def test_a_duel_is_with_the_best_rival_and_its_interval_decides():
    differences = read_differences(METRICS)
    assert [(difference.rival, difference.verdict) for difference in differences] == [("naive_bayes_tokens", "unclear")]
    words, visible, hidden = read_duels(compare(METRICS), differences)
    assert (words.rival, words.figure, words.verdict_text) == ("bigram", "accuracy", "the bigram wins")
    assert (visible.rival, visible.rival_value, visible.verdict) == ("prior_as_seen", 0.5, "unclear")
    assert (hidden.model, hidden.rival, hidden.verdict_text) == (0.25, "naive_bayes_tokens", "no clear winner")


def test_an_interval_below_zero_is_a_victory_of_the_rival():
    prefix = "entities.visible.difference.prior_as_seen.accuracy"
    values = {f"{prefix}.mean": -0.2, f"{prefix}.low": -0.3, f"{prefix}.high": -0.1}
    [difference] = read_differences(values)
    assert difference.verdict_text == "the table wins"
    [difference] = read_differences({key: -value for key, value in values.items()} | {f"{prefix}.low": 0.1})
    assert difference.verdict_text == "the model wins"
