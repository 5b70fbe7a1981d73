"""A name taken apart: its words, what each is and how much it tells. Pure.

Weights say how much of an identity a word carries: 1 for a word of its own, less for what many names share. A short
word carries less than a long one, since it is more often like another by chance.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

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
    form_of,
    parts,
)  # fmt: skip

Of = Literal["person", "entity"]
Kind = Literal["word", "generic", "company", "form", "title", "particle", "number", "initial"]
WEIGHTS: dict[Kind, float] = {
    "word": 1.0, "generic": 0.45, "company": 0.15, "form": 0.1, "title": 0.05, "particle": 0.1, "number": 0.7,
    "initial": 0.4,
}  # fmt: skip
SHORT = {1: 0.4, 2: 0.6, 3: 0.8}  # by length: what is left of a word's weight
LEFT_ALONE = frozenset({"form", "title", "particle", "company"})  # never looked up alone
NOT_BARE = frozenset({"form", "title"})
CLEAR_FORMS = frozenset(
    {"llc", "ltd", "limited", "inc", "corp", "plc", "gmbh", "corporation", "incorporated"}
)


_SYLLABLES = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")  # Kana, Han, Hangul


class Word(Struct, frozen=True, gc=False):
    text: str
    kind: Kind
    weight: float
    sound: str
    skeleton: str
    spelled: str  # as it stands in the folded name: of a legal form, of a number


class Name(Struct, frozen=True, gc=False):
    """`telling`: the words that are looked up. `bare`: all but titles and legal forms; `joined`: these without spaces.
    `strict`: of a script in which each syllable tells: nothing is near but the same.
    """

    of: Of
    words: tuple[Word, ...]
    telling: tuple[Word, ...]
    bare: tuple[str, ...]
    joined: str
    strict: bool = False


@lru_cache(maxsize=65536)
def analysed(text: str, of: Of) -> Name:
    """`text`: folded."""
    return _name(of, tuple([word_of(part, of) for part in parts(text)]), strict=False)


def name_of(name: str, of: Of) -> Name:
    found = analysed(folded(name), of)
    return replace(found, strict=True) if is_syllabic(name) else found


def either(name: str) -> tuple[Name, Name]:
    """As an entity's and as a person's: `words` is one object where they are the same."""
    split, strict = parts(folded(name)), is_syllabic(name)
    entity = _name("entity", tuple([word_of(part, "entity") for part in split]), strict=strict)
    words = tuple([word_of(part, "person") for part in split])
    if words == entity.words:
        return entity, Name("person", entity.words, entity.telling, entity.bare, entity.joined, strict)
    return entity, _name("person", words, strict=strict)


def _name(of: Of, words: tuple[Word, ...], *, strict: bool) -> Name:
    telling = tuple([word for word in words if word.kind not in LEFT_ALONE])
    bare = tuple([word.text for word in words if word.kind not in NOT_BARE])
    return Name(of, words, telling, bare, "".join(bare), strict)


def is_syllabic(name: str) -> bool:
    """Whether each of its letters is a syllable."""
    return not name.isascii() and _SYLLABLES.search(name) is not None


def same_letters(one: str, other: str) -> bool:
    """False of two names whose letters are syllables that sound alike and are not the same."""
    if not (is_syllabic(one) and is_syllabic(other)):
        return True
    return sorted(_SYLLABLES.findall(one)) == sorted(_SYLLABLES.findall(other))


def alternatives(name: str) -> tuple[str, ...]:
    """The names that one line states: 'Al-Qaida/Islamic Army' is two, each of them folded."""
    whole = folded(name)
    if "/" not in name:
        return (whole,)
    stated = [part for each in name.split("/") if len((part := folded(each)).replace(" ", "")) > 3]
    return tuple(dict.fromkeys((whole, *stated))) if len(stated) > 1 else (whole,)


@lru_cache(maxsize=65536)
def word_of(part: str, of: Of) -> Word:
    """`part`: of a folded name; a legal form of several words is one."""
    form = form_of(part)
    kind = _kind(part, form, of)
    text = _shown(part, form, kind)
    weight = WEIGHTS[kind] * (SHORT.get(len(text), 1.0) if kind in ("word", "generic") else 1.0)
    word = plain(text)
    if kind == "word" and weight == word.weight and text == part:
        return word
    return Word(text, kind, weight, word.sound, word.skeleton, part)


@lru_cache(maxsize=65536)
def plain(text: str) -> Word:
    """The word as such, whatever it tells."""
    heard = sound(text)
    return Word(text, "number" if text.isdigit() else "word", 1.0, heard, skeleton(heard), text)


def _shown(word: str, form: str, kind: Kind) -> str:
    if kind == "number":
        return NUMBERS.get(word) or ROMAN.get(word) or word
    return form if kind == "form" else "company" if word == "co" else word


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
