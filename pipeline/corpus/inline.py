"""Templates that stand inside a sentence and carry words of it, rendered without their definitions. Pure.

A pages-articles dump has the definitions, but the common ones call Lua modules, which nothing here runs; the samples
have none at all. Each renderer gives wikitext, so a link in an argument stays a link. Everything that is not in this
table is dropped by the caller, and what it leaves behind is cleaned by `tidy`. Measures, sums, dates and places are
in `measures`.
"""

from __future__ import annotations

import re

from pipeline.corpus import measures
from pipeline.corpus.calls import Call, Renderer
from pipeline.corpus.languages import LANGUAGE_NAMES
from pipeline.corpus.markup import NOTHING


def argument(number: int) -> Renderer:
    return lambda call: call.get(number)


def literal(text: str) -> Renderer:
    return lambda call: text


def between(before: str, after: str) -> Renderer:
    """The first argument between two texts; nothing without it."""
    return lambda call: f"{before}{call.get(1)}{after}" if call.get(1) else ""


def joined(separator: str) -> Renderer:
    return lambda call: separator.join(part for part in call.positional if part)


def last(call: Call) -> str:
    return call.last


def listed(call: Call) -> str:
    """{{ubl|a|b}}: an item a line."""
    return "".join(f"\n* {part}" for part in call.positional if part) + "\n\n"


def content(call: Call) -> str:
    """{{columns-list|* a ...}}: lines of their own."""
    return f"\n{call.named.get('content') or call.last}\n"


def lang_named(call: Call) -> str:
    """{{lang-de|Wort|lit=word}}: "German: Wort, lit. 'word'"."""
    text = call.get(1)
    name = LANGUAGE_NAMES.get(call.name.removeprefix("lang-"))
    if name and text and call.named.get("label") != "none":
        text = f"{name}: {text}"
    romanized = call.get(2) or call.named.get("translit") or call.named.get("tr")
    meaning = call.get(3) or call.named.get("lit") or call.named.get("translation")
    text += f", romanized: {romanized}" if text and romanized else ""
    return text + (f", lit. '{NOTHING}{meaning}'" if text and meaning else "")


def etymology(call: Call) -> str:
    """{{etymology|la|albedo|whiteness}}: "from Latin albedo 'whiteness'"; more words follow in threes."""
    parts = call.positional
    found = []
    for code, word, meaning in zip(parts[0::3], parts[1::3], [*parts[2::3], ""], strict=False):
        words = (LANGUAGE_NAMES.get(code, ""), word, f"'{NOTHING}{meaning}'" if meaning else "")
        found.append(" ".join(part for part in words if part))
    return f"from {' and '.join(found)}" if found else ""


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


def link(call: Call) -> str:
    """{{w|Title|label}}."""
    return f"[[{call.get(1)}|{call.get(2)}]]" if call.get(2) else f"[[{call.get(1)}]]" if call.get(1) else ""


def ship(call: Call) -> str:
    """{{USS|Enterprise|CV-6}} and {{ship|USS|Enterprise|CV-6}}: a link to the ship's page."""
    parts = [part.strip("'") for part in call.positional]
    prefix, name, number = (*parts, "", "", "")[:3] if call.name == "ship" else (call.name.upper(), *parts, "", "")[:3]
    if not name:
        return ""
    name = f"{prefix} {name}".strip()
    return f"[[{name} ({number})|{name}]]" if number else f"[[{name}]]"


def ship_class(call: Call) -> str:
    """{{sclass|Nimitz|aircraft carrier}}: "Nimitz-class aircraft carrier"."""
    return f"[[{call.get(1)}-class {call.get(2)}]]" if call.get(1) and call.get(2) else ""


def author_year(call: Call) -> str:
    """{{harvtxt|Jech|2008}}: "Jech (2008)"."""
    *authors, year = [part for part in call.positional if part] or [""]
    return f"{' & '.join(authors)} ({year})" if authors else ""


def pronunciation(call: Call) -> str:
    """{{IPAc-en|æ|l|ˈ|b|iː|d|oʊ}}: "/ælˈbiːdoʊ/"."""
    sounds = "".join(STRESS.get(part, part) for part in call.positional if part.lower() not in LABELS)
    return f"/{sounds}/" if sounds else ""


def quotation(call: Call) -> str:
    """A quotation set apart is a paragraph."""
    return f"\n\n{call.named.get('text') or call.named.get('quote') or call.get(1)}\n\n"


def scripts(call: Call) -> str:
    """{{su|p=+|b=3}}: what stands below and above."""
    return call.named.get("b", "") + call.named.get("p", "")


def table(renderer: Renderer, names: str) -> dict[str, Renderer]:
    """One renderer under several names, separated by commas."""
    return {name.strip(): renderer for name in names.split(",")}


