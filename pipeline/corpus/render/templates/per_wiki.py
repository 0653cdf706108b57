"""Inline templates that mean something on one wiki alone, by its language. Pure.

The common ones of the larger wikis: words of a language, quotations, numbers with a unit, centuries, links to articles
that do not exist yet. Names in lower case, as everywhere.
"""

from __future__ import annotations

import re

from pipeline.corpus.render.templates.calls import Call, Renderer, argument, between, joined, linked, literal, table
from pipeline.corpus.render.templates.speech import ipa_in_brackets, parenthesised

ROMAN = re.compile(r"([ivxlc]+)(er?|re)( siècle)?", re.IGNORECASE)
"""{{XIXe siècle}}: the template's name is what it shows."""
GERMAN = {
    "ar": "arabisch", "bg": "bulgarisch", "zh": "chinesisch", "cs": "tschechisch", "da": "dänisch", "de": "deutsch",
    "el": "griechisch", "en": "englisch", "eo": "Esperanto", "es": "spanisch", "fa": "persisch", "fi": "finnisch",
    "fr": "französisch", "grc": "altgriechisch", "he": "hebräisch", "hr": "kroatisch", "hu": "ungarisch",
    "is": "isländisch", "it": "italienisch", "ja": "japanisch", "ko": "koreanisch", "la": "lateinisch",
    "nl": "niederländisch", "no": "norwegisch", "pl": "polnisch", "pt": "portugiesisch", "ro": "rumänisch",
    "ru": "russisch", "sk": "slowakisch", "sl": "slowenisch", "sr": "serbisch", "sv": "schwedisch", "tr": "türkisch",
    "uk": "ukrainisch",
}  # fmt: skip
"""Code -> the word that {{enS|dog}} puts before: "englisch dog"."""


EXPONENTS = {"1": "", "2": "²", "3": "³", "-1": "⁻¹", "-2": "⁻²", "-3": "⁻³"}
"""Of a unit, an argument of their own: {{unité|5|m|2}}."""


def spaced(*numbers: int) -> Renderer:
    """Some of the arguments, separated by spaces."""
    return lambda call: " ".join(part for part in map(call.get, numbers) if part)


def before(text: str) -> Renderer:
    """The first argument, behind a text that stands there alone without it."""
    return lambda call: f"{text} {call.get(1)}".strip()


def with_unit(call: Call) -> str:
    """{{unité|5|km|/|h}}, {{M|5||km}}: "5 km/h", "5 km"."""
    number, unit, *more = (*call.positional, "", "")
    unit = unit or call.named.get("u") or call.named.get("ul") or (more.pop(0) if more else "")
    more = [EXPONENTS.get(part, part) for part in more]
    return f"{number} {unit}{''.join(more)}".strip() if number else ""


def named_link(title: str, label: str) -> Renderer:
    """A link whose title and label are the arguments of these names; the title may stand in first place."""

    def render(call: Call) -> str:
        shown = call.get(int(label)) if label.isdecimal() else call.named.get(label, "")
        return linked(call.named.get(title) or call.get(1), shown)

    return render


def linked_last(call: Call) -> str:
    """{{tsl|en|Title|表題}}: the title of this wiki comes last."""
    return linked(call.get(3) or call.get(2), call.get(4))


def linked_first(call: Call) -> str:
    """{{link-en|表題|Title|label}}: the title of this wiki comes first."""
    return linked(call.get(1), call.get(3))


def japanese_date(first: int) -> Renderer:
    """{{生年月日と年齢|1974|5|25}}: "1974年5月25日"."""

    def render(call: Call) -> str:
        parts = call.positional[first : first + 3]
        return "".join(part + sign for part, sign in zip(parts, "年月日", strict=False) if part)

    return render


def life(call: Call) -> str:
    """{{bd|1879年|3月14日|1955年|4月18日}}: "（1879年3月14日－1955年4月18日）"."""
    born, died = call.get(1) + call.get(2), call.get(3) + call.get(4)
    return f"（{born}－{died}）" if born else ""


def centuries(shape: str) -> Renderer:
    """{{s|XIX|e}}, {{sp|XIX|e|et|XX|e}}: "XIXe siècle"; the words behind it are in `shape`."""

    def render(call: Call) -> str:
        parts = call.positional
        text = ""
        for part in parts:
            text += part if part in ("e", "er", "re") or not text else f" {part}"
        if len(parts) == 1 and text.isupper():
            text += "er" if text.upper() == "I" else "e"
        return shape.format(text) if text else ""

    return render


def words(call: Call) -> str:
    """{{japonais|Tour|塔|tō}}."""
    return parenthesised(call.get(1), call.get(2), call.get(3))


