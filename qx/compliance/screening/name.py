"""A name taken apart: its words, what each is and how much it tells. Pure.

Weights say how much of an identity a word carries: 1 for a word of its own, less for what many names share. A short
word carries less than a long one, since it is more often like another by chance.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from qx.compliance.names import folded
from qx.compliance.screening.sound import skeleton, sound
from qx.compliance.screening.words import (
    COMPANY,
    GENERIC,
    NAMED_THINGS,
    NUMBERS,
    PARTICLES,
    ROMAN,
    TITLES,
    marked,
)  # fmt: skip

Of = Literal["person", "entity"]
Kind = Literal["word", "generic", "company", "form", "title", "particle", "number", "initial"]
WEIGHTS: dict[Kind, float] = {
    "word": 1.0, "generic": 0.45, "company": 0.15, "form": 0.1, "title": 0.05, "particle": 0.1, "number": 0.7,
    "initial": 0.4,
}  # fmt: skip
SHORT = {1: 0.4, 2: 0.6, 3: 0.8}  # by length: what is left of a word's weight
LEFT_ALONE = frozenset({"form", "title", "particle", "company"})  # never looked up alone
CLEAR_FORMS = frozenset(
    {"llc", "ltd", "limited", "inc", "corp", "plc", "gmbh", "corporation", "incorporated"}
)


_SYLLABLES = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")  # Kana, Han, Hangul


class Word(NamedTuple):
    text: str
    kind: Kind
    weight: float
    sound: str
    skeleton: str
    spelled: str  # as it stands in the folded name: of a legal form, of a number


class Name(NamedTuple):
    """`text`: folded. `joined`: without spaces, titles and legal forms. `key`: what two equal names share. `strict`: of
    a script in which each syllable tells: nothing is near but the same.
    """

    text: str
    words: tuple[Word, ...]
    joined: str
    key: str
    of: Of
    strict: bool = False

    @property
    def telling(self) -> tuple[Word, ...]:
        return tuple(word for word in self.words if word.kind not in LEFT_ALONE)


@lru_cache(maxsize=65536)
def analysed(text: str, of: Of) -> Name:
    """`text`: folded."""
    words = tuple(_words(text, of))
    key = " ".join(word.text for word in words if word.kind != "title")
    joined = "".join(word.text for word in words if word.kind not in ("form", "title"))
    return Name(text, words, joined, key, of)


def name_of(name: str, of: Of) -> Name:
    found = analysed(folded(name), of)
    return found._replace(strict=True) if is_syllabic(name) else found


def is_syllabic(name: str) -> bool:
    """Whether each of its letters is a syllable."""
    return _SYLLABLES.search(name) is not None


def same_letters(one: str, other: str) -> bool:
    """False of two names whose letters are syllables that sound alike and are not the same."""
    if not (is_syllabic(one) and is_syllabic(other)):
        return True
    return sorted(_SYLLABLES.findall(one)) == sorted(_SYLLABLES.findall(other))


def alternatives(name: str) -> tuple[str, ...]:
    """The names that one line states: 'Al-Qaida/Islamic Army' is two, each of them folded."""
    whole = folded(name)
    parts = [part for each in name.split("/") if len((part := folded(each)).replace(" ", "")) > 3]
    return tuple(dict.fromkeys((whole, *parts))) if len(parts) > 1 else (whole,)


def _words(text: str, of: Of) -> list[Word]:
    found = []
    for word, form in marked(text):
        kind = _kind(word, form, of)
        shown = _shown(word, form, kind)
        weight = WEIGHTS[kind] * (SHORT.get(len(shown), 1.0) if kind in ("word", "generic") else 1.0)
        found.append(_word(shown, kind, weight, word))
    return found


def _shown(word: str, form: str, kind: Kind) -> str:
    if kind == "number":
        return NUMBERS.get(word) or ROMAN.get(word) or word
    return form if kind == "form" else "company" if word == "co" else word


@lru_cache(maxsize=65536)
def _word(text: str, kind: Kind, weight: float, spelled: str) -> Word:
    heard = sound(text)
    return Word(text, kind, weight, heard, skeleton(heard), spelled)


def _kind(word: str, form: str, of: Of) -> Kind:
    if form and (of == "entity" or word in CLEAR_FORMS):
        return "form"
    if word in PARTICLES:
        return "particle"
    if word.isdigit() or word in NUMBERS or (of == "entity" and word in ROMAN):
        return "number"
    if of == "person":
        return "title" if word in TITLES else "initial" if len(word) == 1 else "word"
    if word in NAMED_THINGS:
        return "title"
    return "company" if word in COMPANY else "generic" if word in GENERIC else "word"
