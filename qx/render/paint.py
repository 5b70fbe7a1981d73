"""What reaches a terminal: colours by meaning, columns as they are shown, no foreign control characters.

A colour never carries a meaning alone: the word is always there too. Text that came from a server or a file passes
through `printable`, so that it cannot move the cursor of the operator who reads it.
"""

from __future__ import annotations

import unicodedata
from typing import Literal, NamedTuple

Tone = Literal["plain", "good", "warn", "bad", "dim", "strong", "accent"]

_SGR: dict[Tone, str] = {"good": "32", "warn": "33", "bad": "31;1", "dim": "2", "strong": "1", "accent": "36"}


class Palette(NamedTuple):
    """Whether to paint, decided once per stream by the shell."""

    colour: bool

    def paint(self, text: str, tone: Tone) -> str:
        code = _SGR.get(tone)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text else text


PLAIN = Palette(colour=False)


def printable(text: str) -> str:
    r"""`text` with every control character but newline and tab spelled out (`\x1b`)."""
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} else _spelled(c) for c in text)


def _spelled(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def columns_of(text: str) -> int:
    """How many terminal columns `text` (without escape sequences) takes."""
    if text.isascii():
        return len(text)
    return sum(_columns_of_char(c) for c in text)


def _columns_of_char(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
