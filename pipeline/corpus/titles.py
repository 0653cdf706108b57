"""Titles as MediaWiki reads them: namespaces, case rule, normalisation. Pure.

In: what stands between "[[" and "|" in wikitext, and the wiki's `SiteInfo`. Out: a `Title`, or None where MediaWiki
would make no link. The order of the steps is MediaWiki's: entities and %XX are decoded, the fragment is cut, white
space and underscores are folded, prefixes are taken off from the left (a namespace ends that, the wiki's own prefix
goes on, another wiki's stops it), the first letter is raised where the wiki's case rule says so.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.entities import html5
from urllib.parse import quote, unquote

from pipeline.corpus.languages import ALIASES, DOTTED, ENGLISH_NAMESPACES, MEDIA_FILE, OTHER_WIKIS, WIKIPEDIAS

MAIN, FILE, TEMPLATE, CATEGORY = 0, 6, 10, 14
MAX_TITLE_BYTES = 255

SPACES = re.compile(r"[ _\t\n\r\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
BIDI_MARKS = re.compile(r"[\u200e\u200f\u202a-\u202e]")
ILLEGAL = re.compile(r"[\[\]{}|<>\x00-\x1f\x7f\ufffd]")
PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
ENTITY = re.compile(r"&(?:#\d{1,8}|#[xX][0-9A-Fa-f]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});")
GEORGIAN = range(0x10D0, 0x1100)
"""Letters that Unicode can raise and MediaWiki leaves alone."""


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """A wiki, as the header of its dump describes it."""

    dbname: str
    language: str
    """Its language's code, as in xml:lang; "" where the dump has none."""
    base: str
    """The main page's URL; "" where the dump has none."""
    first_letter: bool
    """Whether a title's first letter is always a capital."""
    namespaces: Mapping[int, str]
    """Id -> the local name."""
    prefixes: Mapping[str, int] = field(init=False, repr=False)
    """Every name that leads to a namespace, in lower case -> id."""

    def __post_init__(self) -> None:
        prefixes = dict(ENGLISH_NAMESPACES)
        prefixes |= {alias: key for key, aliases in ALIASES.items() for alias in aliases}
        prefixes |= {folded(name).lower(): key for key, name in self.namespaces.items() if key != MAIN}
        object.__setattr__(self, "prefixes", prefixes)

    def url(self, title: str) -> str:
        """Where the page is read; quoted as the Hub's wikimedia/wikipedia quotes it."""
        folder = self.base.rpartition("/")[0] or f"https://{self.language or 'en'}.wikipedia.org/wiki"
        return f"{folder}/{quote(title)}"


@dataclass(frozen=True, slots=True)
class Title:
    """A link's target."""

    namespace: int
    text: str
    """The normalised title, with its namespace's local name; without fragment. "" for a link into the same page."""
    fragment: str = ""
    interwiki: str = ""
    """The prefix of the other wiki, in lower case; namespace and text then say nothing about this one."""
    colon: bool = False
    """A leading colon: the link is shown even where its kind would hide it."""

    @property
    def hidden(self) -> bool:
        """Whether the link does its work elsewhere (category, sidebar) and leaves nothing in the text."""
        return not self.colon and (self.namespace == CATEGORY or self.interwiki in WIKIPEDIAS)


def folded(raw: str) -> str:
    """White space and underscores folded into single spaces, none at the ends."""
    return SPACES.sub(" ", raw).strip()


def raised(title: str) -> str:
    """The title with its first letter a capital, by MediaWiki's rule: only where one letter becomes one."""
    letter = title[:1]
    if letter.isascii():
        return title if letter.isupper() else letter.upper() + title[1:]
    if ord(letter) in GEORGIAN:
        return title
    first = title[0].title() if title[0] in "ǆǉǌǳ" else title[0].upper()
    return first + title[1:] if len(first) == 1 else title


