"""Renderers of templates for foreign words, their languages, translations and pronunciations. Pure.

A foreign word is shown with the name of its language if the template shows it: "German: Wort". Recordings have no text
and are dropped.
"""

from __future__ import annotations

import re

from pipeline.corpus.languages import LANGUAGE_NAMES
from pipeline.corpus.render.templates.renderer import Call
from pipeline.corpus.render.wikitext.markup import ZERO_WIDTH

STRESS_MARKS = {"'": "ˈ", ",": "ˌ", "_": " ", "-": "-"}
"""Argument of {{IPAc-en}} -> the stress mark or separator that it shows."""
NOT_SOUNDS = frozenset(
    "lang,pron,also,us,uk,u.s.,u.k.,icon,small,ipa,label,local,en,us also,uk also,also us,also uk".split(",")
)
"""Arguments of {{IPAc-en}} that are not sounds."""
RECORDING_FILE = re.compile(r"\.(?:og[ag]|wav|mp3|flac|opus|webm)$", re.IGNORECASE)
BUTTON_LABELS = frozenset(
    "listen pronunciation pronounced play help·info aussprache anhören écouter écoutez escuchar".split()
)
"""Labels of {{audio}} that are captions of a button."""
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*")


def language_name(code: str) -> str:
    """Return the English name of a language, "" if its code is unknown; "sr-Cyrl" is the same as "sr"."""
    return LANGUAGE_NAMES.get(code) or LANGUAGE_NAMES.get(code.partition("-")[0], "")


def lang_from_name(call: Call) -> str:
    """Render {{lang-de|Wort|lit=word}} as "German: Wort, lit. 'word'"."""
    return word_with_language(call, call.name.removeprefix("lang-"), call.get(1), call.get(2), call.get(3))


def langx(call: Call) -> str:
    """Render {{langx|de|Wort|lit=word}} as "German: Wort, lit. 'word'"."""
    return word_with_language(call, call.get(1), call.get(2), call.get(3), call.get(4))


def word_with_language(call: Call, code: str, text: str, romanized: str, meaning: str) -> str:
    """Return a word after the name of its language, and before its romanization, pronunciation and meaning.

    The named arguments of the call replace those that are "".
    """
    name = call.named.get("label") or language_name(code)
    if name and text and name != "none":
        text = f"{name}: {text}"
    romanized = romanized or call.named.get("translit") or call.named.get("tr") or call.named.get("r") or ""
    meaning = meaning or call.named.get("lit") or call.named.get("translation") or ""
    text += f", romanized: {romanized}" if text and romanized else ""
    text += f", IPA: &#91;{call.named['p']}&#93;" if text and call.named.get("p") else ""
    return text + (f", lit. '{ZERO_WIDTH}{meaning}'" if text and meaning else "")


def russian(call: Call) -> str:
    """Render {{lang-rus|Москва|r=Moskva|p=mɐskˈva}} as "Russian: Москва, romanized: Moskva, IPA: [mɐskˈva]"."""
    return word_with_language(call, "ru", call.get(1), call.get(2), call.get(3))


def in_language(call: Call) -> str:
    """Render {{in lang|fr|de}}, which follows an external link, as "(in French and German)"."""
    names = [name for name in map(language_name, call.positional) if name]
    return f"(in {' and '.join(names)})" if names else ""


def language_icon(call: Call) -> str:
    """Render {{fr icon}}, the older form of {{in lang|fr}}, as "(in French)"."""
    return in_language(Call("in lang", (call.name.removesuffix(" icon"),), {}))


def etymology(call: Call) -> str:
    """Render {{etymology|la|albedo|whiteness}} as "from Latin albedo 'whiteness'".

    The arguments are triples of language, word and meaning.
    """
    parts = call.positional
    found = []
    for code, word, meaning in zip(parts[0::3], parts[1::3], [*parts[2::3], ""], strict=False):
        words = (language_name(code), word, f"'{ZERO_WIDTH}{meaning}'" if meaning else "")
        found.append(" ".join(part for part in words if part))
    return f"from {' and '.join(found)}" if found else ""


def with_parenthesis(first: str, *inside: str) -> str:
    """Return the first text with the others in parentheses, or the others alone if it is ""."""
    rest = ", ".join(part for part in inside if part)
    return f"{first} ({rest})" if first and rest else first or rest


def nihongo(call: Call) -> str:
    """Render {{nihongo|English|kanji|romaji|extra|after}} as "English (kanji, romaji, extra) after"."""
    extra = call.get(4) or call.named.get("extra", "")
    return f"{with_parenthesis(call.get(1), call.get(2), call.get(3), extra)} {call.get(5)}".strip()