VANISHING = frozenset(
    name.strip()
    for name in (
        "citation needed, cn, citation needed (lead), clarify, clarification needed, by whom, according to whom, "
        "dubious, dubious-inline, disputed-inline, verify source, failed verification, better source, "
        "better source needed, page needed, page number needed, full citation needed, unreliable source?, "
        "unreliable source inline, original research inline, pov-inline, weasel inline, weasel-inline, update inline, "
        "update after, dead link, webarchive, wayback, cbignore, not in source, not in citation given, medcn, "
        "primary source inline, primary source-inline, synthesis inline, sfn, sfnp, sfnm, sfnmp, harvnb, harvp, rp, "
        "refn, efn, efn-ua, efn-lr, efn-la, efn-lg, notetag, cref, cref2, ref label, note label, reflist, notelist, "
        "refbegin, refend, shortcut, anchor, anchors, main, main article, see also, further, further information, "
        "distinguish, hatnote, other uses, toc limit, toc left, toc right, short description, use dmy dates, "
        "use mdy dates, portal bar, portal-inline, commons category, sister project links, authority control, "
        "italic title, good article, featured article, flagicon, flagdeco, inflation-fn, inflation/fn, refnest, "
        "要出典, 要検証, いつ, 誰, どこ, 要説明, 独自研究, 要ページ番号, リンク切れ, 脚注ヘルプ, 節stub, 出典の明記, "
        "正確性, 要追記, 要曖昧さ回避, 信頼性要検証"
    ).split(",")
)
"""Names, in lower case, of what no reader of the text sees: notes of editors, citations, pointers, and navigation."""
STRESS = {"'": "ˈ", ",": "ˌ", "_": " "}
LABELS = frozenset(["lang", "pron", "also", "us", "uk", "us also", "uk also", "local", "icon", "small", "ipa", "label"])
YEAR = re.compile(r"[12]\d{3}")

ACCIDENTALS = {"flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮", "doubleflat": "𝄫", "doublesharp": "𝄪"}