def unescaped(text: str) -> str:
    """The text with its entities decoded: those with a semicolon, as in MediaWiki, but not as in HTML."""
    return ENTITY.sub(lambda found: named(found[0]), text) if "&" in text else text


def named(entity: str) -> str:
    return html.unescape(entity) if entity[1] == "#" or entity[1:] in html5 else entity


def raised_with_dot(title: str) -> str:
    """The same where the capital of i is İ: "insan" is "İnsan"."""
    return f"İ{title[1:]}" if title[:1] == "i" else raised(title)


def case_rule(site: SiteInfo) -> Callable[[str], str]:
    """What makes a name the wiki's title: its first letter raised, or nothing."""
    if not site.first_letter:
        return str
    return raised_with_dot if site.language in DOTTED else raised


def normalise_title(raw: str, site: SiteInfo) -> Title | None:
    """Read a link's target.

    Args:
        raw: the target as written, without the brackets and the label.

    Returns:
        None where MediaWiki would refuse the title and show the wikitext itself.
    """
    name = unescaped(raw)
    name = unquote(name) if "%" in name and PERCENT.search(name) else name
    name = name if name.isascii() else unicodedata.normalize("NFC", BIDI_MARKS.sub("", name))
    name, _, fragment = name.partition("#")
    name, fragment = folded(name), folded(fragment)
    colon = name.startswith(":")
    name = name[1:].lstrip() if colon else name
    namespace = MAIN
    own = {site.language} | ({"w"} if site.language == "en" else set())
    while ":" in name:
        prefix, _, rest = (part.strip() for part in name.partition(":"))
        key = prefix.lower()
        if key in site.prefixes or (MEDIA_FILE.search(rest) and " " not in prefix and not colon):
            namespace, name = site.prefixes.get(key, FILE), rest
            break
        if key not in WIKIPEDIAS and key not in OTHER_WIKIS:
            break
        if key not in own:
            return Title(MAIN, rest, fragment, interwiki=key, colon=colon)
        name = rest.removeprefix(":").lstrip()
    if ILLEGAL.search(name) or len(name.encode()) > MAX_TITLE_BYTES or name in (".", ".."):
        return None
    if not name:
        return Title(MAIN, "", fragment, colon=colon) if fragment and namespace == MAIN else None
    name = case_rule(site)(name)
    if namespace != MAIN:
        name = f"{site.namespaces.get(namespace, '')}:{name}"
    return Title(namespace, name, fragment, colon=colon)


def shown_title(raw: str) -> str:
    """What a link without a label shows: its target as written, decoded, without the leading colon."""
    name = raw.strip()
    name = unquote(name) if "%" in name and PERCENT.search(name) else name
    return unescaped(name).removeprefix(":").strip()


def pipe_trick(raw: str) -> str:
    """The label that MediaWiki fills in for "[[raw|]]": no prefix, no final parenthesis, else nothing after a comma."""
    name = shown_title(raw)
    name = name.partition(":")[2] if ":" in name[1:] and not name.partition(":")[2].startswith(" ") else name
    short = re.sub(r"\s*(?:\([^()]*\)|（[^（）]*）)\s*$", "", name)
    if short == name:
        short = re.sub(r"\s*[,，、].*$", "", name)
    return short.strip()


def namespace_of(title: str, site: SiteInfo) -> int:
    """The namespace of a page whose <ns> is missing, from its title's prefix."""
    prefix, colon, _ = title.partition(":")
    return site.prefixes.get(folded(prefix).lower(), MAIN) if colon else MAIN


def default_site(language: str) -> SiteInfo:
    """What to take for a dump without <siteinfo>: the English names, which every wiki knows."""
    names = {key: name.capitalize() for name, key in ENGLISH_NAMESPACES.items() if name not in ("wp", "wt")}
    names |= {4: "Wikipedia", 5: "Wikipedia talk", CATEGORY: "Category", MAIN: ""}
    return SiteInfo("", language, "", True, names)
