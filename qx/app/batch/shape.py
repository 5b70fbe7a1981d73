"""Shape: the transaction's document as a tree of typed structs, so that lines of JSON become columns without a mapping
for each row.

A line that does not fit this shape (an unknown field, a group that is none, no JSON) is not wrong yet: it is read again
the exact way, which says what it is.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET

from qx.compliance.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAME_ALONE = "counterparty"  # a group that may be its `name` alone


class Number(str):
    """A number of JSON with a point or an exponent, as it is spelled."""

    __slots__ = ()


class Group(NamedTuple):
    """`struct`: its msgspec type. `leaves`: place in the struct -> path. `below`: place in the struct -> group."""

    path: str
    struct: type[msgspec.Struct]
    empty: msgspec.Struct
    leaves: dict[int, str]
    below: dict[int, Group]


@lru_cache(maxsize=64)
def shape_of(paths: frozenset[str], *, lenient: bool) -> Group:
    """Of transactions that have these fields and no other; `lenient`: others are passed over."""
    return _group("", [path for path in FIELDS if path in paths], lenient=lenient)


def decoder(group: Group) -> msgspec.json.Decoder[Any]:
    """Of one line. Raises DecodeError, ValidationError or ArithmeticError where it does not fit."""
    return msgspec.json.Decoder(group.struct, float_hook=_number)


def _number(text: str) -> Number | Decimal:
    """Raises ArithmeticError: it has more places than a number can."""
    return Decimal(text) if "e" in text or "E" in text else Number(text)


class Shaped(NamedTuple):
    """`columns`: path -> the raw values of all rows, UNSET where there is none, None for JSON's null; fields of lists
    and records are msgspec.Raw. Paths that no row has are left out. `keys`: how many keys of JSON were read, but for
    those within lists.
    """

    columns: dict[str, list[Any]]
    keys: int


def shaped(rows: Sequence[msgspec.Struct], group: Group) -> Shaped:
    found: dict[str, list[Any]] = {}
    keys = 0
    for place in range(len(group.leaves) + len(group.below)):
        column = list(map(attrgetter(f"f{place}"), rows))  # not zip(*...): as many tuples as rows wake the collector
        there = len(column) - column.count(UNSET)
        if not there:
            continue
        keys += there
        if place in group.leaves:
            found[group.leaves[place]] = column
        else:
            below = group.below[place]
            kinds = set(map(type, column))
            inner = shaped(column if kinds == {below.struct} else [_grouped(each, below) for each in column], below)
            found |= inner.columns
            keys += inner.keys - (sum(type(each) is str for each in column) if str in kinds else 0)
    return Shaped(found, keys)


def _grouped(value: Any, group: Group) -> Any:
    if type(value) is group.struct:
        return value
    if type(value) is str:
        place = next(place for place, path in group.leaves.items() if path == f"{NAME_ALONE}.name")
        return group.struct(**{f"f{place}": value})
    return group.empty


def _group(above: str, paths: Iterable[str], *, lenient: bool) -> Group:
    """`paths`: those below `above`."""
    paths = tuple(paths)
    words = list(dict.fromkeys(path.removeprefix(above).partition(".")[0] for path in paths))
    leaves: dict[int, str] = {}
    below: dict[int, Group] = {}
    types: list[tuple[str, Any, Any]] = []
    for place, word in enumerate(words):
        path = f"{above}{word}"
        kind: Any
        if path in FIELDS:
            leaves[place] = path
            kind = msgspec.Raw if FIELDS[path].kind in ("texts", "records") else Any
        else:
            inner = _group(f"{path}.", [each for each in paths if each.startswith(f"{path}.")], lenient=lenient)
            below[place] = inner
            kind = inner.struct | None
            if path == NAME_ALONE:
                kind = kind | str
        types.append((f"f{place}", kind, UNSET))
    struct = msgspec.defstruct(
        f"Group_{above.replace('.', '_')}", types, rename={f"f{place}": word for place, word in enumerate(words)},
        forbid_unknown_fields=not lenient, frozen=True, gc=False,
    )  # fmt: skip
    return Group(above, struct, struct(), leaves, below)
