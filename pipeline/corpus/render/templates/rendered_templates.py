"""The table of templates that are rendered without their definitions, because they carry words of the sentence. Pure.

A pages-articles dump contains the definitions, but the common ones call Lua modules, which are not run here; partial
dumps may contain none at all. Each renderer returns wikitext, so a link in an argument stays a link. The caller drops a
template that is not in this table, and `cleanup` adjusts the punctuation around it.

The renderers are grouped by subject: `measures` (also money, dates, coordinates), `foreign_words` (also
pronunciations), `places`, `symbols` (also formulas), `citations`, `per_wiki` (templates of one wiki). The rest are
here.
"""

from __future__ import annotations

from pipeline.corpus.render.templates import citations, foreign_words, measures, places, symbols
from pipeline.corpus.render.templates.per_wiki import per_wiki_renderer
from pipeline.corpus.render.templates.renderer import (
    Call,
    Renderer,
    argument,
    between,
    entries,
    join_arguments,
    last_argument,
    wikilink,
    with_prefix,
    wrapped_text,
)
from pipeline.corpus.render.wikitext.formula import EXPONENT, to_superscript
from pipeline.corpus.render.wikitext.markup import ZERO_WIDTH


def list_items(call: Call) -> str:
    """Render {{ubl|a|b}} as a list, one item per line."""
    return "".join(f"\n* {part}" for part in call.positional if part) + "\n\n"


def block_content(call: Call) -> str:
    """Render {{columns-list|* a ...}} as its content, on lines of its own."""
    return f"\n{call.named.get('content') or call.last}\n"


def quotation(call: Call) -> str:
    """Render {{quote|text}} as a paragraph."""
    return f"\n\n{call.named.get('text') or call.named.get('quote') or call.get(1)}\n\n"


def red_link(call: Call) -> str:
    """Render {{ill|Title|de|Titel}}, {{仮リンク|表題|en|Title}} as a link to a page that this wiki may not have yet."""
    label = call.named.get("lt") or call.named.get("label") or call.named.get("display") or ""
    return wikilink(call.get(1) or call.named.get("en", ""), label)


def visible_anchor(call: Call) -> str:
    """Render {{vanchor|word|text=shown}} as "shown"."""
    return call.named.get("text") or call.get(1)


def sic(call: Call) -> str:
    """Render {{sic|teh}} as "teh [sic]"."""
    note = "" if call.named.get("hide", "n")[:1] in "yY" else "&#91;sic&#93;"
    word = call.get(1) + call.get(2)
    return "&#91;sic?&#93;" if word == "?" else f"{word} {note}".strip()


def post_nominals(call: Call) -> str:
    """Render {{post-nominals|country=GBR|KBE|FRS}}, {{post-nominals|list=KBE, FRS}}, the honours after a name."""
    return " ".join(part for part in call.positional if part) or call.named.get("list", "")


def superscript(call: Call) -> str:
    """Render {{sup|6}} as "⁶", and anything but an exponent as it is."""
    text = call.get(1)
    return to_superscript(text) if EXPONENT.fullmatch(text) else text


def sub_and_superscript(call: Call) -> str:
    """Render {{su|p=+|b=3}} as "3+", the subscript before the superscript."""
    return call.named.get("b", "") + call.named.get("p", "")


