"""Templates of languages, scripts and pronunciations, as text. Pure.

A word of another language is shown with the language's name where the template does so: "German: Wort". Recordings
have nothing to read and go.
"""

from __future__ import annotations

import re

from pipeline.corpus.languages import LANGUAGE_NAMES
from pipeline.corpus.render.templates.calls import Call
from pipeline.corpus.render.wikitext.markup import NOTHING

STRESS = {"'": "ˈ", ",": "ˌ", "_": " ", "-": "-"}
LABELS = frozenset(
    "lang,pron,also,us,uk,u.s.,u.k.,icon,small,ipa,label,local,en,us also,uk also,also us,also uk".split(",")
)
"""Arguments of {{IPAc-en}} that are no sounds."""
RECORDING = re.compile(r"\.(?:og[ag]|wav|mp3|flac|opus|webm)$", re.IGNORECASE)
BUTTONS = frozenset(
    "listen pronunciation pronounced play help·info aussprache anhören écouter écoutez escuchar".split()
)
CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*")


def language_name(code: str) -> str:
    """The English name of a language by its code, "sr-Cyrl" as "sr"; "" if unknown."""
    return LANGUAGE_NAMES.get(code) or LANGUAGE_NAMES.get(code.partition("-")[0], "")


def lang_named(call: Call) -> str:
    """{{lang-de|Wort|lit=word}}: "German: Wort, lit. 'word'"."""
    return word_of(call, call.name.removeprefix("lang-"), call.get(1), call.get(2), call.get(3))


def langx(call: Call) -> str:
    """{{langx|de|Wort|lit=word}}: the same with the code as an argument."""
    return word_of(call, call.get(1), call.get(2), call.get(3), call.get(4))


def word_of(call: Call, code: str, text: str, romanized: str, meaning: str) -> str:
    name = call.named.get("label") or language_name(code)
    if name and text and name != "none":
        text = f"{name}: {text}"
    romanized = romanized or call.named.get("translit") or call.named.get("tr") or call.named.get("r") or ""
    meaning = meaning or call.named.get("lit") or call.named.get("translation") or ""
    text += f", romanized: {romanized}" if text and romanized else ""
    text += f", IPA: &#91;{call.named['p']}&#93;" if text and call.named.get("p") else ""
    return text + (f", lit. '{NOTHING}{meaning}'" if text and meaning else "")


def russian(call: Call) -> str:
    """{{lang-rus|Москва|r=Moskva|p=mɐskˈva}}: "Russian: Москва, romanized: Moskva, IPA: [mɐskˈva]"."""
    return word_of(call, "ru", call.get(1), call.get(2), call.get(3))


def in_language(call: Call) -> str:
    """{{in lang|fr|de}} behind an external link: "(in French and German)"."""
    names = [name for name in map(language_name, call.positional) if name]
    return f"(in {' and '.join(names)})" if names else ""


def language_icon(call: Call) -> str:
    """{{fr icon}}, the older form."""
    return in_language(Call("in lang", (call.name.removesuffix(" icon"),), {}))


def etymology(call: Call) -> str:
    """{{etymology|la|albedo|whiteness}}: "from Latin albedo 'whiteness'"; more words follow in threes."""
    parts = call.positional
    found = []
    for code, word, meaning in zip(parts[0::3], parts[1::3], [*parts[2::3], ""], strict=False):
        words = (language_name(code), word, f"'{NOTHING}{meaning}'" if meaning else "")
        found.append(" ".join(part for part in words if part))
    return f"from {' and '.join(found)}" if found else ""


def parenthesised(first: str, *inside: str) -> str:
    """The first text with the others in brackets; these alone without it."""
    rest = ", ".join(part for part in inside if part)
    return f"{first} ({rest})" if first and rest else first or rest


def nihongo(call: Call) -> str:
    """{{nihongo|English|kanji|romaji|extra|behind}}: "English (kanji, romaji, extra) behind"."""
    extra = call.get(4) or call.named.get("extra", "")
    return f"{parenthesised(call.get(1), call.get(2), call.get(3), extra)} {call.get(5)}".strip()


