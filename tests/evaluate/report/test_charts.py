"""Charts: what is drawn, in the page's colours, with ids of their own and labels that do not touch."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from lxml import etree

from pipeline.evaluate.artefact import ENTITY_RIVALS, MODEL, SETTING_RIVALS, WORD_RIVALS
from pipeline.evaluate.report.charts import LINES, Curves, Line, draw_breakdown, draw_curves, draw_rank_curves
from pipeline.evaluate.report.ranks import Breakdown, Group, GroupScore, RankCurve
from pipeline.evaluate.report.svg import PAINTS

SVG = "{http://www.w3.org/2000/svg}"


def loss_chart(name: str = "loss", starts: dict[str, int] | None = None) -> str:
    """Return a chart with a line, two marked points and one level."""
    lines = (Line([(1, 4.0), (900, 3.0)], "model"), Line([(450, 3.5), (900, 3.25)], "model", marked=True))
    curves = Curves(name, "Loss <b>", "from 4 & down", lines, {"bigram": 3.75}, "{:.2f}".format)
    return draw_curves(curves, starts or {"all": 0})


def tooltips(svg: str) -> list[str]:
    """Return the texts of the tooltips, without the title of the chart."""
    return [title.text for title in etree.fromstring(svg).iter(f"{SVG}title")][1:]


def labels(svg: str) -> dict[str, tuple[float, float]]:
    """Return the position of each text of one line."""
    texts = etree.fromstring(svg).iter(f"{SVG}text")
    return {text.text: (float(text.get("x")), float(text.get("y"))) for text in texts if text.get("x")}


def test_the_colours_and_the_font_are_the_pages():
    svg = loss_chart()
    assert "var(--model)" in svg
    assert "var(--rival)" in svg
    assert not re.search(r"#[0-9a-f]{6}\b", svg), "a colour that is the same in light and dark"
    assert not any(paint in svg for paint in PAINTS.values())
    assert "font-family" not in svg


def test_points_and_levels_have_tooltips():
    assert tooltips(loss_chart()) == ["step 450: 3.50", "step 900: 3.25", "bigram: 3.75"]


def test_the_chart_has_a_name_and_a_description():
    root = etree.fromstring(loss_chart())
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "loss-title loss-description")
    assert root.find(f"{SVG}title").text == "Loss <b>"
    assert root.find(f"{SVG}desc").text == "from 4 & down"
    assert root.get("width") is None  # the page decides


def test_ids_are_used_and_differ_between_charts():
    ids = [re.findall(r' id="([^"]*)"', loss_chart(name)) for name in ("one", "two")]
    assert not set(ids[0]) & set(ids[1])
    for name, found in zip(("one", "two"), ids, strict=True):
        assert len(set(found)) == len(found)
        references = re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', loss_chart(name))
        assert {first or second for first, second in references} <= set(found)


def test_the_same_chart_has_the_same_bytes():
    assert loss_chart() == loss_chart()


@pytest.mark.parametrize("starts", [{"entities": 0, "all": 5}, {"a": 0, "b": 2, "c": 4}])
def test_the_labels_of_short_phases_are_on_lines_of_their_own(starts):
    found = labels(loss_chart(starts=starts))
    heights = [found[f"phase {phase}"][1] for phase in starts]
    assert all(before - after >= 9 for before, after in pairwise(heights))


def test_long_phases_are_labelled_on_one_line():
    found = labels(loss_chart(starts={"entities": 0, "all": 450}))
    assert found["phase entities"][1] == found["phase all"][1]


def test_bars_have_values_and_an_empty_group_has_none():
    scores = (GroupScore(0.5, 0.25, 4.0), GroupScore(0.75, 0.5, 2.0), GroupScore(0.125, 0.0, 30.0))
    breakdown = Breakdown(
        "visible",
        "frequency",
        ("model", "prior_as_seen", "unigram"),
        (Group("never", 0, (None, None, None)), Group("over 100", 1234, scores)),
    )
    svg = draw_breakdown(breakdown, name="bars", title="", description="")
    assert tooltips(svg) == [
        "model, over 100: 0.500", "prior, mention as seen, over 100: 0.750", "unigram, over 100: 0.125",
    ]  # fmt: skip
    texts = [text for text in etree.fromstring(svg).itertext() if text.strip()]
    assert {"0.50", "0.75", "never", "n = 0", "over 100", "n = 1,234"} <= set(texts)
    assert "0.00" in texts  # only at the axis: an empty group has no value
    assert texts.count("0.00") == 1


def test_the_value_of_a_low_bar_is_above_the_mark_of_the_unigram():
    low, high, unigram = (GroupScore(value, 0.0, 9.0) for value in (0.01, 0.3, 0.05))
    breakdown = Breakdown(
        "hidden", "frequency", ("model", "prior_as_seen", "unigram"), (Group("never", 9, (low, high, unigram)),)
    )
    heights = labels(draw_breakdown(breakdown, name="bars", title="", description=""))
    scale = (heights["0.25"][1] - heights["0.00"][1]) / 0.25  # of the axis, in units of the chart
    distance = heights["0.30"][1] - heights["0.01"][1]
    assert distance == pytest.approx((0.3 - 0.05) * scale, abs=0.5)  # not 0.3 - 0.01


def test_curves_of_ranks_reach_one_at_the_size_of_the_vocabulary():
    curve = RankCurve("model", np.array([1, 7]), np.array([0.5, 1.0]))
    svg = draw_rank_curves([curve], name="ranks", title="", description="", entities=1000)
    assert tooltips(svg) == ["model"]
    assert {"1", "10", "100", "1,000", "k"} <= set(labels(svg))


def test_every_scorer_has_a_line():
    assert set(LINES) == {MODEL, *WORD_RIVALS, *ENTITY_RIVALS}
    for rivals in SETTING_RIVALS.values():  # lines of one chart differ
        assert len({LINES[scorer] for scorer in (MODEL, *rivals)}) == len(rivals) + 1
