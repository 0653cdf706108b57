"""Normalisation of titles as in MediaWiki: namespaces, case rule, prefixes of other wikis. Pure.

Input: the text between "[[" and "|" in wikitext, and the wiki's `SiteInfo`. Output: a `Title`, or None if MediaWiki
would not make a link. The steps are in MediaWiki's order:

1. decode entities and %XX;
2. split off the fragment after "#";
3. collapse white space and underscores;
4. remove prefixes from the left: stop after a namespace or another wiki's prefix, continue after the wiki's own prefix;
5. capitalise the first letter, if the wiki's case rule says so.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.entities import html5
from urllib.parse import quote, unquote

from pipeline.corpus.languages import (
    DOTTED_I_LANGUAGES,
    ENGLISH_NAMESPACES,
    MEDIA_FILE_NAME,
    NAMESPACE_ALIASES,
    OTHER_WIKI_PREFIXES,
    WIKIPEDIA_PREFIXES,
)

MAIN, FILE, TEMPLATE, CATEGORY = 0, 6, 10, 14
MAX_TITLE_BYTES = 255

SPACES = re.compile(r"[ _\t\n\r\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
BIDI_MARKS = re.compile(r"[\u200e\u200f\u202a-\u202e]")
ILLEGAL = re.compile(r"[\[\]{}|<>\x00-\x1f\x7f\ufffd]")
PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
ENTITY = re.compile(r"&(?:#\d{1,8}|#[xX][0-9A-Fa-f]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});")
GEORGIAN = range(0x10D0, 0x1100)
"""Letters that have a capital in Unicode, but that MediaWiki does not capitalise."""


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """A wiki, as the header of its dump describes it."""

    dbname: str
    language: str
    """Language code, as in xml:lang; "" if the dump has none."""
    base: str
    """URL of the main page; "" if the dump has none."""
    first_letter: bool
    """Whether the first letter of every title is a capital."""
    namespaces: Mapping[int, str]
    """Namespace id -> local name."""
    prefixes: Mapping[str, int] = field(init=False, repr=False)
    """Every name of a namespace, in lower case -> namespace id."""

    def __post_init__(self) -> None:
        prefixes = dict(ENGLISH_NAMESPACES)
        prefixes |= {alias: key for key, aliases in NAMESPACE_ALIASES.items() for alias in aliases}
        prefixes |= {collapse_whitespace(name).lower(): key for key, name in self.namespaces.items() if key != MAIN}
        object.__setattr__(self, "prefixes", prefixes)

    def url(self, title: str) -> str:
        """Return the URL of a page, quoted as in the Hub's wikimedia/wikipedia."""
        folder = self.base.rpartition("/")[0] or f"https://{self.language or 'en'}.wikipedia.org/wiki"
        return f"{folder}/{quote(title)}"


@dataclass(frozen=True, slots=True)
class Title:
    """The target of a link."""

    namespace: int
    text: str
    """The normalised title with the namespace's local name, without fragment; "" for a link within the page."""
    fragment: str = ""
    interwiki: str = ""
    """Prefix of another wiki, in lower case; namespace and text are then not those of this wiki."""
    colon: bool = False
    """Whether the target began with a colon, which shows links that would otherwise be hidden."""

    @property
    def hidden(self) -> bool:
        """Whether the link leaves nothing in the text: a category, or a link of the sidebar to another language."""
        return not self.colon and (self.namespace == CATEGORY or self.interwiki in WIKIPEDIA_PREFIXES)


def collapse_whitespace(raw: str) -> str:
    """Return the text with runs of white space and underscores as single spaces, and none at the ends."""
    return SPACES.sub(" ", raw).strip()


def capitalise_first(title: str) -> str:
    """Return the title with a capital first letter; as in MediaWiki, only if the capital is a single letter."""
    letter = title[:1]
    if letter.isascii():
        return title if letter.isupper() else letter.upper() + title[1:]
    if ord(letter) in GEORGIAN:
        return title
    first = title[0].title() if title[0] in "ǆǉǌǳ" else title[0].upper()
    return first + title[1:] if len(first) == 1 else title


def decode_entities(text: str) -> str:
    """Return the text with entities decoded; as in MediaWiki and unlike HTML, only those that end in a semicolon."""
    return ENTITY.sub(lambda match: unescape_entity(match[0]), text) if "&" in text else text