def nihongo3(call: Call) -> str:
    """{{nihongo3|English|kanji|romaji}}: "romaji (kanji, English)"."""
    return parenthesised(call.get(3), call.get(2), call.get(1)) if call.get(3) else nihongo(call)


def nihongo_krt(call: Call) -> str:
    """{{nihongo krt|English|kanji|romaji}}: "kanji (romaji, English)"."""
    return parenthesised(call.get(2), call.get(3), call.get(1))


CHINESE = {"c": "Chinese", "s": "simplified Chinese", "t": "traditional Chinese", "p": "pinyin", "w": "Wade–Giles",
           "mps": "Mandarin Phonetic Symbols II", "hp": "Hanyu Pinyin", "tp": "Tongyong Pinyin",
           "j": "Jyutping", "cy": "Cantonese Yale", "poj": "Pe̍h-ōe-jī", "l": "lit.", "tr": "transl."}  # fmt: skip
"""Parameter of {{zh}} -> its label, in the order shown."""
KOREAN = {"hangul": "Korean", "hanja": "Hanja", "rr": "RR", "mr": "MR", "lit": "lit."}


def labelled(labels: dict[str, str], call: Call, positional: tuple[str, ...] = ()) -> str:
    """The named arguments, each behind its label; `positional` are the names of those without one."""
    given = {**dict(zip(positional, call.positional, strict=False)), **call.named}
    bare = given.get("labels") == "no" or given.get("label") == "none"
    found = []
    for key, label in labels.items():
        if text := given.get(key):
            text = f"'{NOTHING}{text}'" if label in ("lit.", "transl.") else text
            found.append(text if bare else f"{label} {text}" if label[-1] == "." else f"{label}: {text}")
    return "; ".join(found)


def chinese(call: Call) -> str:
    """{{zh|s=汉语|t=漢語|p=Hànyǔ}}: "simplified Chinese: 汉语; traditional Chinese: 漢語; pinyin: Hànyǔ"."""
    return labelled(CHINESE, call) or call.get(1)


def korean(call: Call) -> str:
    """{{korean|hangul=한국|hanja=韓國|rr=Hanguk}}: "Korean: 한국; Hanja: 韓國; RR: Hanguk"."""
    return labelled(KOREAN, call, ("hangul", "hanja", "rr", "mr"))


def ipa(call: Call) -> str:
    """{{IPA|/x/}} is /x/, {{IPA|fr|x|lang}} is [x]."""
    parts = [part for part in call.positional if part]
    if len(parts) > 1 and CODE.fullmatch(parts[0]):
        return f"&#91;{parts[1]}&#93;" if parts[1][0] not in "[/" else parts[1]
    return call.get(1) or call.last


def ipa_in_brackets(call: Call) -> str:
    """{{IPA|x}} on wikis whose template sets the brackets: "[x]"."""
    text = ipa(call)
    return text if not text or text[0] in "[/&" else f"&#91;{text}&#93;"


def pronunciation(call: Call) -> str:
    """{{IPAc-en|æ|l|ˈ|b|iː|d|oʊ}}: "/ælˈbiːdoʊ/"; ",_" parts two of them."""
    sounds = []
    for part in call.positional:
        if part.lower() in LABELS or RECORDING.search(part):
            continue
        sounds.append(STRESS.get(part) or part.replace("_", " ").replace("i:", "iː"))
    text = "".join(sounds).strip()
    return f"/{text}/" if text else ""


def respelling(call: Call) -> str:
    """{{respell|AY|bee|_|SEE}}: "AY-bee SEE"."""
    text = "-".join(part for part in call.positional if part and "=" not in part)
    return re.sub(r"-?(,?)_-?", r"\1 ", text).strip()


def recording(call: Call) -> str:
    """{{audio|De-Berlin.ogg|Berlin}}: the label, if it is a word and no button."""
    label = call.get(2)
    return "" if label.lower() in BUTTONS else label
