"""A page's text for assertions on its links."""

from __future__ import annotations

from pipeline.corpus.render.page import RenderedPage


def mark_links(page: RenderedPage) -> str:
    """Return the text of a page with each link as [title|mention]."""
    parts, end = [], 0
    for link in page.links:
        parts.append(f"{page.text[end : link.start]}[{link.title}|{page.text[link.start : link.end]}]")
        end = link.end
    return "".join(parts) + page.text[end:]