def title_itself(call: Call) -> str:
    """{{XIXe siècle}}."""
    match = ROMAN.fullmatch(call.name)
    return f"{match[1].upper()}{match[2]}{match[3] or ''}" if match else ""


def calendar_day(joint: str) -> Renderer:
    """{{date|1|janvier|2000}}: day, month and year as they stand."""
    return lambda call: joint.join(part for part in call.positional[:3] if part)


FOREIGN: dict[str, dict[str, Renderer]] = {
    "de": {
        **{f"{code}s": before(word) for code, word in GERMAN.items()},
        **table(ipa_in_brackets, "ipa, lautschrift"),
        **table(between("„", "“"), "\", zitat-inline, zitat-de"),
        **table(argument(1), "polytonisch, unicode, nobr, sperrsatz, kapitälchen, rekonstruktion, zitat, kursiv, fett, "
                "hoch, tief, bruch-inline, rsru, belege-span, arab, hebr, ips"),
        **table(spaced(1, 2), "eur-betrag, zahl"),
        **table(named_link("1", "2"), "link-bild"),
        **table(literal("°"), "grad"),
        **table(between("", " m"), "höhe"),
        **table(argument(2), "farbe, transkription"),
    },
    "fr": {
        **table(between("«&#32;", "&#32;»"), "citation, guil, citation étrangère, «, début citation, cita"),
        **table(ipa_in_brackets, "api, api-fr, msapi, prononciation, prononciation api"),
        **table(argument(1), "refnec, référence nécessaire, réfnec, pc, petites capitales, petite capitale, "
                "abréviation, "
                "abr, abrd, abréviation discrète, nobr, nom, terme défini, citation bloc, exp, ind, infra, supra, "
                "citation nécessaire, passage à actualiser, rouge, souligner, italique, nobr romains, romain, "
                "romain min, corr, sic, term, capitales, nom de navire, taxobox nom"),
        **table(argument(2), "langue, graphie, couleur, lang2, texte coloré"),
        **table(with_unit, "unité, nb, nombre, tmp, unité/2"),
        **table(calendar_day(" "), "date, date-, date de naissance, date de décès, jma, date rép., date naissance"),
        **table(centuries("{} siècle"), "s, siècle, s2"),
        **table(centuries("{}"), "s-, siècle-, s mini-"),
        **table(centuries("{} siècles"), "sp, sp2"),
        **table(centuries("{}"), "sp-"),
        **table(centuries("{} siècle av. J.-C."), "-s, av s"),
        **table(centuries("{} siècles av. J.-C."), "-sp"),
        **table(centuries("{}"), "-s-, -sp-"),
        **table(named_link("fr", "texte"), "lien, lien à vérifier"),
        **table(words, "japonais, nihongo, chinois"),
        **table(joined(""), "formule chimique, fchim, formule brute"),
        **table(joined(" h "), "heure, h"),
        **table(joined(" "), "noble, roman"),
        **table(argument(1), "souverain, souverain-, souverain2, souverain3"),
        **table(before("n°"), "n°, nº, numéro, num"),
        **table(before("no"), "no, n"),
        **table(before("p."), "p., page"),
        **table(before("t."), "t., tome"),
        **table(before("vol."), "vol., volume"),
        **table(before("M."), "m., m"),
        **table(before("Mme"), "mme"),
        **table(before("Mlle"), "mlle"),
        **table(before("Dr"), "dr"),
        **table(before("Pr"), "pr"),
        **table(before("Me"), "me"),
        **table(before("Mgr"), "mgr"),
        **table(before("St"), "st"),
        **table(literal("Cie"), "cie"),
        **table(literal("e"), "e, ème"),
        **table(literal("er"), "er"),
        **table(literal("re"), "re, ère"),
        **table(literal("nd"), "nd"),
        **table(before("1er"), "1er"),
        **table(before("1re"), "1re"),
        **{f"{number}e": literal(f"{number}e") for number in range(2, 101)},
        **table(literal("av. J.-C."), "av jc, av. j.-c., avjc, -jc, av-jc, av j-c"),
        **table(literal("apr. J.-C."), "ap jc, ap. j.-c., apr. j.-c., apjc"),
        **table(literal(" – "), "tiret"),
        **table(between("– ", " –"), "incise"),
        **table(literal("€"), "euro, €"),
    },
    "es": {
        **table(between("«", "»"), "cita, cita-i"),
        **table(ipa_in_brackets, "afi, ipa"),
        **table(argument(1), "versalita, versalitas, nowrap, citación, bandera2, geodatos, tooltip, sust"),
        **table(with_unit, "unidad, convertir"),
        **table(calendar_day(" de "), "fecha"),
        **table(before("siglo"), "siglo, siglos"),
        **table(named_link("1", "texto"), "enlace-trad, enlace traducción, ill, trad"),
    },
    "it": {
        **table(argument(1), "chiarire, citazione necessaria, maiuscoletto, ta, nobr, citazione, abbr, "
                "in maiuscoletto"),
        **table(with_unit, "m, unità"),
        **table(ipa_in_brackets, "ipa"),
        **table(before("secolo"), "sec"),
    },
    "pt": {
        **table(argument(1), "citação, carece de fontes/bloco, versalete, nowrap, abreviação, citar"),
        **table(ipa_in_brackets, "afi, ipa"),
        **table(with_unit, "fmtn, unidade, convert/pt"),
        **table(before("século"), "séc, século, -séc"),
        **table(literal("d.C."), "dc, d.c."),
        **table(literal("a.C."), "ac, a.c."),
        **table(calendar_day(" de "), "dtlink, dtext, data"),
        **table(named_link("1", "texto"), "ilc, link, ligação interlíngua"),
    },
    "ru": {
        **table(named_link("1", "2"), "нп, нп1, нп2, нп3, нп4, нп5, не переведено, не переведено 2, не переведено 3, "
                "не переведено 5, iw, ill"),
        **table(ipa_in_brackets, "мфа, ipa"),
        **table(argument(1), "s, nobr, comment, подсказка, коммент, число, цитата, цитата-инлайн, "
                "нет источника в тексте, "
                "флагификация, флаг страны, нераспространённое, перевод, скобки, нет аи 2, proper, ё, "
                "малый текст, разрядка, курсив, без переноса, ед"),
        **table(argument(2), "цвет, полужирный цвет"),
        **table(literal("\u0301"), "уд, удар, ударение, ', '"),
        **table(literal(" — "), "тире, --, мдш"),
        **table(literal("и т. д."), "итд, и т.д."),
        **table(literal("и т. п."), "итп, и т.п."),
        **table(literal("и др."), "идр, и др."),
        **table(literal("до н. э."), "до н. э., до н.э., донэ"),
        **table(literal("н. э."), "н. э., н.э., нэ"),
    },
    "uk": {
        **table(named_link("1", "2"), "нп, нп1, нп2, нп3, нп4, нп5, не перекладено, li, iw"),
        **table(argument(1), "nobr, comment, s"),
    },
    "pl": {
        **table(argument(1), "cytat, j, nowrap, mały, skrót, w, fakt-tekst"),
        **table(ipa_in_brackets, "ipa, ipa3, ipa4"),
        **table(before(""), "liczba, lb"),
        **table(named_link("1", "2"), "link-interwiki"),
    },
    "zh": {
        **table(linked_first, "link-en, link-ja, link-de, link-fr, link-ru, le, lj, lf, internal link helper/en, "
                "internal link helper/ja, internal link helper"),
        **table(argument(1), "僻字, zy, nobr, 縮排"),
        **table(life, "bd"),
        **table(linked_last, "tsl, 链接翻译"),
    },
    "ja": {
        **table(named_link("1", "label"), "仮リンク, ill2, 日本語版にない記事リンク, link-en"),
        **table(argument(2), "llang"),
        **table(argument(1), "ruby, ルビ, 補助漢字, bdi, jis2004, snamei, sname"),
        **table(japanese_date(0), "生年月日と年齢, 生年月日, 年月日"),
        **table(japanese_date(3), "没年齢, 死亡年月日と没年齢"),
    },
    "ar": {
        **table(between("بالإنجليزية: ", ""), "إنج"),
        **table(between("بالفرنسية: ", ""), "فرن"),
        **table(between("باللاتينية: ", ""), "لات"),
        **table(between("بالألمانية: ", ""), "ألم"),
        **table(named_link("عر", "نص"), "وإو, وصلة إنترويكي, و.إ.و"),
        **table(argument(1), "اقتباس, عربية, نص عربي"),
    },
    "ko": {**table(argument(2), "llang"), **table(argument(1), "한자, 본명"),
           **table(named_link("1", "d"), "임시링크, 임시 링크")},
    "tr": {**table(argument(2), "dil")},
    "he": {**table(argument(1), "אנגלית, צרפתית, גרמנית, רוסית, ערבית, ציטוטון, ציטוט")},
}  # fmt: skip
"""Language -> name in lower case -> its renderer."""


def foreign(name: str, language: str) -> Renderer | None:
    """What renders this name on the wiki of this language alone."""
    found = FOREIGN.get(language, {}).get(name)
    if found is None and language == "fr" and ROMAN.fullmatch(name):
        return title_itself
    return found
