"""Names: how two spellings of one name become the same text. Pure.

Scripts are folded to Latin letters: Cyrillic, Greek and Arabic by the tables here (as names are romanised on sanctions
lists), any other by `anyascii`. Accents and punctuation go, legal forms become one word each.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj",
    "ћ": "c", "џ": "dz",
}  # fmt: skip
_GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_ARABIC = {
    "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ء": "", "ؤ": "u", "ئ": "i", "ب": "b", "ت": "t", "ث": "th", "ج": "j",
    "ح": "h", "خ": "kh", "د": "d", "ذ": "dh", "ر": "r", "ز": "z", "س": "s", "ش": "sh", "ص": "s", "ض": "d", "ط": "t",
    "ظ": "z", "ع": "a", "غ": "gh", "ف": "f", "ق": "q", "ك": "k", "ک": "k", "ل": "l", "م": "m", "ن": "n", "ه": "h",
    "ة": "a", "و": "w", "ي": "y", "ی": "y", "ى": "a", "پ": "p", "چ": "ch", "ژ": "zh", "گ": "g", "ـ": "",
    "\u200c": "", "\u200d": "",
}  # fmt: skip
_TABLE = str.maketrans({**_CYRILLIC, **_GREEK, **_ARABIC})
_FORMS = {
    "ltd": "limited", "inc": "incorporated", "corp": "corporation", "co": "company", "sa": "sa", "gmbh": "gmbh",
    "plc": "plc", "llc": "llc", "bsc": "bsc", "wll": "wll", "jsc": "jsc", "pjsc": "pjsc", "ooo": "llc", "oao": "jsc",
    "zao": "jsc", "ao": "jsc", "pao": "pjsc", "intl": "international", "natl": "national",
}  # fmt: skip
_NOISE = re.compile(r"[^a-z0-9]+")
_DOTS = re.compile(r"(?<=\b\w)\.(?=\w\b)")  # S.A. is one word
_APOSTROPHES = re.compile("(?<=\\w)['\u2018\u2019\u02bc\u02bb`\u00b4](?=\\w)")  # Qa'ida is one word
_QUOTES = frozenset("'\u2018\u2019\u02bc\u02bb`\u00b4")
_GENITIVE = re.compile("(?<=\\w)['\u2019]s\\b")
_ARTICLE = re.compile("\\bال(?=\\w{3})")  # al-, written as one with its word


@lru_cache(maxsize=200_000)
def folded(name: str) -> str:
    """Lower-case a to z, digits and single spaces: 'Al-Qa'ida' is 'al qaida', 'Роснефть' is 'rosneft'."""
    text = (name if name.isascii() else unicodedata.normalize("NFKC", name)).lower()
    if "." in text:
        text = _DOTS.sub("", text)
    if not _QUOTES.isdisjoint(text):
        text = _APOSTROPHES.sub("", _GENITIVE.sub("", text))
    text = text.replace("&", " and ").replace("_", " ")
    if not text.isascii():
        text = _latin(_ARTICLE.sub("al ", text))
    return " ".join(_NOISE.sub(" ", text).split())


def _latin(text: str) -> str:
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_TABLE))
    text = "".join([letter for letter in text if letter.isascii() or not unicodedata.combining(letter)])
    if text.isascii():
        return text
    from anyascii import anyascii

    return _APOSTROPHES.sub("", anyascii(text).lower())


def normal(name: str) -> str:
    """Folded, with one word for each spelling of a legal form: 'FUTURE BANK B.S.C.' and 'Future Bank BSC' are one."""
    return " ".join([_FORMS.get(word, word) for word in folded(name).split()])
