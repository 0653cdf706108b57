"""Turn a matplotlib figure into an inline SVG whose colours are CSS variables of the page.

matplotlib writes colours as numbers, so the charts are drawn in the colours of `PAINTS`, which are unlikely to occur
otherwise, and these are replaced by variables such as `var(--model)`. The page gives the variables one value for light
and one for dark. Text stays text, in the page's font. The same figure gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import matplotlib
from lxml import etree
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PAINTS: Final = {
    "ink": "#010203",
    "muted": "#010204",
    "grid": "#010205",
    "model": "#010206",
    "rival": "#010207",
    "context": "#010208",
    "other": "#010209",
}
"""CSS variable -> the colour that stands for it in a figure."""
SVG = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
FONT = re.compile(r"font-family:[^;]*; ?")
SIZE = (5.2, 3.1)
"""Width and height of a chart in inches of 72 units."""
TIP = "tip:"
"""Beginning of a gid that becomes a tooltip."""


def set_tip(artist: Artist, text: str) -> None:
    """Give a part of a chart a tooltip."""
    artist.set_gid(TIP + text)


@contextmanager
def chart_style(grid: Literal["y", "both"] = "y") -> Iterator[None]:
    """Draw charts in the page's colours and font sizes while the block runs.

    Args:
        grid: the axes that have grid lines.
    """
    with matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "report",
            "font.size": 11,
            "text.color": PAINTS["ink"],
            "axes.labelcolor": PAINTS["muted"],
            "axes.edgecolor": PAINTS["grid"],
            "axes.facecolor": "none",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.grid.axis": grid,
            "axes.axisbelow": True,
            "grid.color": PAINTS["grid"],
            "grid.linewidth": 0.8,
            "xtick.color": PAINTS["grid"],
            "ytick.color": PAINTS["grid"],
            "xtick.labelcolor": PAINTS["muted"],
            "ytick.labelcolor": PAINTS["muted"],
            "ytick.major.size": 0,
            "lines.linewidth": 1.8,
            "figure.facecolor": "none",
        }
    ):
        yield


def new_chart() -> tuple[Figure, Axes]:
    """Return an empty figure, without pyplot's global state; call it within `chart_style`."""
    figure = Figure(figsize=SIZE)
    FigureCanvasAgg(figure)  # measures text
    return figure, figure.subplots()


def to_inline_svg(figure: Figure, *, name: str, title: str, description: str) -> str:
    """Return the figure as an <svg> element for an HTML page.

    Args:
        figure: drawn in `PAINTS`, within `chart_style`.
        name: identifies the chart on the page; ids begin with it.
        title, description: what a screen reader says.
    """
    buffer = io.BytesIO()
    with chart_style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    root = etree.fromstring(buffer.getvalue())
    for element in (*root.iter(f"{SVG}metadata"), *root.iter(f"{SVG}style")):  # a style would be that of the whole page
        element.getparent().remove(element)
    used = {match for value in iterate_values(root) for match in REFERENCE.findall(value)}
    used |= {element.get(XLINK_HREF, "").removeprefix("#") for element in root.iter()}
    for element in root.iter():
        rewrite_element(element, name, used)
    for side in ("width", "height", "version"):
        root.attrib.pop(side, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-description")
    for index, (tag, key, content) in enumerate((("title", "title", title), ("desc", "description", description))):
        label = etree.Element(f"{SVG}{tag}", id=f"{name}-{key}")
        label.text = content
        root.insert(index, label)
    text: str = etree.tostring(root, encoding="unicode")
    for variable, colour in PAINTS.items():
        text = text.replace(colour, f"var(--{variable})")
    return text


def iterate_values(root: etree._Element) -> list[str]:
    """Return the values of all attributes."""
    return [str(value) for element in root.iter() for value in element.attrib.values()]


def rewrite_element(element: etree._Element, name: str, used: set[str]) -> None:
    """Make the ids unique on the page, turn tooltips into <title> elements, and leave the font to the page."""
    key = element.get("id", "")
    if key.startswith(TIP):
        tooltip = etree.Element(f"{SVG}title")
        tooltip.text = key.removeprefix(TIP)
        element.insert(0, tooltip)
    if key and key in used:
        element.set("id", f"{name}-{key}")
    else:
        element.attrib.pop("id", None)
    for attribute, value in list(element.attrib.items()):
        changed = REFERENCE.sub(rf"url(#{name}-\1)", str(value))
        if attribute == XLINK_HREF:
            changed = f"#{name}-{str(value).removeprefix('#')}"
        if attribute == "style":
            changed = FONT.sub("", changed)
        element.set(attribute, changed)
