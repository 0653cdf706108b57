"""Templates that stand inside a sentence and carry words of it, rendered without their definitions. Pure.

A pages-articles dump has the definitions, but the common ones call Lua modules, which nothing here runs; the samples
have none at all. Each renderer gives wikitext, so a link in an argument stays a link. Everything that is not in this
table is dropped by the caller, and what it leaves behind is cleaned by `tidy`. The renderers stand by what they are
about: `measures` (and sums, dates), `speech` (languages), `places`, `signs` (and formulas), `citing`,
`foreign` (other wikis').
"""

from __future__ import annotations

import re

from pipeline.corpus.render.templates import citing, measures, places, signs, speech
from pipeline.corpus.render.templates.calls import (
    Call,
    Renderer,
    argument,
    between,
    joined,
    last,
    linked,
    table,
    wrapped,
)
from pipeline.corpus.render.templates.per_wiki import foreign
from pipeline.corpus.render.wikitext.formula import EXPONENT, raised
from pipeline.corpus.render.wikitext.markup import NOTHING


def listed(call: Call) -> str:
    """{{ubl|a|b}}: an item a line."""
    return "".join(f"\n* {part}" for part in call.positional if part) + "\n\n"


def content(call: Call) -> str:
    """{{columns-list|* a ...}}: lines of their own."""
    return f"\n{call.named.get('content') or call.last}\n"


def quotation(call: Call) -> str:
    """A quotation set apart is a paragraph."""
    return f"\n\n{call.named.get('text') or call.named.get('quote') or call.get(1)}\n\n"


def red_link(call: Call) -> str:
    """{{ill|Title|de|Titel}}, {{仮リンク|表題|en|Title}}: the link that will be, once somebody writes the page."""
    label = call.named.get("lt") or call.named.get("label") or call.named.get("display") or ""
    return linked(call.get(1) or call.named.get("en", ""), label)


def anchored(call: Call) -> str:
    """{{vanchor|word|text=shown}}."""
    return call.named.get("text") or call.get(1)


def wrongly(call: Call) -> str:
    """{{sic|teh}}: "teh [sic]"."""
    note = "" if call.named.get("hide", "n")[:1] in "yY" else "&#91;sic&#93;"
    word = call.get(1) + call.get(2)
    return "&#91;sic?&#93;" if word == "?" else f"{word} {note}".strip()


def behind(word: str) -> Renderer:
    """The first argument behind a word, which stands alone without it."""
    return lambda call: f"{word} {call.get(1)}".strip()


def letters(call: Call) -> str:
    """{{post-nominals|country=GBR|KBE|FRS}}, {{post-nominals|list=KBE, FRS}}: honours behind a name."""
    return " ".join(part for part in call.positional if part) or call.named.get("list", "")


def superscript(call: Call) -> str:
    """10{{sup|6}}: "10⁶"."""
    text = call.get(1)
    return raised(text) if EXPONENT.fullmatch(text) else text


def scripts(call: Call) -> str:
    """{{su|p=+|b=3}}: what stands below and above."""
    return call.named.get("b", "") + call.named.get("p", "")


YEAR = re.compile(r"[12]\d{3}")

