"""Renderers of templates that only the wiki of one language has, or that mean something else there. Pure.

These are the common ones of the larger wikis: foreign words, quotations, numbers with a unit, centuries, links to
articles that do not exist yet.
"""

from __future__ import annotations

import re

from pipeline.corpus.render.templates.foreign_words import ipa_in_brackets, with_parenthesis
from pipeline.corpus.render.templates.renderer import (
    Call,
    Renderer,
    argument,
    between,
    entries,
    join_arguments,
    literal,
    wikilink,
    with_prefix,
)

ROMAN_CENTURY = re.compile(r"([ivxlc]+)(er?|re)( siècle)?", re.IGNORECASE)
"""A French template whose name is its text, such as {{XIXe siècle}}."""
GERMAN_LANGUAGE_WORDS = {
    "ar": "arabisch", "bg": "bulgarisch", "zh": "chinesisch", "cs": "tschechisch", "da": "dänisch", "de": "deutsch",
    "el": "griechisch", "en": "englisch", "eo": "Esperanto", "es": "spanisch", "fa": "persisch", "fi": "finnisch",
    "fr": "französisch", "grc": "altgriechisch", "he": "hebräisch", "hr": "kroatisch", "hu": "ungarisch",
    "is": "isländisch", "it": "italienisch", "ja": "japanisch", "ko": "koreanisch", "la": "lateinisch",
    "nl": "niederländisch", "no": "norwegisch", "pl": "polnisch", "pt": "portugiesisch", "ro": "rumänisch",
    "ru": "russisch", "sk": "slowakisch", "sl": "slowenisch", "sr": "serbisch", "sv": "schwedisch", "tr": "türkisch",
    "uk": "ukrainisch",
}  # fmt: skip
"""Language code -> the prefix that a template such as {{enS|dog}} shows: "englisch dog"."""
UNIT_EXPONENTS = {"1": "", "2": "²", "3": "³", "-1": "⁻¹", "-2": "⁻²", "-3": "⁻³"}
"""Exponent of a unit as a separate argument, {{unité|5|m|2}} -> the sign that is shown."""


def spaced_arguments(*numbers: int) -> Renderer:
    """Return a renderer that joins the positional arguments of these numbers with spaces."""
    return lambda call: " ".join(part for part in map(call.get, numbers) if part)


def with_unit(call: Call) -> str:
    """Render {{unité|5|km|/|h}} as "5 km/h", {{M|5||km}} as "5 km"."""
    number, unit, *more = (*call.positional, "", "")
    unit = unit or call.named.get("u") or call.named.get("ul") or (more.pop(0) if more else "")
    more = [UNIT_EXPONENTS.get(part, part) for part in more]
    return f"{number} {unit}{''.join(more)}".strip() if number else ""


def link_from_arguments(title: str, label: str) -> Renderer:
    """Return a renderer of a link.

    Args:
        title: the name of the argument with the title; without it, the first positional argument is the title.
        label: the name or number of the argument with the label.
    """

    def render(call: Call) -> str:
        shown = call.get(int(label)) if label.isdecimal() else call.named.get(label, "")
        return wikilink(call.named.get(title) or call.get(1), shown)

    return render


def link_title_last(call: Call) -> str:
    """Render {{tsl|en|Title|表題|label}}, whose title on this wiki comes last."""
    return wikilink(call.get(3) or call.get(2), call.get(4))


def link_title_first(call: Call) -> str:
    """Render {{link-en|表題|Title|label}}, whose title on this wiki comes first."""
    return wikilink(call.get(1), call.get(3))


def japanese_date(first: int) -> Renderer:
    """Return a renderer of the date that begins at positional argument `first`, counted from 0.

    {{生年月日と年齢|1974|5|25}} is "1974年5月25日".
    """

    def render(call: Call) -> str:
        parts = call.positional[first : first + 3]
        return "".join(part + sign for part, sign in zip(parts, "年月日", strict=False) if part)

    return render


def life_dates(call: Call) -> str:
    """Render {{bd|1879年|3月14日|1955年|4月18日}} as "（1879年3月14日－1955年4月18日）"."""
    born, died = call.get(1) + call.get(2), call.get(3) + call.get(4)
    return f"（{born}－{died}）" if born else ""


def century(shape: str) -> Renderer:
    """Return a renderer that puts one or two centuries into `shape`, a format string.

    {{s|XIX|e}} is "XIXe siècle", {{sp|XIX|e|et|XX|e}} is "XIXe et XXe siècles".
    """

    def render(call: Call) -> str:
        parts = call.positional
        text = ""
        for part in parts:
            text += part if part in ("e", "er", "re") or not text else f" {part}"
        if len(parts) == 1 and text.isupper():
            text += "er" if text.upper() == "I" else "e"
        return shape.format(text) if text else ""

    return render


def word_with_readings(call: Call) -> str:
    """Render {{japonais|Tour|塔|tō}} as "Tour (塔, tō)"."""
    return with_parenthesis(call.get(1), call.get(2), call.get(3))


