"""The page: complete, self-contained, and safe with titles that are markup."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import tomllib
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest
from lxml import etree
from lxml import html as lxml_html

import pipeline.evaluate.report as package
from pipeline.evaluate.report.page import format_duration, format_figure, render_page
from tests.evaluate.report.report_record import ARABIC, BOLD, JAPANESE, SCRIPT, make_report, words_only


@pytest.fixture(scope="module")
def page() -> str:
    """Return the page of the made report."""
    return render_page(make_report())


def parse(page: str) -> etree._Element:
    """Parse a page."""
    return lxml_html.document_fromstring(page)


def texts(page: str, path: str) -> list[str]:
    """Return the text of the elements that an XPath finds, white space collapsed."""
    return [" ".join(element.text_content().split()) for element in parse(page).xpath(path)]


def test_titles_with_markup_are_text(page):
    assert SCRIPT not in page
    assert BOLD not in page
    assert html.escape(SCRIPT) in page
    assert len(parse(page).xpath("//script")) == 1
    assert SCRIPT in texts(page, "//bdi")
    assert "run & <i>" in texts(page, "//h1")[0]
    assert BOLD in texts(page, "//*[@class='excerpt'][@dir]")[0]


def test_the_only_script_is_the_one_that_the_policy_allows(page):
    script = parse(page).xpath("//script")[0].text_content()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    [policy] = parse(page).xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")


def test_nothing_is_loaded_from_elsewhere(page):
    root = parse(page)
    assert not root.xpath("//link | //img | //iframe | //object | //*[@src]")
    assert all(href.startswith("#") for href in root.xpath("//@href"))
    assert not re.search(r"@import|url\((?!#)", page)


def test_links_lead_to_sections_and_ids_are_unique(page):
    ids = parse(page).xpath("//@id")
    assert len(set(ids)) == len(ids)
    assert {href.removeprefix("#") for href in parse(page).xpath("//nav//@href")} <= set(ids)
    labels = {name for value in parse(page).xpath("//@aria-labelledby") for name in value.split()}
    assert labels <= set(ids)


def test_every_chart_has_a_text_alternative(page):
    root = parse(page)
    charts = root.xpath("//figure/*[local-name()='svg']")
    assert len(charts) == 2 + 4 + 4  # hits at k, groups, training
    assert all(chart.get("role") == "img" and chart.xpath("./*[local-name()='desc']/text()") for chart in charts)


def test_the_winner_of_each_row_is_marked(page):
    rows = texts(page, "//table[@aria-labelledby='words-caption']/tbody/tr")
    assert rows == [
        "loss lower is better 5.000 (best) 7.000 6.000",
        "perplexity lower is better 148.4 (best) 1,096.6 403.4",
        "accuracy 0.100 0.050 0.200 (best)",
    ]
    visible = texts(page, "//table[@aria-labelledby='visible-caption']/tbody/tr")
    assert visible[-1] == "hits@10 0.500 (best) 0.100 0.500 (best) 0.400 0.900 0.200 \u2013"
    assert "prior, clean (sees more than the model)" in texts(page, "//th[@class='aside']")


def test_the_summary_says_who_wins(page):
    assert texts(page, "//*[@class='card duel']//*[contains(@class, 'badge')]") == [
        "the bigram wins", "no clear winner", "no clear winner",
    ]  # fmt: skip


def test_a_sentence_shows_what_is_hidden_and_who_is_right(page):
    [excerpt] = texts(page, "//*[@class='excerpt'][@dir]")
    assert excerpt == f"He saw 1{BOLD}2hidden dogs {ARABIC} {JAPANESE}."
    choices = texts(page, "(//ol[@class='choices'])[1]/li")
    assert choices == [f"{SCRIPT} \u2713 (right) 0.500", f"{ARABIC} 0.250", f"{JAPANESE} 0.167"]
    assert texts(page, "//*[@class='rank']") == [
        "", "the right answer has rank 1,234", "the right answer has rank 7", "",
    ]  # fmt: skip


def test_titles_have_their_language_and_direction(page):
    titles = parse(page).xpath("//table[@class='neighbours']//bdi")
    assert {(title.get("lang"), title.get("dir")) for title in titles} == {("ar", "auto")}
    assert parse(page).get("lang") == "en"


def test_the_account_and_the_cost(page):
    [account] = texts(page, "//*[@class='account']/h4")
    assert account == "pages 3 seen = 2 kept + 1 dropped \u2713"
    facts = dict(zip(texts(page, "//dl[@class='facts']//dt"), texts(page, "//dl[@class='facts']//dd"), strict=True))
    assert facts["Wall time"] == "1 h 2 minsince it was last resumed, on 2 processes"
    assert facts["Steps"] == "15of 8 examples"
    assert "CPU time" not in facts
    broken = replace(make_report().accounts[0], seen=4)
    assert "does not add up" in render_page(replace(make_report(), accounts=(broken,)))


def test_a_words_only_model_has_no_sections_on_entities():
    page = render_page(words_only(make_report()))
    sections = ["results", "sentences", "training", "data", "cost"]
    assert parse(page).xpath("//section/@id") == sections
    assert [href.removeprefix("#") for href in parse(page).xpath("//nav//@href")] == sections
    assert "RoBERTa" in texts(page, "//header")[0]


def test_another_model_and_another_dataset_are_named():
    page = render_page(
        replace(make_report(), model="studio-ousia/<luke>", dataset="other/dataset", left_out=2, training=None)
    )
    header = texts(page, "//header")[0]
    assert "The model that is scored is studio-ousia/<luke>, not that of the run." in header
    assert "The pages are those of other/dataset; 2 of them were left out" in header
    assert "training" not in parse(page).xpath("//section/@id")


def test_numbers():
    assert [format_figure(value) for value in (None, 0.0, 0.12345, 1234.5)] == ["\u2013", "0.000", "0.123", "1,234.5"]
    assert [format_duration(seconds) for seconds in (0, 59.6, 527.3, 3600, 90061)] == [
        "0 s", "1 min 0 s", "8 min 47 s", "1 h 0 min", "1 d 1 h",
    ]  # fmt: skip


def test_the_templates_are_part_of_the_package():
    """setuptools leaves out files that are not Python unless pyproject.toml names them."""
    root = Path(__file__).resolve().parents[3]
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["pipeline.evaluate.report"]
    folder = Path(package.__file__).parent
    data = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.suffix not in (".py", ".pyc")]
    assert sorted(data) == ["templates/report.css", "templates/report.html.j2", "templates/report.js"]
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in data)
