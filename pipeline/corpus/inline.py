"""Templates that stand inside a sentence and carry words of it, rendered without their definitions. Pure.

A pages-articles dump has the definitions, but the common ones call Lua modules, which nothing here runs; the samples
have none at all. Each renderer gives wikitext, so a link in an argument stays a link. Everything that is not in this
table is dropped by the caller, and what it leaves behind is cleaned by `wikitext.tidy`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A template's use: its name in lower case and its arguments, already expanded and stripped."""

    name: str
    positional: tuple[str, ...]
    named: dict[str, str]

    def get(self, number: int) -> str:
        """The positional argument, counted from 1; "" if absent."""
        text = self.positional[number - 1] if number <= len(self.positional) else ""
        return text or self.named.get(str(number), "")

    @property
    def last(self) -> str:
        """The last positional argument that is not empty."""
        return next((text for text in reversed(self.positional) if text), "") or self.named.get("2", "")


Renderer = Callable[[Call], str]

UNITS = {
    "sqmi": "square miles", "sqkm": "km²", "km2": "km²", "m2": "m²", "sqft": "square feet", "cm2": "cm²",
    "mi2": "square miles", "km3": "km³", "m3": "m³", "cuft": "cubic feet", "cumi": "cubic miles",
    "C": "°C", "F": "°F", "km/h": "km/h", "kph": "km/h", "mph": "mph", "C-change": "°C", "F-change": "°F",
    "e6sqkm": "million km²", "e3t": "thousand tonnes", "e6acre": "million acres", "e6ha": "million hectares",
    "ft": "feet", "in": "inches", "mi": "miles", "yd": "yards", "lb": "pounds", "lbs": "pounds", "oz": "ounces",
    "nmi": "nautical miles", "impgal": "gallons", "USgal": "US gallons", "acre": "acres", "m/s": "m/s",
    "/sqkm": "per km²", "/km2": "per km²", "/sqmi": "per square mile", "PD/sqkm": "per km²", "PD/km2": "per km²",
    "foot": "feet", "inch": "inches", "ha": "hectares", "t": "tonnes", "kt": "kilotonnes", "LT": "long tons",
    "ST": "short tons", "hp": "horsepower", "acres": "acres", "e6km2": "million km²", "e6sqmi": "million square miles",
}  # fmt: skip
JOINS = {"to": "to", "-": "–", "–": "–", "and": "and", "or": "or", "x": "×", "by": "by", "×": "×", "to(-)": "to"}
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gl": "Galician", "grc": "Ancient Greek", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "ko": "Korean", "la": "Latin", "lt": "Lithuanian", "lv": "Latvian",
    "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sa": "Sanskrit", "sk": "Slovak", "sl": "Slovene", "sq": "Albanian", "sr": "Serbian",
    "sv": "Swedish", "ta": "Tamil", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "yi": "Yiddish", "zh": "Chinese", "az": "Azerbaijani", "be": "Belarusian", "bn": "Bengali",
    "eo": "Esperanto", "et": "Estonian", "gd": "Scottish Gaelic", "ku": "Kurdish", "mk": "Macedonian",
    "mt": "Maltese", "sh": "Serbo-Croatian", "sco": "Scots", "ang": "Old English",
}  # fmt: skip


def argument(number: int) -> Renderer:
    return lambda call: call.get(number)


def literal(text: str) -> Renderer:
    return lambda call: text


def last(call: Call) -> str:
    return call.last


def lang_named(call: Call) -> str:
    """{{lang-de|Wort}}: "German: Wort"."""
    text = call.get(1)
    name = LANGUAGES.get(call.name.removeprefix("lang-"))
    return f"{name}: {text}" if name and text and call.named.get("label") != "none" else text


NUMBER = re.compile(r"[-−+]?[.\d]")
COMPOUND = {"ft": "in", "foot": "inch", "lb": "oz", "st": "lb", "mi": "yd", "yd": "ft"}
"""A measure in two units: {{convert|6|ft|2|in}}."""


def convert(call: Call) -> str:
    """The measure as written, without the conversion: {{convert|5|to|10|km|mi}} gives "5 to 10 km"."""
    words: list[str] = []
    parts = call.positional
    for index, part in enumerate(parts):
        if NUMBER.match(part):
            words.append(part)
        elif part in JOINS and index:
            words.append(JOINS[part])
        elif index:
            words.append(UNITS.get(part, part))
            if index + 2 >= len(parts) or COMPOUND.get(part) != parts[index + 2]:
                return " ".join(words)
        else:
            return ""
    return ""


def as_of(call: Call) -> str:
    """{{As of|2010|5}}: "As of May 2010"."""
    if call.named.get("alt"):
        return call.named["alt"]
    months = "January February March April May June July August September October November December".split()
    year, month, day = call.get(1), call.get(2), call.get(3)
    month = months[int(month) - 1] if month.isdecimal() and 1 <= int(month) <= 12 else month
    since = call.named.get("since")
    start = ("since" if since else "as of") if call.named.get("lc") else ("Since" if since else "As of")
    return " ".join(part for part in (start, day, month, year) if part) if year else ""


def circa(call: Call) -> str:
    return " – ".join(f"c. {year}" for year in call.positional[:2] if year) or "c."


