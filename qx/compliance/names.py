"""Names: how two spellings of one name become the same text. Pure.

Scripts are folded to Latin letters where a table knows how (Cyrillic, Greek; what is left of others is kept as it is),
accents and punctuation go, legal forms become one word each.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g",
}  # fmt: skip
_FORMS = {
    "ltd": "limited", "inc": "incorporated", "corp": "corporation", "co": "company", "sa": "sa", "gmbh": "gmbh",
    "plc": "plc", "llc": "llc", "bsc": "bsc", "wll": "wll", "jsc": "jsc", "pjsc": "pjsc", "ooo": "llc", "oao": "jsc",
    "zao": "jsc", "ao": "jsc", "pao": "pjsc", "intl": "international", "natl": "national",
}  # fmt: skip
_NOISE = re.compile(r"[^\w]+")
_DOTS = re.compile(r"(?<=\b\w)\.(?=\w\b)")  # S.A. is one word


@lru_cache(maxsize=200_000)
def normal(name: str) -> str:
    """Lower case, Latin, one space between words: 'FUTURE BANK B.S.C.' and 'Future Bank BSC' are one."""
    text = _DOTS.sub("", unicodedata.normalize("NFKC", name).lower())
    text = "".join(_CYRILLIC.get(letter, letter) for letter in text)
    text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return " ".join(_FORMS.get(word, word) for word in _NOISE.sub(" ", text).replace("_", " ").split())