def nihongo3(call: Call) -> str:
    """Render {{nihongo3|English|kanji|romaji}} as "romaji (kanji, English)"."""
    return with_parenthesis(call.get(3), call.get(2), call.get(1)) if call.get(3) else nihongo(call)


def nihongo_krt(call: Call) -> str:
    """Render {{nihongo krt|English|kanji|romaji}} as "kanji (romaji, English)"."""
    return with_parenthesis(call.get(2), call.get(3), call.get(1))


CHINESE_LABELS = {
    "c": "Chinese", "s": "simplified Chinese", "t": "traditional Chinese", "p": "pinyin", "w": "Wade–Giles",
    "mps": "Mandarin Phonetic Symbols II", "hp": "Hanyu Pinyin", "tp": "Tongyong Pinyin", "j": "Jyutping",
    "cy": "Cantonese Yale", "poj": "Pe̍h-ōe-jī", "l": "lit.", "tr": "transl.",
}  # fmt: skip
"""Argument of {{zh}} -> its label, in the order in which they are shown."""
KOREAN_LABELS = {"hangul": "Korean", "hanja": "Hanja", "rr": "RR", "mr": "MR", "lit": "lit."}
"""Argument of {{korean}} -> its label, in the order in which they are shown."""


def labelled_arguments(labels: dict[str, str], call: Call, positional: tuple[str, ...] = ()) -> str:
    """Return the arguments with their labels, "label: text", separated by semicolons.

    Args:
        labels: the name of an argument -> its label.
        positional: the names of the positional arguments.
    """
    arguments = {**dict(zip(positional, call.positional, strict=False)), **call.named}
    bare = arguments.get("labels") == "no" or arguments.get("label") == "none"
    shown = []
    for key, label in labels.items():
        if text := arguments.get(key):
            text = f"'{ZERO_WIDTH}{text}'" if label in ("lit.", "transl.") else text
            shown.append(text if bare else f"{label} {text}" if label[-1] == "." else f"{label}: {text}")
    return "; ".join(shown)


def chinese(call: Call) -> str:
    """Render {{zh|s=汉语|t=漢語|p=Hànyǔ}} as "simplified Chinese: 汉语; traditional Chinese: 漢語; pinyin: Hànyǔ"."""
    return labelled_arguments(CHINESE_LABELS, call) or call.get(1)


def korean(call: Call) -> str:
    """Render {{korean|hangul=한국|hanja=韓國|rr=Hanguk}} as "Korean: 한국; Hanja: 韓國; RR: Hanguk"."""
    return labelled_arguments(KOREAN_LABELS, call, ("hangul", "hanja", "rr", "mr"))


def ipa(call: Call) -> str:
    """Render {{IPA|/x/}} as "/x/", {{IPA|fr|x|lang}} as "[x]"."""
    parts = [part for part in call.positional if part]
    if len(parts) > 1 and LANGUAGE_CODE.fullmatch(parts[0]):
        return f"&#91;{parts[1]}&#93;" if parts[1][0] not in "[/" else parts[1]
    return call.get(1) or call.last


def ipa_in_brackets(call: Call) -> str:
    """Render {{IPA|x}} as "[x]", for wikis whose template adds the brackets."""
    text = ipa(call)
    return text if not text or text[0] in "[/&" else f"&#91;{text}&#93;"


def pronunciation(call: Call) -> str:
    """Render {{IPAc-en|æ|l|ˈ|b|iː|d|oʊ}} as "/ælˈbiːdoʊ/"; the argument ",_" separates two pronunciations."""
    sounds = []
    for part in call.positional:
        if part.lower() in NOT_SOUNDS or RECORDING_FILE.search(part):
            continue
        sounds.append(STRESS_MARKS.get(part) or part.replace("_", " ").replace("i:", "iː"))
    text = "".join(sounds).strip()
    return f"/{text}/" if text else ""


def respelling(call: Call) -> str:
    """Render {{respell|AY|bee|_|SEE}} as "AY-bee SEE"."""
    text = "-".join(part for part in call.positional if part and "=" not in part)
    return re.sub(r"-?(,?)_-?", r"\1 ", text).strip()


def recording_label(call: Call) -> str:
    """Render {{audio|De-Berlin.ogg|Berlin}} as its label, "Berlin", unless that is the caption of a button."""
    label = call.get(2)
    return "" if label.lower() in BUTTON_LABELS else label
