"""The report, opened from disk in a real browser (slow): no error, charts, both colour schemes, no overlaps.

The tests use Debian's chromium, and install it if it is missing, apt-get is there and they run as root.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import html
from matplotlib import image

from tests.evaluate.report.conftest import MENTIONS, Hostile

pytestmark = pytest.mark.slow

DARK, LIGHT = "0", "1"
"""Values of Blink's setting preferredColorScheme."""
PROBE = """
<script>
  const box = (element) => element.getBoundingClientRect();
  const glyphs = (element) => {  // the box of a text is higher than its letters
    const { left, right, top, height } = box(element);
    return { left, right, top: top + height * 0.2, bottom: top + height * 0.8 };
  };
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const overlaps = [];
  const charts = [...document.querySelectorAll("figure > svg")];
  for (const chart of charts) {
    const texts = [...chart.querySelectorAll("text")].filter((text) => text.textContent.trim());
    texts.forEach((one, index) => texts.slice(index + 1).forEach((other) => {
      if (meet(glyphs(one), glyphs(other))) overlaps.push(`${one.textContent} / ${other.textContent}`);
    }));
  }
  const lines = [...document.querySelectorAll("figure > svg path")];
  const colours = () => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
    getComputedStyle(lines[lines.length - 1]).stroke];
  const themes = [colours()];
  for (let click = 0; click < 3; click += 1) {
    document.getElementById("theme").click();
    themes.push([document.documentElement.dataset.theme, ...colours()]);
  }
  const result = {
    charts: charts.map((chart) => [box(chart).width, chart.querySelectorAll("path").length]),
    overlaps, themes,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    outside: [...document.querySelectorAll("body *")].filter((element) =>
      box(element).right > innerWidth + 1 && !element.closest(".scroll, svg, .visually-hidden")).length,
    titles: [...document.querySelectorAll(".neighbours th bdi")].map((element) => element.textContent),
    right_to_left: [...document.querySelectorAll("bdi")].filter((element) =>
      element.textContent.startsWith("مدينة") && getComputedStyle(element).direction === "rtl").length,
  };
  const output = document.createElement("pre");
  output.id = "probe";
  output.textContent = JSON.stringify(result);
  document.body.append(output);
</script>
"""
"""A script at the end of a copy of the page, without its policy; it writes what it sees into the page."""


@pytest.fixture(scope="module")
def chromium() -> str:
    """Return the browser; install it, or skip the tests."""
    if shutil.which("chromium") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("chromium is not installed, and installing it needs root and apt-get")
        done = subprocess.run(
            ["bash", "-c", "apt-get update && apt-get install --yes --no-install-recommends chromium"],
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"chromium is not installed and cannot be: {done.stderr.strip().splitlines()[-1:]}")
    return "chromium"


def open_page(chromium: str, page: Path, *, scheme: str, width: int, profile: Path, action: str) -> tuple[str, str]:
    """Open a page from disk; return what the browser prints, and its log.

    Args:
        chromium: the browser.
        page: the file.
        scheme: the colour scheme that the reader prefers.
        width: width of the window.
        profile: a new folder for the browser's own files.
        action: a flag, such as --dump-dom.
    """
    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
            f"--blink-settings=preferredColorScheme={scheme}", f"--window-size={width},2000",
            "--enable-logging=stderr", "--v=0", action, page.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout, done.stderr


def probe(chromium: str, hostile: Hostile, folder: Path, *, scheme: str, width: int) -> dict:
    """Return what the probe sees."""
    page = (hostile.evaluation / "report.html").read_text(encoding="utf-8")
    page, policies = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert policies == 1
    copy = folder / "probed.html"
    copy.write_text(page.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    dom, _ = open_page(
        chromium, copy, scheme=scheme, width=width, profile=folder / f"profile-{width}", action="--dump-dom"
    )
    return json.loads(html.fromstring(dom).get_element_by_id("probe").text)


@pytest.mark.parametrize(("scheme", "is_light"), [(LIGHT, True), (DARK, False)])
def test_no_error_and_the_readers_colour_scheme(chromium, hostile, tmp_path, scheme, is_light):
    picture = tmp_path / "page.png"
    report = hostile.evaluation / "report.html"
    _, log = open_page(
        chromium, report, scheme=scheme, width=1280, profile=tmp_path / "profile", action=f"--screenshot={picture}"
    )
    assert "CONSOLE" not in log, log
    pixels = image.imread(picture)[..., :3]
    assert pixels.shape[:2] == (2000, 1280)
    assert (pixels.mean() > 0.85) if is_light else (pixels.mean() < 0.2)
    assert pixels.std() > 0.05, "the page is blank"


@pytest.mark.parametrize("width", [1280, 390])
def test_charts_are_there_and_nothing_overlaps_or_sticks_out(chromium, hostile, tmp_path, width):
    seen = probe(chromium, hostile, tmp_path, scheme=LIGHT, width=width)
    assert len(seen["charts"]) == 2 + 4 + 6  # hits at k, groups, training
    assert all(chart_width > 200 and paths > 5 for chart_width, paths in seen["charts"])
    assert seen["overlaps"] == []
    assert (seen["overflow"], seen["outside"]) == (0, 0)


def test_titles_are_text_and_right_to_left_where_they_are(chromium, hostile, tmp_path):
    seen = probe(chromium, hostile, tmp_path, scheme=LIGHT, width=1280)
    assert sorted(seen["titles"]) == sorted(title for title, _ in MENTIONS.values())
    assert seen["right_to_left"] > 0


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_the_button_chooses_the_theme(chromium, hostile, tmp_path, scheme):
    first, *clicked = probe(chromium, hostile, tmp_path, scheme=scheme, width=1280)["themes"]
    light, dark, auto = (dict(zip(("theme", "page", "ink", "line"), values, strict=True)) for values in clicked)
    assert [theme["theme"] for theme in (light, dark, auto)] == ["light", "dark", "auto"]
    assert [auto["page"], auto["ink"], auto["line"]] == first
    assert all(light[part] != dark[part] for part in ("page", "ink", "line"))
    assert first[0] == (light if scheme == LIGHT else dark)["page"]