RENDERERS: dict[str, Renderer] = {
    **signs.SIGNS,
    **table(places.country_by_name, ", ".join(places.COUNTRIES).lower()),
    # A wrapper of what is shown.
    **table(wrapped, "nowrap, nobr, nwr, small, smaller, big, larger, em, strong, abbr, abbrlink, tooltip, sub, "
            "smallcaps, small caps, sc, sc1, sc2, allcaps, smallcaps all, caps, aut, au, mono, monospace, mono0, "
            "code, codett, "
            "codes, samp, var, varserif, var serif, serif, sans-serif, not a typo, notatypo, typo, as written, dp, "
            "midsize, "
            "avoid wrap, nobold, noitalic, nobreak, underline, u, ul, strike, strikethrough, s, del, dfn, ruby, vr, "
            "tt, pre, kbd, math, mvar, bigmath, bmath, vec, center, centre, nts, unicode, no col break, "
            "inline-block, citation needed span, cn span, clarify span, dubious span, disputed span, nq, tq, tqq, tqi, "
            "proper name, box, bold, italic, italics, italics correction, resize text, smalldiv, pslink, overline, "
            "flagu, crossref, crossreference, see below, see above, nowiki, tsp, blackletter, "
            "nastaliq, naskh, hani, kana, bo-textonly, iast, iast3, iso 15919, iso15919, "
            "polytonic, hebrew, hebr, arabic, script-arabic, sanskrit, pie, cuneiform, runic, angle, "
            "party shortname, format price, formatprice, formatnum, number, button, char, "
            "no link, no selflink, normal, large, huge, xt, "
            "要出典範囲, いつ範囲, 独自研究範囲, 誰範囲, en, fr, de, es, it, el, zh, la, ru, ko, ふりがな, 読み仮名, "
            "読み仮名 ruby不使用, 補助漢字フォント, jis2004フォント, 拡張漢字"),
    **table(argument(2), "lang, color, colored text, fontcolor, font color, color box, legend inline, rtl-lang, "
            "script, lang-x, "
            "highlight, background color, bgcolor, rquote, h:title, hover title, popup, sort"),
    **table(last, "transl, transliteration, translit, tlit, ipalink, ipa link, resize, wikt-lang, wt, m, "
            "mention, "
            "station link, stl, glossary link, gli, ruby-ja, party shortname linked"),
    **table(joined(""), "rgb, gaps, linktext, mp, mpl, mpl-, subsup, sub sup"),
    **table(letters, "lcons, postnominals, post-nominals, post-nominal, post nominals"),
    **table(joined(":"), "cite quran, qref"),
    **table(joined("-"), "nuclide, nuclide2"),
    **table(joined("+"), "key press, keypress, key"),
    **table(joined(" · "), "hlist, dotlist"),
    **table(listed, "ubl, ubli, unbulleted list, bulleted list, ordered list, olist, blist, pagelist"),
    **table(content, "columns-list, div col list, multicol list, plainlist, flatlist, plain list, term, defn, "
            "cast listing, cast list, castlist"),
    **table(between("⟨", "⟩"), "angbr, angle bracket, angbr ipa, grapheme"),
    **table(between("⟨", "&#124;"), "bra"),
    **table(between("&#124;", "⟩"), "ket"),
    **table(between("&#124;", "&#124;"), "abs"),
    **table(between("‖", "‖"), "norm"),
    **table(between("⌊", "⌋"), "floor"),
    **table(between("⌈", "⌉"), "ceil"),
    **table(between("&#123;", "&#125;"), "mset, brace, set"),
    **table(between("&#91;", "&#93;"), "bracket, closed-closed, sqbr"),
    **table(between("(", ")"), "open-open"),
    **table(between("&#91;", ")"), "closed-open"),
    **table(between("(", "&#93;"), "open-closed"),
    **table(between("/", "/"), "ipa-all, phoneme"),
    **table(lambda call: f"/{call.last}/", "ipaslink, ipa slink"),
    **table(lambda call: f"&#91;{call.last}&#93;", "ipablink, ipa blink"),
    **table(between("(sequence ", " in the OEIS)"), "oeis"),
    **table(between(f"'{NOTHING}", "'"), "gloss, single+, single quote"),
    **table(between(f"lit. '{NOTHING}", "'"), "lit, literal translation, literal, lit., literally"),
    **table(between(f"transl. '{NOTHING}", "'"), "translation, trans"),
    **table(between("√", ""), "sqrt, radic"),
    **table(between("", "′"), "primed"),
    **table(between("U+", ""), "u+"),
    **table(between("ISBN ", ""), "isbn, isbnt"),
    **table(between("OCLC ", ""), "oclc"),
    **table(between("ISSN ", ""), "issn"),
    **table(between("doi:", ""), "doi"),
    **table(between("arXiv:", ""), "arxiv"),
    **table(between("Bibcode:", ""), "bibcode"),
    **table(between("PMID ", ""), "pmid"),
    **table(between("LCCN ", ""), "lccn"),
    **table(between("JSTOR ", ""), "jstor"),
    **table(between("U.S. Patent ", ""), "us patent"),
    **table(behind("née"), "née, nee, née2"),
    **table(behind("né"), "né"),
    # Links, quotations, references that are read.
    **table(red_link, "ill, interlanguage link, interlanguage link multi, illm, ill-wd2, link-interwiki, 仮リンク"),
    **table(lambda call: linked(call.get(1), call.get(2)), "w, link, srlink, annotated link, l, link if exists"),
    **table(citing.section_link, "section link, slink, sectionlink"),
    **table(anchored, "vanchor, visible anchor, vis anchor"),
    **table(wrongly, "sic"),
    **table(citing.statute, "usc, uscsub, usstat, uspl, ussc"),
    **table(citing.website, "url, official website, official url"),
    **table(citing.author_year, "harvtxt, harvs, harvcoltxt, harvard citation text"),
    **table(citing.bible, "bibleverse, bibleref, bibleref2, bible verse, bibleverse-nb, bibleverse with nivlink"),
    **table(quotation, "quote, blockquote, bq, cquote, quotation, quote box, centered pull quote, pull quote, "
            "poem quote, "
            "poemquote, quote without source, talk quote, verse translation, quote poem, "
            "long quote, block quote, block indent, blockindent, bi, hanging indent"),
    # Countries, stations, roads, ships.
    **table(places.country, "flag, flagcountry, flaglink, flag country"),
    **table(places.place("railway station"), "rws, stnlnk"),
    **table(places.place("tube station"), "lus"),
    **places.TEAMS,
    **table(places.junction, "jct"),
    **table(places.ship, "ship, uss, hms, rms, ss, hmcs, hmas, sms, hmnzs, ins, mv, ms, mt, rv, rrs, usns, uscgc, "
            "usat, "
            "usrc, ussb, hnoms, hdms, hnlms, hswms, orp, prr, gts, sv, ps, ts, hmt, rfa, js, mts"),
    **table(places.ship_class, "sclass, sclass2, sclass-"),
    # Languages and pronunciation.
    **table(speech.langx, "langx"),
    **table(speech.russian, "lang-rus, langr"),
    **table(speech.in_language, "in lang, in language"),
    **table(speech.nihongo, "nihongo, nihongo2, nihongo title"),
    **table(speech.nihongo3, "nihongo3"),
    **table(speech.nihongo_krt, "nihongo krt"),
    **table(argument(1), "nihongo foot"),
    **table(speech.chinese, "zh, lang-zh, zhi, zhp"),
    **table(speech.korean, "korean, ko-hhrm, lang-ko-hhrm"),
    **table(speech.ipa, "ipa"),
    **table(speech.pronunciation, "ipac-en"),
    **table(speech.respelling, "respell, pronunciation respelling, pronunciation-respelling"),
    **table(speech.recording, "audio, pronunciation audio"),
    **table(speech.etymology, "etymology, ety"),
    # Science.
    **table(signs.molecule, "chem, chem2, ce"),
    **table(signs.tex, "tmath"),
    **table(signs.unichar, "unichar"),
    **table(signs.music, "music"),
    **table(scripts, "su"),
    **table(superscript, "sup"),
    # Measures.
    **table(measures.convert, "convert, cvt, convert/spell"),
    **table(measures.duration, "duration"),
    **table(measures.height, "height, weight"),
    **table(measures.as_of, "as of, asof"),
    **table(measures.circa, "circa, c., ca."),
    **table(measures.fraction, "frac, fraction, sfrac, fract"),
    **table(measures.value, "val"),
    **table(measures.power_of_ten, "e, 10^, ×10^, esp"),
    **table(measures.density, "pop density, population density"),
    **table(measures.gauge, "railgauge, track gauge, rail gauge"),
    **table(measures.coordinates, "coord"),
    **table(measures.angle("h", "m", "s"), "ra"),
    **table(measures.angle("°", "′", "″"), "dec"),
    **table(measures.date, "birth date, birth-date, death date, death-date, start date, end date, date, dts, "
            "birth date and age, birth-date and age, bda, death date and age, death-date and age, dda, film date, "
            "release date, start date and age, birth year and age, death year and age, birth date and age2"),
    **table(measures.old_style, "oldstyledate, oldstyledatedy, oldstyledateny"),
    **table(measures.ordinal, "ordinal, ord"),
    **table(measures.years("r."), "reign, r."),
    **table(measures.years("fl."), "floruit, fl., fl"),
    **table(measures.years("b."), "born, b."),
    **table(measures.years("d."), "died, d."),
    **table(measures.unit_behind("L☉"), "solar luminosity"),
    **table(measures.unit_behind("M☉"), "solar mass"),
    **table(measures.unit_behind("R☉"), "solar radius"),
    **table(measures.unit_behind("MJ"), "jupiter mass"),
    **table(measures.unit_behind("RJ"), "jupiter radius"),
    **table(measures.unit_behind("M⊕"), "earth mass"),
    **table(measures.unit_behind("R⊕"), "earth radius"),
    **table(measures.unit_behind("Ma"), "ma"),
    **table(measures.unit_behind("million years ago"), "mya"),
    **{name: measures.money(sign) for name, sign in measures.CURRENCIES.items()},
}  # fmt: skip
"""Name in lower case -> its renderer."""


