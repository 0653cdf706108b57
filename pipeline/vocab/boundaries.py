"""Where words begin and end, as far as a single token tells (pure).

A token is seen as its bytes, its mark of a space as a plain one. Where a script has spaces a word begins with one. In
a script without spaces each token counts as a word, and what stands between two of them, a number or a Latin name,
begins one too: the tokens の 19 90 年 are the words の, 1990 and 年.
"""

from __future__ import annotations

UNSPACED = (
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
"""Ranges of code points, both ends included, of scripts written without spaces between words."""


def starts_word(token: bytes) -> bool:
    """Whether a token begins a word: with a space, or with a character of a script without spaces.

    A token may end inside a character; its bytes then leave a range of code points open, and all of the range must be
    of scripts without spaces. A continuation byte begins nothing.
    """
    head = token[:4]
    if not head or head[0] == 0x20:
        return bool(head)
    length = length_of(head[0])
    if length < 2:
        return False
    code = head[0] & (0x7F >> length)
    for byte in head[1:length]:
        code = code << 6 | byte & 0x3F
    open_bits = 6 * max(0, length - len(head))
    return unspaced(code << open_bits, (code + 1 << open_bits) - 1)


def ends_word(token: bytes) -> bool:
    """Whether the next token begins a word, whatever it is: this one ends with a character, a whole one, of a script
    without spaces."""
    for size in range(2, min(4, len(token)) + 1):
        last = token[-size:]
        if length_of(last[0]) == size:
            code = ord(last.decode("utf-8", errors="replace")[0])
            return unspaced(code, code)
    return False


def length_of(lead: int) -> int:
    """Bytes of the character that a byte leads; 0 for a byte that leads none."""
    if lead < 0x80:
        return 1
    return 0 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def unspaced(low: int, high: int) -> bool:
    return any(first <= low and high <= last for first, last in UNSPACED)
