"""Shape: lines of JSON -> columns, without a mapping for each row. Each group of fields (`counterparty`, `kyc`) is cut
out of its line as it is spelled, and read once for each distinct spelling: most groups of a file repeat.

A line that does not fit (an unknown field, a group that is none, no JSON) is not wrong yet: it is read again the exact
way, which says what it is.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from operator import is_not
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType

from qx.app.batch.coding import Number, coded
from qx.app.batch.scan import Lines
from qx.compliance.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qx.app.batch.coding import Codes

T = TypeVar("T")
Seen = dict[str, type | None]  # keys -> what each such object had there, if that was always a text, or always its JSON
NONE = np.int32(-1)  # the code of what is not there
NAME_ALONE = "counterparty"  # a group that may be its `name` alone
LISTS = frozenset({"texts", "records"})
EXPECTED = (str, Raw)  # kinds that JSON itself tells apart
MISFITS = (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError)


class Shaped(NamedTuple):
    """`columns`: path -> (row -> index of its raw value or -1, the raw values); fields of lists and records are their
    JSON. Paths that no row has are left out. `keys`: row -> how many keys of JSON were read, but for those within
    lists. `misfits`: rows that do not fit; nothing else counts of them.
    """

    columns: dict[str, tuple[Codes, list[Any]]]
    keys: NDArray[np.int64]
    misfits: set[int]


class Shaper:
    """Of one file. Lines are read as if they had the fields that others before had, and of the same kinds; where one is
    another, those beside it are read once more.
    """

    def __init__(self, *, lenient: bool) -> None:
        self._lenient = lenient
        self._seen: dict[str, Seen] = {}

    def shaped(self, texts: Sequence[bytes], above: str = "") -> Shaped:
        """`texts`: objects, with the fields below `above`."""
        expected, structs, misfits = self._read(texts, above)
        columns: dict[str, tuple[Codes, list[Any]]] = {}
        keys = np.zeros(len(texts), np.int64)
        seen = dict(self._seen.get(above, {}))
        given = zip(*map(msgspec.structs.astuple, structs), strict=True)
        for (word, only), column in zip(expected.items(), given, strict=False):
            types = {only} if only else set(map(type, column))
            nothing = types <= {UnsetType}
            if word in seen or not nothing:
                kind = next(iter(types)) if len(types) == 1 else None
                seen[word] = kind if kind in EXPECTED and seen.get(word, kind) is kind else None
            if nothing:
                continue
            keys += np.fromiter(map(is_not, column, repeat(UNSET)), np.bool_, len(column)) if UnsetType in types else 1
            path, found = f"{above}{word}", coded(column, types)
            if path in FIELDS:
                columns[path] = found
            else:
                below = self._group(path, *found)
                columns |= below.columns
                keys += below.keys
                misfits |= below.misfits
        self._seen[above] = {word: seen[word] for word in words_below(above) if word in seen}
        return Shaped(columns, keys, misfits)

    def _group(self, path: str, codes: Codes, distinct: Sequence[bytes]) -> Shaped:
        """`codes`: row -> which of these objects it has, or -1."""
        alone = np.zeros(len(distinct), np.bool_)
        if path == NAME_ALONE:
            alone[:] = [each.startswith(b'"') for each in distinct]
            distinct = [b'{"name":%b}' % each if name else each for each, name in zip(distinct, alone, strict=True)]
        below = self.shaped(distinct, f"{path}.")
        return Shaped(
            {name: (np.append(inner, NONE)[codes], values) for name, (inner, values) in below.columns.items()},
            np.append(below.keys - alone, 0)[codes],
            set(np.flatnonzero(np.isin(codes, list(below.misfits))).tolist()) if below.misfits else set(),
        )

    def _read(self, texts: Sequence[bytes], above: str) -> tuple[Seen, list[Any], set[int]]:
        """(the fields and groups in their order in the structs, the structs, those that fit none)."""
        known: Seen = dict.fromkeys(words_below(above))
        for words, lenient in ((self._seen.get(above, {}), False), (known, self._lenient)):
            if words:
                try:
                    return words, every(_decoder(above, tuple(words.items()), lenient=lenient), texts), set()
                except MISFITS:
                    continue  # one of them: which, is found one by one
        decoder = _decoder(above, tuple(known.items()), lenient=self._lenient)
        structs: list[Any] = []
        misfits: set[int] = set()
        for row, text in enumerate(texts):
            try:
                structs.append(decoder.decode(text))
            except MISFITS:
                structs.append(decoder.type())
                misfits.add(row)
        return known, structs, misfits


def every(decoder: msgspec.json.Decoder[T], texts: Sequence[bytes]) -> list[T]:
    """Raises one of MISFITS where one of them is none."""
    if isinstance(texts, Lines) and texts.apart:
        found = decoder.decode_lines(texts.block)
        if len(found) == len(texts):
            return found
    return list(map(decoder.decode, texts))


@lru_cache(maxsize=64)
def words_below(above: str) -> tuple[str, ...]:
    """The keys of an object that stands there: `above` is '' or ends in a point."""
    return tuple(dict.fromkeys(path.removeprefix(above).partition(".")[0] for path in FIELDS if path.startswith(above)))


@lru_cache(maxsize=256)
def _decoder(above: str, words: tuple[tuple[str, type | None], ...], *, lenient: bool) -> msgspec.json.Decoder[Any]:
    """Of an object that has these keys and no other, and under some what is named; `lenient`: others are passed over.
    Raises one of MISFITS.
    """
    types: list[Any] = []
    for place, (word, only) in enumerate(words):
        field = FIELDS.get(f"{above}{word}")
        kind = Raw if field is None or field.kind in LISTS else Any
        types.append((f"f{place}", only) if only else (f"f{place}", kind, UNSET))
    struct = msgspec.defstruct(
        f"Group_{above.replace('.', '_')}", types, rename={f"f{place}": word for place, (word, _) in enumerate(words)},
        forbid_unknown_fields=not lenient, frozen=True, gc=False, kw_only=True,
    )  # fmt: skip
    return msgspec.json.Decoder(struct, float_hook=_number)


def _number(text: str) -> Number | Decimal:
    """Raises ArithmeticError: it has more places than a number can."""
    return Decimal(text) if "e" in text or "E" in text else Number(text)
