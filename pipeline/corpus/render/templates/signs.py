"""Templates that stand for a sign or write a formula, as text. Pure."""

from __future__ import annotations

import re
import unicodedata

from pipeline.corpus.render.templates.calls import Call, Renderer, literal, table
from pipeline.corpus.render.wikitext.formula import written
from pipeline.corpus.render.wikitext.markup import NOTHING

SPELLED = {ord(c): f"&#{ord(c)};" for c in "[]{}|'<>*#:;=_~"}
"""So that no later step takes it for markup."""
CHARGE = re.compile(r"\((\d*)([+-])\)")
SCRIPT = re.compile(r"[_^]\{([^{}]*)\}")
ARROWS = (("<->", "↔"), ("<=>", "⇌"), ("->", "→"), ("<-", "←"))
ACCIDENTALS = {
    "flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮", "doubleflat": "𝄫", "bb": "𝄫", "doublesharp": "𝄪",
    "##": "𝄪", "x": "𝄪", "trebleclef": "𝄞", "bassclef": "𝄢",
}  # fmt: skip
SIGNS: dict[str, Renderer] = {
    **table(literal("&#32;"), "nbsp, nbs, space, spaces, thinsp, thin space, hair space, hairsp, hsp, nnbsp, ensp, "
            "emsp, figure space, pb, zwsp, sp, quad, br, break, esd"),
    **table(literal(NOTHING), "shy, wbr, zwj, zwnj, lrm, rlm, wj, 0, nowrap begin, nowrap end"),
    **table(literal(" – "), "spaced ndash, snd, spnd, spaced en dash, ndashs, spaced endash, snds, sndash, s-ndash"),
    **table(literal(" — "), "spaced mdash, em dash spaced, smdash, spaced em dash"),
    **table(literal("–"), "ndash, endash, en dash, –, dash, nbd, nbnd"),
    **table(literal("—"), "mdash, emdash, em dash, —, mdashb"),
    **table(literal(" · "), "·, dot, middot, •, bullet, bull, interpunct, dotsep, sdot"),
    # Spelled so that it is no mark behind italics: ''Titanic''{{'s}}.
    **table(literal("&#39;"), "', apostrophe, &#39;, '-, -'"),
    **table(literal("&#39;\""), "' \", '\""),
    **table(literal("\"&#39;"), "\" ', \"'"),
    **table(literal("\""), "-\", \""),
    **table(literal("&#39;s"), "'s"),
    **table(literal("&#61;"), "=, equal, equals"),
    **table(literal("|"), "!"),  # it parts a link's label from its target
    **table(literal("&#124;"), "pipe"),
    **table(literal("{|"), "(!"),
    **table(literal("|}"), "!)"),
    **table(literal("&#124;&#124;"), "!!"),
    **table(literal("&#123;"), "(, lbrace, left brace"),
    **table(literal("&#125;"), "), rbrace, right brace"),
    **table(literal("&#123;&#123;"), "(("),
    **table(literal("&#125;&#125;"), "))"),
    **table(literal("&#91;"), "!(, lbrack, left bracket"),
    **table(literal("&#93;"), ")!, rbrack, right bracket"),
    **table(literal("&#58;"), "colon"),
    **table(literal("&#42;"), "asterisk, *"),
    **table(literal("&#35;"), "hash, number sign"),
    **table(literal("…"), "ellipsis, ..., …"),
    **table(literal("×"), "x, times"),
    **table(literal("−"), "minus"),
    **table(literal("±"), "±, plus-minus, pm, +-"),
    **table(literal("π"), "pi"),
    **table(literal("∞"), "infin"),
    **table(literal("¬"), "not sign"),
    **table(literal("°"), "degree, degrees, deg"),
    **table(literal("′"), "prime"),
    **table(literal("″"), "pprime"),
    **table(literal("§"), "section sign, sect"),
    **table(literal("AD"), "ad"),
    **table(literal("-"), "hyphen, nbhyph, nbh, non-breaking hyphen, nb hyphen"),
    **table(literal(" / "), "\\, /, slash"),
    **table(literal("†"), "extinct, dagger, †"),
    **table(literal("‡"), "double dagger, double-dagger, ddagger, ‡"),
    **table(literal("⇌"), "eqm"),
    **table(literal("→"), "overunderset, rarr, rightarrow"),
    **table(literal("ʻ"), "okina, 'okina"),
    **table(literal("ʾ"), "hamza"),
    **table(literal("ʿ"), "ayin, ayn"),
    **table(literal("₂"), "subscript2"),
    **table(literal("CO2"), "co2, carbon dioxide"),
    **table(literal("H2O"), "h2o"),
    **table(literal("NO2"), "no2"),
    **table(literal("O2"), "o2"),
    **table(literal("C"), "carbon"),
    **table(literal("H"), "hydrogen"),
    **table(literal("♯"), "music sharp, sharp"),
    **table(literal("♭"), "music flat, flat"),
    **table(literal("♮"), "natural"),
    **table(literal("♠"), "spades"),
    **table(literal("♥"), "hearts"),
    **table(literal("♦"), "diamonds"),
    **table(literal("♣"), "clubs"),
    **{name: literal(name) for name in ("1/2", "1/3", "2/3", "1/4", "3/4", "1/8")},
    **{f"l{number}": literal(f"L{number}") for number in range(1, 6)},
}  # fmt: skip
"""Name in lower case -> the sign."""


def music(call: Call) -> str:
    """{{music|flat}}: "♭"; {{music|time|3|4}}: "3/4"."""
    if call.get(1) == "time":
        return f"{call.get(2)}/{call.get(3)}"
    return ACCIDENTALS.get(call.get(1).lower(), "")


def molecule(call: Call) -> str:
    """{{chem2|SO4(2-)}}: "SO42−"; {{chem2|C_{n}H_{2n} -> X}}: "CnH2n → X"."""
    text = CHARGE.sub(r"\1\2", SCRIPT.sub(r"\1", "".join(call.positional) or call.get(1)))
    for arrow, sign in ARROWS:
        text = text.replace(arrow, sign).replace(arrow.replace(">", "&gt;").replace("<", "&lt;"), sign)
    text = text.replace("\\s", "–").replace("\\d", "&#61;").replace("\\t", "≡").replace("*", "·")
    return re.sub(r"(?<=[\w)\]}])-(?![\w(\[])", "−", text)


def tex(call: Call) -> str:
    """{{tmath|x^2}}: "x²"; nothing for what cannot be written in a line."""
    text = call.get(1) or "=".join(next(iter(call.named.items()), ("",)))
    return (written(text) or "").translate(SPELLED)


def unichar(call: Call) -> str:
    """{{unichar|0041}}: "U+0041 A LATIN CAPITAL LETTER A"."""
    digits = call.get(1).removeprefix("U+")
    if not re.fullmatch(r"[0-9A-Fa-f]{1,6}", digits) or int(digits, 16) > 0x10FFFF:
        return ""
    character = chr(int(digits, 16))
    name = call.get(2) or unicodedata.name(character, "")
    shown = character.translate(SPELLED) if character.isprintable() and not character.isspace() else ""
    return " ".join(part for part in (f"U+{digits.upper():0>4}", shown, name) if part)
