"""Decide from a single token whether a word begins with it or ends with it. Pure.

A token is given as its bytes, with a plain space for the tokenizer's space mark. In scripts with spaces a word begins
with a space. In scripts without spaces every token is a word, and a word begins after it as well, so that a number or a
Latin name between two such tokens is one word: the tokens の 19 90 年 are the words の, 1990 and 年.
"""

from __future__ import annotations

UNSPACED_RANGES = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue
    (0x2E80, 0xA4CF),  # CJK with its punctuation, kana, bopomofo, Yi
    (0xA9E0, 0xA9FF),  # Myanmar
    (0xAA60, 0xAA7F),  # Myanmar
    (0xF900, 0xFAFF),  # CJK compatibility
    (0xFE30, 0xFE4F),  # CJK vertical forms
    (0xFF01, 0xFF9F),  # full-width forms, half-width kana
    (0x1B000, 0x1B16F),  # kana
    (0x20000, 0x3FFFF),  # CJK
)
"""Code points of scripts without spaces between words, as ranges that include both ends."""


def starts_word(token: bytes) -> bool:
    """Whether a token begins a word: with a space, or with a character of a script without spaces.

    A token may end inside a character. Its bytes then represent a range of code points, and the whole range must belong
    to scripts without spaces. A token that begins with a continuation byte begins no word.
    """
    head = token[:4]
    if not head or head[0] == 0x20:
        return bool(head)
    length = utf8_length(head[0])
    if length < 2:
        return False
    code = head[0] & (0x7F >> length)
    for byte in head[1:length]:
        code = code << 6 | byte & 0x3F
    open_bits = 6 * max(0, length - len(head))
    return is_unspaced(code << open_bits, (code + 1 << open_bits) - 1)


def ends_word(token: bytes) -> bool:
    """Whether a word always ends with this token: its last character is complete and of an unspaced script.

    Args:
        token: the bytes of the token; a character that begins in an earlier token is not complete.
    """
    for size in range(2, min(4, len(token)) + 1):
        last = token[-size:]
        if utf8_length(last[0]) == size:
            code = ord(last.decode("utf-8", errors="replace")[0])
            return is_unspaced(code, code)
    return False


def utf8_length(lead: int) -> int:
    """Return the number of bytes of the UTF-8 character that begins with `lead`; 0 for a continuation byte."""
    if lead < 0x80:
        return 1
    return 0 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def is_unspaced(low: int, high: int) -> bool:
    """Whether all code points from `low` to `high`, both included, belong to scripts without spaces between words."""
    return any(first <= low and high <= last for first, last in UNSPACED_RANGES)