def fraction(call: Call) -> str:
    match [part for part in call.positional if part]:
        case [whole, over, under]:
            return f"{whole} {over}/{under}"
        case [over, under]:
            return f"{over}/{under}"
        case [under]:
            return f"1/{under}"
    return ""


def joined(call: Call) -> str:
    return "".join(call.positional)


def nihongo(call: Call) -> str:
    """{{nihongo|English|kanji|romaji}}: "English (kanji, romaji)"."""
    first, inside = call.get(1), ", ".join(part for part in (call.get(2), call.get(3)) if part)
    if not first:
        return inside
    return f"{first} ({inside})" if inside else first


def linked(call: Call) -> str:
    """{{ill|Title|de|Titel}}, {{仮リンク|表題|en|Title}}: the link that will be, once somebody writes the page."""
    label = call.named.get("lt") or call.named.get("label") or ""
    return f"[[{call.get(1)}|{label}]]" if label else f"[[{call.get(1)}]]" if call.get(1) else ""


def ship(call: Call) -> str:
    """{{USS|Enterprise|CV-6}}: a link to the ship's page."""
    name = f"{call.name.upper()} {call.get(1)}"
    return f"[[{name} ({call.get(2)})|{name}]]" if call.get(2) else f"[[{name}]]"


def value(call: Call) -> str:
    """{{val|1234|0.5|u=km}}: "1234 ± 0.5 km"."""
    number = f"{call.get(1)} ± {call.get(2)}" if call.get(2) else call.get(1)
    exponent = f" × 10^{call.named['e']}" if call.named.get("e") else ""
    return f"{number}{exponent} {call.named.get('u') or call.named.get('ul') or ''}".strip()


def quotation(call: Call) -> str:
    """A quotation set apart is a paragraph."""
    return f"\n\n{call.named.get('text') or call.named.get('quote') or call.get(1)}\n\n"


def table(renderer: Renderer, names: str) -> dict[str, Renderer]:
    """One renderer under several names, separated by commas."""
    return {name.strip(): renderer for name in names.split(",")}


RENDERERS: dict[str, Renderer] = {
    **table(argument(1), "nowrap, nobr, small, smaller, big, larger, em, strong, abbr, tooltip, linktext, resize, "
            "sub, sup, smallcaps, sc, allcaps, mono, code, var, angbr, not a typo, as written, script, "
            "ruby, flag, sic, flagcountry, vr, tt, key press, keypress, math, mvar, vanchor, center, "
            "nts, unicode, no col break, inline-block, citation needed span, clarify span, 要出典範囲, "
            "いつ範囲, 独自研究範囲, 誰範囲, en, fr, de, es, it, el, zh, la, ru, ko, ふりがな, 読み仮名, "
            "読み仮名 ruby不使用, 補助漢字フォント, jis2004フォント, 拡張漢字"),
    **table(argument(2), "lang, wikt-lang, color, colored text, font color"),
    **table(last, "transl, transliteration, ipa, ipalink, ipablink, ipaslink"),
    **table(convert, "convert, cvt, convert/spell"),
    **table(as_of, "as of, asof"),
    **table(circa, "circa, c., ca."),
    **table(fraction, "frac, fraction, sfrac"),
    **table(joined, "chem, chem2, rgb"),
    **table(nihongo, "nihongo, nihongo2, korean"),
    **table(linked, "ill, interlanguage link, ill-wd2, 仮リンク"),
    **table(ship, "uss, hms, rms, ss, hmcs, hmas, sms"),
    **table(value, "val"),
    **table(quotation, "quote, blockquote, cquote, quotation, quote box, centered pull quote"),
    **table(literal(" "), "nbsp, space, spaces, thinsp, hair space, clear, pb"),
    **table(literal(" – "), "spaced ndash, snd, spnd, spaced en dash"),
    **table(literal(" — "), "spaced mdash, snds, em dash spaced"),
    **table(literal("–"), "ndash, endash, en dash, –"),
    **table(literal("—"), "mdash, emdash, em dash, —"),
    **table(literal(" · "), "·, dot, middot, •, bullet"),
    **table(literal("'"), "', apostrophe"),
    **table(literal("'s"), "'s"),
    **table(literal("="), "="),
    **table(literal("&#124;"), "!, pipe"),
    **table(literal("×"), "x, times"),
    **table(literal("−"), "minus"),
    **table(literal("°"), "degree, degrees, deg"),
    **table(literal("AD"), "ad"),
    **table(literal("†"), "extinct, dagger"),
    **table(literal("♯"), "music sharp, sharp"),
    **table(literal("♭"), "music flat, flat"),
}  # fmt: skip
"""Name in lower case -> its renderer."""


def render_inline(call: Call, language: str) -> str | None:
    """Wikitext in place of the template; None for one that is not known here.

    Args:
        language: the wiki's. {{lang-de|Wort}} names the language in it; only English's names are known here.
    """
    renderer = RENDERERS.get(call.name)
    if renderer is None and call.name.startswith("lang-"):
        renderer = lang_named if language == "en" else argument(1)
    if renderer is None and call.name.startswith("script/"):
        renderer = argument(1)
    return None if renderer is None else renderer(call)
