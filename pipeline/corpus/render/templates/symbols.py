"""Renderers of templates for symbols and formulas. Pure."""

from __future__ import annotations

import re
import unicodedata

from pipeline.corpus.render.templates.renderer import Call, Renderer, entries, literal
from pipeline.corpus.render.wikitext.formula import tex_to_text
from pipeline.corpus.render.wikitext.markup import ZERO_WIDTH

MARKUP_AS_ENTITIES = {ord(c): f"&#{ord(c)};" for c in "[]{}|'<>*#:;=_~"}
"""Code point of a character -> its entity, which later steps do not take for markup."""
CHARGE = re.compile(r"\((\d*)([+-])\)")
SCRIPT = re.compile(r"[_^]\{([^{}]*)\}")
ARROWS = (("<->", "↔"), ("<=>", "⇌"), ("->", "→"), ("<-", "←"))
ACCIDENTALS = {
    "flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮", "doubleflat": "𝄫", "bb": "𝄫", "doublesharp": "𝄪",
    "##": "𝄪", "x": "𝄪", "trebleclef": "𝄞", "bassclef": "𝄢",
}  # fmt: skip
SYMBOLS: dict[str, Renderer] = {
    **entries(literal("&#32;"), "nbsp, nbs, space, spaces, thinsp, thin space, hair space, hairsp, hsp, nnbsp, ensp, "
            "emsp, figure space, pb, zwsp, sp, quad, br, break, esd"),
    **entries(literal(ZERO_WIDTH), "shy, wbr, zwj, zwnj, lrm, rlm, wj, 0, nowrap begin, nowrap end"),
    **entries(literal(" – "), "spaced ndash, snd, spnd, spaced en dash, ndashs, spaced endash, snds, sndash, s-ndash"),
    **entries(literal(" — "), "spaced mdash, em dash spaced, smdash, spaced em dash"),
    **entries(literal("–"), "ndash, endash, en dash, –, dash, nbd, nbnd"),
    **entries(literal("—"), "mdash, emdash, em dash, —, mdashb"),
    **entries(literal(" · "), "·, dot, middot, •, bullet, bull, interpunct, dotsep, sdot"),
    # An entity, because in ''Titanic''{{'s}} an apostrophe would be part of the italics.
    **entries(literal("&#39;"), "', apostrophe, &#39;, '-, -'"),
    **entries(literal("&#39;\""), "' \", '\""),
    **entries(literal("\"&#39;"), "\" ', \"'"),
    **entries(literal("\""), "-\", \""),
    **entries(literal("&#39;s"), "'s"),
    **entries(literal("&#61;"), "=, equal, equals"),
    **entries(literal("|"), "!"),  # it separates a link's target from its label
    **entries(literal("&#124;"), "pipe"),
    **entries(literal("{|"), "(!"),
    **entries(literal("|}"), "!)"),
    **entries(literal("&#124;&#124;"), "!!"),
    **entries(literal("&#123;"), "(, lbrace, left brace"),
    **entries(literal("&#125;"), "), rbrace, right brace"),
    **entries(literal("&#123;&#123;"), "(("),
    **entries(literal("&#125;&#125;"), "))"),
    **entries(literal("&#91;"), "!(, lbrack, left bracket"),
    **entries(literal("&#93;"), ")!, rbrack, right bracket"),
    **entries(literal("&#58;"), "colon"),
    **entries(literal("&#42;"), "asterisk, *"),
    **entries(literal("&#35;"), "hash, number sign"),
    **entries(literal("…"), "ellipsis, ..., …"),
    **entries(literal("×"), "x, times"),
    **entries(literal("−"), "minus"),
    **entries(literal("±"), "±, plus-minus, pm, +-"),
    **entries(literal("π"), "pi"),
    **entries(literal("∞"), "infin"),
    **entries(literal("¬"), "not sign"),
    **entries(literal("°"), "degree, degrees, deg"),
    **entries(literal("′"), "prime"),
    **entries(literal("″"), "pprime"),
    **entries(literal("§"), "section sign, sect"),
    **entries(literal("AD"), "ad"),
    **entries(literal("-"), "hyphen, nbhyph, nbh, non-breaking hyphen, nb hyphen"),
    **entries(literal(" / "), "\\, /, slash"),
    **entries(literal("†"), "extinct, dagger, †"),
    **entries(literal("‡"), "double dagger, double-dagger, ddagger, ‡"),
    **entries(literal("⇌"), "eqm"),
    **entries(literal("→"), "overunderset, rarr, rightarrow"),
    **entries(literal("ʻ"), "okina, 'okina"),
    **entries(literal("ʾ"), "hamza"),
    **entries(literal("ʿ"), "ayin, ayn"),
    **entries(literal("₂"), "subscript2"),
    **entries(literal("CO2"), "co2, carbon dioxide"),
    **entries(literal("H2O"), "h2o"),
    **entries(literal("NO2"), "no2"),
    **entries(literal("O2"), "o2"),
    **entries(literal("C"), "carbon"),
    **entries(literal("H"), "hydrogen"),
    **entries(literal("♯"), "music sharp, sharp"),
    **entries(literal("♭"), "music flat, flat"),
    **entries(literal("♮"), "natural"),
    **entries(literal("♠"), "spades"),
    **entries(literal("♥"), "hearts"),
    **entries(literal("♦"), "diamonds"),
    **entries(literal("♣"), "clubs"),
    **{name: literal(name) for name in ("1/2", "1/3", "2/3", "1/4", "3/4", "1/8")},
    **{f"l{number}": literal(f"L{number}") for number in range(1, 6)},
}  # fmt: skip
"""Name in lower case -> renderer."""


def music_symbol(call: Call) -> str:
    """Render {{music|flat}} as "♭", {{music|time|3|4}} as "3/4"."""
    if call.get(1) == "time":
        return f"{call.get(2)}/{call.get(3)}"
    return ACCIDENTALS.get(call.get(1).lower(), "")


def chemical_formula(call: Call) -> str:
    """Render {{chem2|SO4(2-)}} as "SO42−", {{chem2|C_{n}H_{2n} -> X}} as "CnH2n → X"."""
    text = CHARGE.sub(r"\1\2", SCRIPT.sub(r"\1", "".join(call.positional) or call.get(1)))
    for arrow, sign in ARROWS:
        text = text.replace(arrow, sign).replace(arrow.replace(">", "&gt;").replace("<", "&lt;"), sign)
    text = text.replace("\\s", "–").replace("\\d", "&#61;").replace("\\t", "≡").replace("*", "·")
    return re.sub(r"(?<=[\w)\]}])-(?![\w(\[])", "−", text)


def tex_formula(call: Call) -> str:
    """Render {{tmath|x^2}} as "x²", or as nothing if the formula cannot be written in one line."""
    text = call.get(1) or "=".join(next(iter(call.named.items()), ("",)))
    return (tex_to_text(text) or "").translate(MARKUP_AS_ENTITIES)


def unicode_character(call: Call) -> str:
    """Render {{unichar|0041}} as "U+0041 A LATIN CAPITAL LETTER A"."""
    digits = call.get(1).removeprefix("U+")
    if not re.fullmatch(r"[0-9A-Fa-f]{1,6}", digits) or int(digits, 16) > 0x10FFFF:
        return ""
    character = chr(int(digits, 16))
    name = call.get(2) or unicodedata.name(character, "")
    shown = character.translate(MARKUP_AS_ENTITIES) if character.isprintable() and not character.isspace() else ""
    return " ".join(part for part in (f"U+{digits.upper():0>4}", shown, name) if part)