def century_in_name(call: Call) -> str:
    """Render {{XIXe siècle}}, whose name in lower case is the call's, as "XIXe siècle"."""
    match = ROMAN_CENTURY.fullmatch(call.name)
    return f"{match[1].upper()}{match[2]}{match[3] or ''}" if match else ""


def joined_date(joint: str) -> Renderer:
    """Return a renderer that joins day, month and year as they are given: {{date|1|janvier|2000}}."""
    return lambda call: joint.join(part for part in call.positional[:3] if part)


PER_WIKI_RENDERERS: dict[str, dict[str, Renderer]] = {
    "de": {
        **{f"{code}s": with_prefix(word) for code, word in GERMAN_LANGUAGE_WORDS.items()},
        **entries(ipa_in_brackets, "ipa, lautschrift"),
        **entries(between("„", "“"), "\", zitat-inline, zitat-de"),
        **entries(argument(1), "polytonisch, unicode, nobr, sperrsatz, kapitälchen, rekonstruktion, zitat, kursiv, "
                "fett, hoch, tief, bruch-inline, rsru, belege-span, arab, hebr, ips"),
        **entries(spaced_arguments(1, 2), "eur-betrag, zahl"),
        **entries(link_from_arguments("1", "2"), "link-bild"),
        **entries(literal("°"), "grad"),
        **entries(between("", " m"), "höhe"),
        **entries(argument(2), "farbe, transkription"),
    },
    "fr": {
        **entries(between("«&#32;", "&#32;»"), "citation, guil, citation étrangère, «, début citation, cita"),
        **entries(ipa_in_brackets, "api, api-fr, msapi, prononciation, prononciation api"),
        **entries(argument(1), "refnec, référence nécessaire, réfnec, pc, petites capitales, petite capitale, "
                "abréviation, "
                "abr, abrd, abréviation discrète, nobr, nom, terme défini, citation bloc, exp, ind, infra, supra, "
                "citation nécessaire, passage à actualiser, rouge, souligner, italique, nobr romains, romain, "
                "romain min, corr, sic, term, capitales, nom de navire, taxobox nom"),
        **entries(argument(2), "langue, graphie, couleur, lang2, texte coloré"),
        **entries(with_unit, "unité, nb, nombre, tmp, unité/2"),
        **entries(joined_date(" "), "date, date-, date de naissance, date de décès, jma, date rép., date naissance"),
        **entries(century("{} siècle"), "s, siècle, s2"),
        **entries(century("{}"), "s-, siècle-, s mini-"),
        **entries(century("{} siècles"), "sp, sp2"),
        **entries(century("{}"), "sp-"),
        **entries(century("{} siècle av. J.-C."), "-s, av s"),
        **entries(century("{} siècles av. J.-C."), "-sp"),
        **entries(century("{}"), "-s-, -sp-"),
        **entries(link_from_arguments("fr", "texte"), "lien, lien à vérifier"),
        **entries(word_with_readings, "japonais, nihongo, chinois"),
        **entries(join_arguments(""), "formule chimique, fchim, formule brute"),
        **entries(join_arguments(" h "), "heure, h"),
        **entries(join_arguments(" "), "noble, roman"),
        **entries(argument(1), "souverain, souverain-, souverain2, souverain3"),
        **entries(with_prefix("n°"), "n°, nº, numéro, num"),
        **entries(with_prefix("no"), "no, n"),
        **entries(with_prefix("p."), "p., page"),
        **entries(with_prefix("t."), "t., tome"),
        **entries(with_prefix("vol."), "vol., volume"),
        **entries(with_prefix("M."), "m., m"),
        **entries(with_prefix("Mme"), "mme"),
        **entries(with_prefix("Mlle"), "mlle"),
        **entries(with_prefix("Dr"), "dr"),
        **entries(with_prefix("Pr"), "pr"),
        **entries(with_prefix("Me"), "me"),
        **entries(with_prefix("Mgr"), "mgr"),
        **entries(with_prefix("St"), "st"),
        **entries(literal("Cie"), "cie"),
        **entries(literal("e"), "e, ème"),
        **entries(literal("er"), "er"),
        **entries(literal("re"), "re, ère"),
        **entries(literal("nd"), "nd"),
        **entries(with_prefix("1er"), "1er"),
        **entries(with_prefix("1re"), "1re"),
        **{f"{number}e": literal(f"{number}e") for number in range(2, 101)},
        **entries(literal("av. J.-C."), "av jc, av. j.-c., avjc, -jc, av-jc, av j-c"),
        **entries(literal("apr. J.-C."), "ap jc, ap. j.-c., apr. j.-c., apjc"),
        **entries(literal(" – "), "tiret"),
        **entries(between("– ", " –"), "incise"),
        **entries(literal("€"), "euro, €"),
    },
    "es": {
        **entries(between("«", "»"), "cita, cita-i"),
        **entries(ipa_in_brackets, "afi, ipa"),
        **entries(argument(1), "versalita, versalitas, nowrap, citación, bandera2, geodatos, tooltip, sust"),
        **entries(with_unit, "unidad, convertir"),
        **entries(joined_date(" de "), "fecha"),
        **entries(with_prefix("siglo"), "siglo, siglos"),
        **entries(link_from_arguments("1", "texto"), "enlace-trad, enlace traducción, ill, trad"),
    },
    "it": {
        **entries(argument(1), "chiarire, citazione necessaria, maiuscoletto, ta, nobr, citazione, abbr, "
                "in maiuscoletto"),
        **entries(with_unit, "m, unità"),
        **entries(ipa_in_brackets, "ipa"),
        **entries(with_prefix("secolo"), "sec"),
    },
    "pt": {
        **entries(argument(1), "citação, carece de fontes/bloco, versalete, nowrap, abreviação, citar"),
        **entries(ipa_in_brackets, "afi, ipa"),
        **entries(with_unit, "fmtn, unidade, convert/pt"),
        **entries(with_prefix("século"), "séc, século, -séc"),
        **entries(literal("d.C."), "dc, d.c."),
        **entries(literal("a.C."), "ac, a.c."),
        **entries(joined_date(" de "), "dtlink, dtext, data"),
        **entries(link_from_arguments("1", "texto"), "ilc, link, ligação interlíngua"),
    },
    "ru": {
        **entries(link_from_arguments("1", "2"), "нп, нп1, нп2, нп3, нп4, нп5, не переведено, не переведено 2, "
                "не переведено 3, не переведено 5, iw, ill"),
        **entries(ipa_in_brackets, "мфа, ipa"),
        **entries(argument(1), "s, nobr, comment, подсказка, коммент, число, цитата, цитата-инлайн, "
                "нет источника в тексте, "
                "флагификация, флаг страны, нераспространённое, перевод, скобки, нет аи 2, proper, ё, "
                "малый текст, разрядка, курсив, без переноса, ед"),
        **entries(argument(2), "цвет, полужирный цвет"),
        **entries(literal("\u0301"), "уд, удар, ударение, ', '"),
        **entries(literal(" — "), "тире, --, мдш"),
        **entries(literal("и т. д."), "итд, и т.д."),
        **entries(literal("и т. п."), "итп, и т.п."),
        **entries(literal("и др."), "идр, и др."),
        **entries(literal("до н. э."), "до н. э., до н.э., донэ"),
        **entries(literal("н. э."), "н. э., н.э., нэ"),
    },
    "uk": {
        **entries(link_from_arguments("1", "2"), "нп, нп1, нп2, нп3, нп4, нп5, не перекладено, li, iw"),
        **entries(argument(1), "nobr, comment, s"),
    },
    "pl": {
        **entries(argument(1), "cytat, j, nowrap, mały, skrót, w, fakt-tekst"),
        **entries(ipa_in_brackets, "ipa, ipa3, ipa4"),
        **entries(with_prefix(""), "liczba, lb"),
        **entries(link_from_arguments("1", "2"), "link-interwiki"),
    },
    "zh": {
        **entries(link_title_first, "link-en, link-ja, link-de, link-fr, link-ru, le, lj, lf, internal link helper/en, "
                "internal link helper/ja, internal link helper"),
        **entries(argument(1), "僻字, zy, nobr, 縮排"),
        **entries(life_dates, "bd"),
        **entries(link_title_last, "tsl, 链接翻译"),
    },
    "ja": {
        **entries(link_from_arguments("1", "label"), "仮リンク, ill2, 日本語版にない記事リンク, link-en"),
        **entries(argument(2), "llang"),
        **entries(argument(1), "ruby, ルビ, 補助漢字, bdi, jis2004, snamei, sname"),
        **entries(japanese_date(0), "生年月日と年齢, 生年月日, 年月日"),
        **entries(japanese_date(3), "没年齢, 死亡年月日と没年齢"),
    },
    "ar": {
        **entries(between("بالإنجليزية: ", ""), "إنج"),
        **entries(between("بالفرنسية: ", ""), "فرن"),
        **entries(between("باللاتينية: ", ""), "لات"),
        **entries(between("بالألمانية: ", ""), "ألم"),
        **entries(link_from_arguments("عر", "نص"), "وإو, وصلة إنترويكي, و.إ.و"),
        **entries(argument(1), "اقتباس, عربية, نص عربي"),
    },
    "ko": {**entries(argument(2), "llang"), **entries(argument(1), "한자, 본명"),
           **entries(link_from_arguments("1", "d"), "임시링크, 임시 링크")},
    "tr": {**entries(argument(2), "dil")},
    "he": {**entries(argument(1), "אנגלית, צרפתית, גרמנית, רוסית, ערבית, ציטוטון, ציטוט")},
}  # fmt: skip
"""Language code -> name in lower case -> renderer."""


def per_wiki_renderer(name: str, language: str) -> Renderer | None:
    """Return the renderer that a name in lower case has only on the wiki of this language, None if there is none."""
    found = PER_WIKI_RENDERERS.get(language, {}).get(name)
    if found is None and language == "fr" and ROMAN_CENTURY.fullmatch(name):
        return century_in_name
    return found