def unescape_entity(entity: str) -> str:
    """Return the character of an entity such as "&amp;" or "&#38;"; an unknown name is returned as it is."""
    return html.unescape(entity) if entity[1] == "#" or entity[1:] in html5 else entity


def capitalise_first_dotted(title: str) -> str:
    """Do the same in languages in which the capital of i is İ: "insan" becomes "İnsan"."""
    return f"İ{title[1:]}" if title[:1] == "i" else capitalise_first(title)


def title_case_function(site: SiteInfo) -> Callable[[str], str]:
    """Return the function that applies the wiki's case rule to a title."""
    if not site.first_letter:
        return str
    return capitalise_first_dotted if site.language in DOTTED_I_LANGUAGES else capitalise_first


def normalise_title(raw: str, site: SiteInfo) -> Title | None:
    """Parse the target of a link.

    Args:
        raw: the target as written, without the brackets and the label.
        site: the wiki that the link is on.

    Returns:
        The title, or None if MediaWiki would refuse it and show the wikitext itself.
    """
    name = decode_entities(raw)
    name = unquote(name) if "%" in name and PERCENT.search(name) else name
    name = name if name.isascii() else unicodedata.normalize("NFC", BIDI_MARKS.sub("", name))
    name, _, fragment = name.partition("#")
    name, fragment = collapse_whitespace(name), collapse_whitespace(fragment)
    colon = name.startswith(":")
    name = name[1:].lstrip() if colon else name
    namespace = MAIN
    own_prefixes = {site.language} | ({"w"} if site.language == "en" else set())
    while ":" in name:
        prefix, _, rest = (part.strip() for part in name.partition(":"))
        key = prefix.lower()
        if key in site.prefixes or (MEDIA_FILE_NAME.search(rest) and " " not in prefix and not colon):
            namespace, name = site.prefixes.get(key, FILE), rest
            break
        if key not in WIKIPEDIA_PREFIXES and key not in OTHER_WIKI_PREFIXES:
            break
        if key not in own_prefixes:
            return Title(MAIN, rest, fragment, interwiki=key, colon=colon)
        name = rest.removeprefix(":").lstrip()
    if ILLEGAL.search(name) or len(name.encode()) > MAX_TITLE_BYTES or name in (".", ".."):
        return None
    if not name:
        return Title(MAIN, "", fragment, colon=colon) if fragment and namespace == MAIN else None
    name = title_case_function(site)(name)
    if namespace != MAIN:
        name = f"{site.namespaces.get(namespace, '')}:{name}"
    return Title(namespace, name, fragment, colon=colon)


def default_label(raw: str) -> str:
    """Return the text of a link without a label: its target as written, decoded, without a leading colon."""
    name = raw.strip()
    name = unquote(name) if "%" in name and PERCENT.search(name) else name
    return decode_entities(name).removeprefix(":").strip()


def pipe_trick(raw: str) -> str:
    """Return the label that MediaWiki fills in for "[[raw|]]".

    It is the target without prefix and without a final parenthesis; if there is none, without the part after a comma.
    """
    name = default_label(raw)
    name = name.partition(":")[2] if ":" in name[1:] and not name.partition(":")[2].startswith(" ") else name
    short = re.sub(r"\s*(?:\([^()]*\)|（[^（）]*）)\s*$", "", name)
    if short == name:
        short = re.sub(r"\s*[,，、].*$", "", name)
    return short.strip()


def namespace_of(title: str, site: SiteInfo) -> int:
    """Return the namespace of a page without <ns>, from the prefix of its title."""
    prefix, colon, _ = title.partition(":")
    return site.prefixes.get(collapse_whitespace(prefix).lower(), MAIN) if colon else MAIN


def default_site(language: str) -> SiteInfo:
    """Return the site to assume for a dump without <siteinfo>: English namespaces, which work on every wiki."""
    names = {key: name.capitalize() for name, key in ENGLISH_NAMESPACES.items() if name not in ("wp", "wt")}
    names |= {4: "Wikipedia", 5: "Wikipedia talk", CATEGORY: "Category", MAIN: ""}
    return SiteInfo("", language, "", True, names)