RENDERERS: dict[str, Renderer] = {
    **symbols.SYMBOLS,
    **entries(places.country_from_name, ", ".join(places.COUNTRY_TEMPLATES).lower()),
    # Formatting around the text that is shown.
    **entries(wrapped_text, "nowrap, nobr, nwr, small, smaller, big, larger, em, strong, abbr, abbrlink, tooltip, sub, "
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
    **entries(argument(2), "lang, color, colored text, fontcolor, font color, color box, legend inline, rtl-lang, "
            "script, lang-x, "
            "highlight, background color, bgcolor, rquote, h:title, hover title, popup, sort"),
    **entries(last_argument, "transl, transliteration, translit, tlit, ipalink, ipa link, resize, wikt-lang, wt, m, "
            "mention, "
            "station link, stl, glossary link, gli, ruby-ja, party shortname linked"),
    **entries(join_arguments(""), "rgb, gaps, linktext, mp, mpl, mpl-, subsup, sub sup"),
    **entries(post_nominals, "lcons, postnominals, post-nominals, post-nominal, post nominals"),
    **entries(join_arguments(":"), "cite quran, qref"),
    **entries(join_arguments("-"), "nuclide, nuclide2"),
    **entries(join_arguments("+"), "key press, keypress, key"),
    **entries(join_arguments(" · "), "hlist, dotlist"),
    **entries(list_items, "ubl, ubli, unbulleted list, bulleted list, ordered list, olist, blist, pagelist"),
    **entries(block_content, "columns-list, div col list, multicol list, plainlist, flatlist, plain list, term, defn, "
            "cast listing, cast list, castlist"),
    **entries(between("⟨", "⟩"), "angbr, angle bracket, angbr ipa, grapheme"),
    **entries(between("⟨", "&#124;"), "bra"),
    **entries(between("&#124;", "⟩"), "ket"),
    **entries(between("&#124;", "&#124;"), "abs"),
    **entries(between("‖", "‖"), "norm"),
    **entries(between("⌊", "⌋"), "floor"),
    **entries(between("⌈", "⌉"), "ceil"),
    **entries(between("&#123;", "&#125;"), "mset, brace, set"),
    **entries(between("&#91;", "&#93;"), "bracket, closed-closed, sqbr"),
    **entries(between("(", ")"), "open-open"),
    **entries(between("&#91;", ")"), "closed-open"),
    **entries(between("(", "&#93;"), "open-closed"),
    **entries(between("/", "/"), "ipa-all, phoneme"),
    **entries(lambda call: f"/{call.last}/", "ipaslink, ipa slink"),
    **entries(lambda call: f"&#91;{call.last}&#93;", "ipablink, ipa blink"),
    **entries(between("(sequence ", " in the OEIS)"), "oeis"),
    **entries(between(f"'{ZERO_WIDTH}", "'"), "gloss, single+, single quote"),
    **entries(between(f"lit. '{ZERO_WIDTH}", "'"), "lit, literal translation, literal, lit., literally"),
    **entries(between(f"transl. '{ZERO_WIDTH}", "'"), "translation, trans"),
    **entries(between("√", ""), "sqrt, radic"),
    **entries(between("", "′"), "primed"),
    **entries(between("U+", ""), "u+"),
    **entries(between("ISBN ", ""), "isbn, isbnt"),
    **entries(between("OCLC ", ""), "oclc"),
    **entries(between("ISSN ", ""), "issn"),
    **entries(between("doi:", ""), "doi"),
    **entries(between("arXiv:", ""), "arxiv"),
    **entries(between("Bibcode:", ""), "bibcode"),
    **entries(between("PMID ", ""), "pmid"),
    **entries(between("LCCN ", ""), "lccn"),
    **entries(between("JSTOR ", ""), "jstor"),
    **entries(between("U.S. Patent ", ""), "us patent"),
    **entries(with_prefix("née"), "née, nee, née2"),
    **entries(with_prefix("né"), "né"),
    # Links, quotations, references within the sentence.
    **entries(red_link, "ill, interlanguage link, interlanguage link multi, illm, ill-wd2, link-interwiki, 仮リンク"),
    **entries(lambda call: wikilink(call.get(1), call.get(2)), "w, link, srlink, annotated link, l, link if exists"),
    **entries(citations.section_link, "section link, slink, sectionlink"),
    **entries(visible_anchor, "vanchor, visible anchor, vis anchor"),
    **entries(sic, "sic"),
    **entries(citations.statute, "usc, uscsub, usstat, uspl, ussc"),
    **entries(citations.website_label, "url, official website, official url"),
    **entries(citations.author_year, "harvtxt, harvs, harvcoltxt, harvard citation text"),
    **entries(citations.bible_verse, "bibleverse, bibleref, bibleref2, bible verse, bibleverse-nb, "
            "bibleverse with nivlink"),
    **entries(quotation, "quote, blockquote, bq, cquote, quotation, quote box, centered pull quote, pull quote, "
            "poem quote, "
            "poemquote, quote without source, talk quote, verse translation, quote poem, "
            "long quote, block quote, block indent, blockindent, bi, hanging indent"),
    # Countries, stations, roads, ships.
    **entries(places.country_link, "flag, flagcountry, flaglink, flag country"),
    **entries(places.place_link("railway station"), "rws, stnlnk"),
    **entries(places.place_link("tube station"), "lus"),
    **places.TEAM_RENDERERS,
    **entries(places.junction, "jct"),
    **entries(places.ship, "ship, uss, hms, rms, ss, hmcs, hmas, sms, hmnzs, ins, mv, ms, mt, rv, rrs, usns, uscgc, "
            "usat, "
            "usrc, ussb, hnoms, hdms, hnlms, hswms, orp, prr, gts, sv, ps, ts, hmt, rfa, js, mts"),
    **entries(places.ship_class, "sclass, sclass2, sclass-"),
    # Languages and pronunciation.
    **entries(foreign_words.langx, "langx"),
    **entries(foreign_words.russian, "lang-rus, langr"),
    **entries(foreign_words.in_language, "in lang, in language"),
    **entries(foreign_words.nihongo, "nihongo, nihongo2, nihongo title"),
    **entries(foreign_words.nihongo3, "nihongo3"),
    **entries(foreign_words.nihongo_krt, "nihongo krt"),
    **entries(argument(1), "nihongo foot"),
    **entries(foreign_words.chinese, "zh, lang-zh, zhi, zhp"),
    **entries(foreign_words.korean, "korean, ko-hhrm, lang-ko-hhrm"),
    **entries(foreign_words.ipa, "ipa"),
    **entries(foreign_words.pronunciation, "ipac-en"),
    **entries(foreign_words.respelling, "respell, pronunciation respelling, pronunciation-respelling"),
    **entries(foreign_words.recording_label, "audio, pronunciation audio"),
    **entries(foreign_words.etymology, "etymology, ety"),
    # Science.
    **entries(symbols.chemical_formula, "chem, chem2, ce"),
    **entries(symbols.tex_formula, "tmath"),
    **entries(symbols.unicode_character, "unichar"),
    **entries(symbols.music_symbol, "music"),
    **entries(sub_and_superscript, "su"),
    **entries(superscript, "sup"),
    # Measures.
    **entries(measures.convert, "convert, cvt, convert/spell"),
    **entries(measures.duration, "duration"),
    **entries(measures.height, "height, weight"),
    **entries(measures.as_of, "as of, asof"),
    **entries(measures.circa, "circa, c., ca."),
    **entries(measures.fraction, "frac, fraction, sfrac, fract"),
    **entries(measures.val, "val"),
    **entries(measures.power_of_ten, "e, 10^, ×10^, esp"),
    **entries(measures.population_density, "pop density, population density"),
    **entries(measures.track_gauge, "railgauge, track gauge, rail gauge"),
    **entries(measures.coordinates, "coord"),
    **entries(measures.angle("h", "m", "s"), "ra"),
    **entries(measures.angle("°", "′", "″"), "dec"),
    **entries(measures.date, "birth date, birth-date, death date, death-date, start date, end date, date, dts, "
            "birth date and age, birth-date and age, bda, death date and age, death-date and age, dda, film date, "
            "release date, start date and age, birth year and age, death year and age, birth date and age2"),
    **entries(measures.old_style_date, "oldstyledate, oldstyledatedy, oldstyledateny"),
    **entries(measures.ordinal, "ordinal, ord"),
    **entries(measures.year_range("r."), "reign, r."),
    **entries(measures.year_range("fl."), "floruit, fl., fl"),
    **entries(measures.year_range("b."), "born, b."),
    **entries(measures.year_range("d."), "died, d."),
    **entries(measures.range_with_unit("L☉"), "solar luminosity"),
    **entries(measures.range_with_unit("M☉"), "solar mass"),
    **entries(measures.range_with_unit("R☉"), "solar radius"),
    **entries(measures.range_with_unit("MJ"), "jupiter mass"),
    **entries(measures.range_with_unit("RJ"), "jupiter radius"),
    **entries(measures.range_with_unit("M⊕"), "earth mass"),
    **entries(measures.range_with_unit("R⊕"), "earth radius"),
    **entries(measures.range_with_unit("Ma"), "ma"),
    **entries(measures.range_with_unit("million years ago"), "mya"),
    **{name: measures.money(sign) for name, sign in measures.CURRENCIES.items()},
}  # fmt: skip
"""Name in lower case -> renderer."""


ENGLISH_ONLY: dict[Renderer | None, Renderer | None] = {
    places.country_from_name: None,
    places.country_link: argument(1),
    foreign_words.langx: argument(2),
    foreign_words.russian: argument(1),
    foreign_words.in_language: None,
    **dict.fromkeys(places.TEAM_RENDERERS.values()),
}
"""Renderer that writes an English name of a country or language -> its replacement on other wikis, None to drop it."""


def find_renderer(name: str, language: str) -> Renderer | None:
    """Return the renderer of a template, None if it is not known.

    Args:
        name: the template's name in lower case.
        language: the code of the wiki's language. {{lang-de|Wort}} shows the name of the language; only the English
            names are known here, so on other wikis the word is shown alone.
    """
    renderer = per_wiki_renderer(name, language) or RENDERERS.get(name)
    if language != "en" and renderer in ENGLISH_ONLY:
        return ENGLISH_ONLY[renderer]
    if renderer is None and "-" in name:
        if name.startswith("lang-"):
            return foreign_words.lang_from_name if language == "en" else argument(1)
        if name.startswith("ipa-"):
            return between("&#91;", "&#93;")
    if renderer is None and name.startswith("script/"):
        return argument(1)
    if renderer is None and name.endswith(" icon"):
        return foreign_words.language_icon
    return renderer
