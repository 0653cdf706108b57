"""Beginnings and ends of words, from the bytes of a token."""

from __future__ import annotations

from pipeline.vocab.boundaries import ends_word, starts_word


def test_word_starts() -> None:
    starts = {
        " dog": True,
        " ": True,
        "": False,
        "dog": False,
        ".": False,
        "é": False,
        "한": False,  # Korean has spaces
        "ど": True,
        "東京": True,
        "。": True,
        "ค": True,  # Thai
        "ລ": True,  # Lao
        "က": True,  # Myanmar
        "ခ": True,
        "ខ": True,  # Khmer
        "བ": True,  # Tibetan
        "𠀀": True,
        "😀": False,
        "ﾄ": True,
    }
    assert {text: starts_word(text.encode()) for text in starts} == starts
    pieces = {
        b"\xe6": True,  # begins U+6000 to U+6FFF, all CJK
        b"\xe6\x9d": True,
        b"\x9d\xb1": False,  # continuation bytes
        b"\xe0": False,  # begins Thai, but also Devanagari
        b"\xe0\xb8": True,  # begins only Thai
        b"\xf0": False,
        b"\xf0\xa0": True,
        b"\xc3": False,
    }
    assert {piece: starts_word(piece) for piece in pieces} == pieces


def test_word_ends() -> None:
    ends = {
        "東京": True,
        " 東": True,
        "a東": True,
        "東a": False,
        "ไทย": True,
        "𠀀": True,
        "dog": False,
        "é": False,
        "한": False,
    }
    assert {text: ends_word(text.encode()) for text in ends} == ends
    pieces = {
        b"\xe6\x9d": False,  # the character continues in the next token
        b"\x9d\xb1": False,  # the character begins in the token before
        b"\x9d\xb1\xe6\x9d\xb1": True,
        b"\xe6\x9d\xb1\xe6": False,
        b"": False,
        b"\xff\xff": False,
    }
    assert {piece: ends_word(piece) for piece in pieces} == pieces
