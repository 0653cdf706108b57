"""The printed table: every setting with its rivals, and plain words on who wins."""

from __future__ import annotations

from rich.console import Console

from pipeline.evaluate.artefact import ENTITY_RIVALS, MODEL, SETTING_RIVALS, WORD_RIVALS
from pipeline.evaluate.console_table import SCORER_TITLES, comparison_lines, render_evaluation


def metrics(**changes: float | None) -> dict[str, float | None]:
    """Return metrics in which all figures of the entities are 0.5, and the model's hits@10 are 0.25."""
    words = {f"words.{name}.{figure}": 6.0 for name in (MODEL, *WORD_RIVALS) for figure in ("loss", "accuracy")}
    words |= {"words.count": 5000, "words.model.loss": 5.0, "words.model.perplexity": 148.413}
    entities: dict[str, float | None] = {}
    for setting, rivals in SETTING_RIVALS.items():
        entities[f"entities.{setting}.count"] = 679
        for name in (MODEL, *rivals):
            entities |= {f"entities.{setting}.{name}.{figure}": 0.5 for figure in ("loss", "accuracy", "mrr")}
            entities[f"entities.{setting}.{name}.hits_at_10"] = 0.25 if name == MODEL else 0.5
    prefix = "entities.visible.difference.prior_as_seen.hits_at_10"
    entities |= {f"{prefix}.mean": -0.25, f"{prefix}.low": -0.3, f"{prefix}.high": -0.2}
    return words | entities | {"entities.moved.host": 0.125} | {key.replace("__", "."): v for key, v in changes.items()}


def printed(values: dict[str, float | None], width: int = 80) -> list[str]:
    """Return the printed lines."""
    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(render_evaluation(values))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_the_model_is_beside_its_rivals():
    lines = printed(metrics())
    assert lines[0] == "loss ppl hits@1 MRR hits@10"
    assert lines[1:5] == [
        "words, held out (5,000)", "model 5.000 148.4 6.000", "unigram 6.000 6.000", "bigram 6.000 6.000",
    ]  # fmt: skip
    assert lines[5:7] == ["entities, held out (679)", "model 0.500 0.500 0.500 0.250"]
    assert "prior, clean (sees more than the model) 0.500 0.500 0.500 0.500" in lines
    assert sum(line.startswith("model ") for line in lines) == 5


def test_nothing_is_cut_off_in_80_columns():
    many = metrics() | {key: 12.3456 for key in metrics() if key.endswith(".loss")}
    many |= {key: 98765 for key in metrics() if key.endswith(".count")} | {"words.model.perplexity": 1816.567}
    assert not any("…" in line for line in printed(many))


def test_who_wins_is_said():
    wins = {"entities__visible__difference__prior_as_seen__hits_at_10__low": 0.01}
    unclear = wins | {"entities__visible__difference__prior_as_seen__hits_at_10__low": -0.3,
                      "entities__visible__difference__prior_as_seen__hits_at_10__high": 0.1}  # fmt: skip
    assert comparison_lines(metrics())[0] == "words, held out, loss, model minus bigram: -1.000: the model wins"
    assert comparison_lines(metrics(words__model__loss=6.25))[0].endswith("bigram: +0.250: the bigram wins")
    assert comparison_lines(metrics())[1] == (
        "entities, held out, hits@10, model minus prior, mention as seen: -0.250 (95 %: -0.300 to -0.200): "
        "the table wins"
    )
    assert comparison_lines(metrics(**wins))[1].endswith("the model wins")
    assert comparison_lines(metrics(**unclear))[1].endswith("no clear winner")
    assert comparison_lines(metrics())[2] == (
        "entities, mention moved elsewhere: 50.0% of the first choices follow the mention, 12.5% the place"
    )


def test_a_words_only_model_and_settings_without_entities():
    words = {key: value for key, value in metrics().items() if key.startswith("words")}
    assert len(printed(words)) == 6
    nothing = metrics() | {"entities.moved.count": 0, "entities.moved.host": None, "entities.visible.model.mrr": None}
    assert not any("moved" in line for line in printed(nothing))


def test_a_rival_that_was_not_fitted_has_no_row():
    without = {key: value for key, value in metrics().items() if ".mention_bag." not in key}
    lines = printed(metrics())
    assert printed(without) == [line for line in lines if not line.startswith("embedding bag")]
    assert len(printed(without)) == len(lines) - 1


def test_every_scorer_has_a_title():
    assert set(SCORER_TITLES) == {MODEL, *WORD_RIVALS, *ENTITY_RIVALS}