ENGLISH: dict[Renderer | None, Renderer | None] = {
    places.country_by_name: None,
    places.country: argument(1),
    speech.langx: argument(2),
    speech.russian: argument(1),
    speech.in_language: None,
    **dict.fromkeys(places.TEAMS.values()),
}
"""What names countries or languages in English -> what takes its place on another wiki."""


def renderer_of(name: str, language: str) -> Renderer | None:
    """What renders the template of this name in lower case; None for one that is not known here.

    Args:
        language: the wiki's. {{lang-de|Wort}} names the language in it; only English's names are known here.
    """
    renderer = foreign(name, language) or RENDERERS.get(name)
    if language != "en" and renderer in ENGLISH:
        return ENGLISH[renderer]
    if renderer is None and "-" in name:
        if name.startswith("lang-"):
            return speech.lang_named if language == "en" else argument(1)
        if name.startswith("ipa-"):
            return between("&#91;", "&#93;")
    if renderer is None and name.startswith("script/"):
        return argument(1)
    if renderer is None and name.endswith(" icon"):
        return speech.language_icon
    return renderer


def render_inline(call: Call, language: str) -> str | None:
    """Wikitext in place of the template; None for one that is not known here."""
    renderer = renderer_of(call.name, language)
    return None if renderer is None else renderer(call)
