"""Recognise disambiguation pages by the templates that they call. Pure."""

from __future__ import annotations

import re

TEMPLATE_NAME = re.compile(r"\{\{\s*([^{}|<>\[\]\n]+)")
DISAMBIGUATION_TEMPLATES = frozenset(
    """
    disambig|disambiguation|disamb|dab|disambiguation page|disambiguation cleanup|disambig-cleanup|disambig-plus|hndis|
    hndis-cleanup|geodis|geodis-cleanup|numberdis|mathdab|schooldis|hospitaldis|roaddis|airportdis|callsigndis|shipindex|
    letter disambig|letter-number combination disambig|disambigpage|aimai|曖昧さ回避|人名の曖昧さ回避|地名の曖昧さ回避|
    begriffsklärung|bkl|homonymie|desambiguación|desambiguação|desambig|disambigua|doorverwijspagina|dp|неоднозначность|
    багатозначність|пояснение|ujednoznacznienie|förgrening|gren|flertydig|täsmennyssivu|rozcestník|anlam ayrımı|
    trang định hướng|多義|消歧义|消歧義|동음이의|แก้กำกวม|توضيح|פירושונים
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
"""Names, in lower case, of templates that mark a disambiguation page."""


def has_disambiguation_mark(wikitext: str) -> bool:
    """Whether the page calls a disambiguation template or has the magic word."""
    names = {name.strip(" \n").replace("_", " ").lower() for name in TEMPLATE_NAME.findall(wikitext)}
    return (
        "__DISAMBIG__" in wikitext
        or not DISAMBIGUATION_TEMPLATES.isdisjoint(names)
        or any(name.endswith(" disambiguation") for name in names)
    )