RENDERERS: dict[str, Renderer] = {
    # A wrapper of what is shown.
    **table(argument(1), "nowrap, nobr, small, smaller, big, larger, em, strong, abbr, tooltip, sub, sup, smallcaps, "
            "sc, allcaps, mono, code, var, not a typo, notatypo, dp, as written, midsize, avoid wrap, nobold, "
            "noitalic, underline, u, strike, ruby, flag, flagu, sic, flagcountry, vr, tt, key press, keypress, "
            "kbd, math, mvar, vanchor, "
            "visible anchor, center, nts, unicode, no col break, inline-block, citation needed span, clarify span, nq, "
            "proper name, typo, box, bold, italic, resize text, smalldiv, pslink, overline, flatlist, plainlist, "
            "要出典範囲, いつ範囲, 独自研究範囲, 誰範囲, en, fr, de, es, it, el, zh, la, ru, ko, ふりがな, 読み仮名, "
            "読み仮名 ruby不使用, 補助漢字フォント, jis2004フォント, 拡張漢字"),
    **table(argument(2), "lang, wikt-lang, color, colored text, font color, rtl-lang, script, lang-x, highlight, "
            "background color, rquote"),
    **table(last, "transl, transliteration, ipa, ipalink, ipablink, ipaslink, resize"),
    **table(joined(""), "chem, chem2, rgb, gaps, linktext, mp, mpl, mpl-"),
    **table(joined(" "), "bibleverse, bibleref, bibleref2, bible verse, lcons"),
    **table(joined(":"), "cite quran, qref"),
    **table(joined("-"), "respell, nuclide, nuclide2"),
    **table(joined(" · "), "hlist"),
    **table(listed, "ubl, unbulleted list, bulleted list, ordered list, olist, blist"),
    **table(content, "columns-list, div col list, multicol list"),
    **table(between("⟨", "⟩"), "angbr, angle bracket, angbr ipa, grapheme"),
    **table(between("/", "/"), "ipa-all, phoneme"),
    **table(between(f"'{NOTHING}", "'"), "gloss, single+"),
    **table(between(f"lit. '{NOTHING}", "'"), "lit, literal translation, literal, lit."),
    **table(between("√", ""), "sqrt, radic"),
    **table(between("ISBN ", ""), "isbn, isbnt"),
    **table(between("OCLC ", ""), "oclc"),
    **table(between("ISSN ", ""), "issn"),
    **table(between("doi:", ""), "doi"),
    **table(between("JSTOR ", ""), "jstor"),
    **table(between("U.S. Patent ", ""), "us patent"),
    **table(between("née ", ""), "née, nee, née2"),
    # Links, quotations, languages.
    **table(nihongo, "nihongo, nihongo2, nihongo3, korean"),
    **table(linked, "ill, interlanguage link, interlanguage link multi, illm, ill-wd2, 仮リンク"),
    **table(link, "w, link, annotated link"),
    **table(ship, "ship, uss, hms, rms, ss, hmcs, hmas, sms, hmnzs, ins, mv, ms, mt, rv, rrs, usns, uscgc, usat, usrc, "
            "ussb, hnoms, hdms, hnlms, hswms, orp, prr, gts, sv, ps, ts"),
    **table(ship_class, "sclass, sclass2, sclass-"),
    **table(author_year, "harvtxt, harvs"),
    **table(quotation, "quote, blockquote, cquote, quotation, quote box, centered pull quote, poem quote, poemquote"),
    **table(pronunciation, "ipac-en"),
    **table(etymology, "etymology, ety"),
    **table(scripts, "su, subsup"),
    # Measures.
    **table(measures.convert, "convert, cvt, convert/spell"),
    **table(measures.as_of, "as of, asof"),
    **table(measures.circa, "circa, c., ca."),
    **table(measures.fraction, "frac, fraction, sfrac, fract"),
    **table(measures.value, "val"),
    **table(measures.power_of_ten, "e, 10^, ×10^"),
    **table(measures.density, "pop density, population density"),
    **table(measures.gauge, "railgauge, track gauge, rail gauge"),
    **table(measures.coordinates, "coord"),
    **table(measures.date, "birth date, birth-date, death date, death-date, start date, end date, date, dts, "
            "birth date and age, death date and age, film date, release date"),
    **table(measures.old_style, "oldstyledate, oldstyledatedy"),
    **table(measures.ordinal, "ordinal"),
    **table(measures.years("r."), "reign, r."),
    **table(measures.years("fl."), "floruit, fl., fl"),
    **table(measures.years("b."), "born, b."),
    **table(measures.years("d."), "died, d."),
    **table(measures.unit_behind("L☉"), "solar luminosity"),
    **table(measures.unit_behind("M☉"), "solar mass"),
    **table(measures.unit_behind("R☉"), "solar radius"),
    **table(measures.unit_behind("MJ"), "jupiter mass"),
    **table(measures.unit_behind("M⊕"), "earth mass"),
    **table(measures.unit_behind("Ma"), "ma"),
    **table(measures.unit_behind("million years ago"), "mya"),
    **table(measures.money("US$"), "us$, usd"),
    **table(measures.money("A$"), "a$, aud, au$"),
    **table(measures.money("CA$"), "cad, ca$, c$"),
    **table(measures.money("NZ$"), "nzd, nz$"),
    **table(measures.money("¥"), "jpy, ¥, cny, yen"),
    **table(measures.money("£"), "gbp, £, pound sterling"),
    **table(measures.money("€"), "eur, €, euro"),
    **table(measures.money("₹"), "inr, indian rupee, rupee"),
    # Signs.
    **table(literal(" "), "nbsp, nbs, space, spaces, thinsp, hair space, pb, zwsp, sp"),
    **table(literal(" – "), "spaced ndash, snd, spnd, spaced en dash, ndashs"),
    **table(literal(" — "), "spaced mdash, snds, em dash spaced"),
    **table(literal("–"), "ndash, endash, en dash, –"),
    **table(literal("—"), "mdash, emdash, em dash, —, mdashb"),
    **table(literal(" · "), "·, dot, middot, •, bullet"),
    **table(literal("'"), "', apostrophe"),
    **table(literal("'\""), "' \", '\""),
    **table(literal("\"'"), "\" ', \"'"),
    **table(literal("\""), "-\", \""),
    **table(literal("'s"), "'s"),
    **table(literal("="), "="),
    **table(literal("&#124;"), "!, pipe"),
    **table(literal("×"), "x, times"),
    **table(literal("−"), "minus"),
    **table(literal("±"), "±, plus-minus"),
    **table(literal("π"), "pi"),
    **table(literal("°"), "degree, degrees, deg"),
    **table(literal("AD"), "ad"),
    **table(literal("†"), "extinct, dagger"),
    **table(literal("⇌"), "eqm"),
    **table(literal("→"), "overunderset"),
    **table(literal("ʻ"), "okina"),
    **table(literal("₂"), "subscript2"),
    **table(literal("CO2"), "co2"),
    **table(literal("H2O"), "h2o"),
    **table(literal("C"), "carbon"),
    **table(literal("H"), "hydrogen"),
    **table(literal("♯"), "music sharp, sharp"),
    **table(literal("♭"), "music flat, flat"),
    **table(lambda call: ACCIDENTALS.get(call.get(1).lower(), ""), "music"),
    **{f"l{number}": literal(f"L{number}") for number in range(1, 6)},
}  # fmt: skip
"""Name in lower case -> its renderer."""


def renderer_of(name: str, language: str) -> Renderer | None:
    """What renders the template of this name in lower case; None for one that is not known here.

    Args:
        language: the wiki's. {{lang-de|Wort}} names the language in it; only English's names are known here.
    """
    renderer = RENDERERS.get(name)
    if renderer is None and "-" in name:
        if name.startswith("lang-"):
            return lang_named if language == "en" else argument(1)
        if name.startswith("ipa-"):
            return between("&#91;", "&#93;")
    if renderer is None and name.startswith("script/"):
        return argument(1)
    return renderer


def render_inline(call: Call, language: str) -> str | None:
    """Wikitext in place of the template; None for one that is not known here."""
    renderer = renderer_of(call.name, language)
    return None if renderer is None else renderer(call)
