"""How a word sounds, roughly: what romanisations of one name have in common. Pure.

`sound` folds letters that stand for one another (ph and f, w and v) and doubled letters; `skeleton` keeps its
consonants, and a vowel that it begins with as `a`: 'osama', 'usama' and Arabic 'asama' have one skeleton.
"""

from __future__ import annotations

from operator import eq

_BREATHED = (  # those with an h
    ("shch", "sh"), ("sch", "sh"), ("tch", "ch"), ("tsch", "ch"), ("ph", "f"), ("kh", "h"), ("gh", "g"), ("dh", "d"),
    ("th", "t"), ("zh", "j"),
)  # fmt: skip
_FOLDS = (
    ("dj", "j"), ("ck", "k"), ("cz", "ch"), ("ts", "s"), ("tz", "s"), ("ou", "u"), ("oo", "u"), ("ee", "i"),
    ("ei", "ai"), ("ey", "ai"), ("ay", "ai"), ("ij", "i"), ("iy", "i"), ("yi", "i"), ("x", "ks"),
)  # fmt: skip
_LETTERS = str.maketrans({"w": "v", "q": "k", "z": "s", "y": "i"})
_NO_VOWELS = str.maketrans("", "", "aeiou")


def sound(word: str) -> str:
    if word.isdigit():
        return word
    if "h" in word:
        for spelled, heard in _BREATHED:
            if spelled in word:
                word = word.replace(spelled, heard)
    for spelled, heard in _FOLDS:
        if spelled in word:
            word = word.replace(spelled, heard)
    return _undoubled(word.translate(_LETTERS))


def skeleton(heard: str) -> str:
    """Of a sound."""
    if not heard or heard.isdigit():
        return heard
    first = "a" if heard[0] in "aeiou" else heard[0]
    return _undoubled(first + heard[1:].translate(_NO_VOWELS))


def _undoubled(text: str) -> str:
    if not any(map(eq, text, text[1:])):
        return text
    return "".join([letter for letter, after in zip(text, text[1:] + " ", strict=True) if letter != after])
