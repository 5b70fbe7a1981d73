"""Records: small named values with a revision and, if wanted, an end.

    records/<kind>/<key>   the value and its end; with an end it goes when its etcd lease does

A drop leaves an empty record, whether or not one stood there: at a key that nobody has written since, a put that was
held up somewhere would bring its value (back) later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, convert, json

from qx.adapters.etcd.space import Change, Kept, Put, Reading, Space, State, Term
from qx.kernel.errors import Refused
from qx.model.lease import Maintenance, Record

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = "records/"
MAINTENANCE = "maintenance"


class Body(Struct, frozen=True, omit_defaults=True):
    """`value` None: it was dropped."""

    value: dict[str, Any] | None = None
    until: float | None = None


def put(space: Space, kind: str, key: str, value: dict[str, Any], expect: int | None, ttl: float | None) -> Record:
    name = name_of(kind, key)

    def decide(state: State, term: Callable[[float], Term]) -> Change[Record]:
        _expect(state, kind, key, expect)
        granted = Term(0, 0.0) if ttl is None else term(ttl)
        until = None if ttl is None else granted.until
        put = Put(Body(value, until), granted.lease)
        return Change(lambda revision: _record(kind, key, put.value, revision), {name: put})

    return space.change([name], decide, guess=True)


def drop(space: Space, kind: str, key: str, expect: int | None) -> bool:
    name = name_of(kind, key)

    def decide(state: State, _: Callable[[float], Term]) -> Change[bool]:
        _expect(state, kind, key, expect)
        stood = found_in(state, kind, key) is not None
        return Change(lambda _: stood, {name: Put(Body())})

    return space.change([name], decide, guess=True)


def one(space: Reading, kind: str, key: str) -> Record | None:
    return found_in(space.get(name_of(kind, key)), kind, key)


def all_of(space: Reading, kind: str) -> tuple[Record, ...]:
    found = (read(name, kept) for name, kept in space.under(name_of(kind, "")).items())
    return tuple(record for record in found if record is not None)


def maintenance(space: Reading, at: float) -> tuple[Maintenance, ...]:
    """The windows that `at` lies in."""
    windows = (convert(each.value, Maintenance) for each in all_of(space, MAINTENANCE))
    return tuple(window for window in windows if window.since <= at < window.until)


def everything(space: Space) -> tuple[tuple[Record, ...], int]:
    """Records of all kinds, and the revision of which they are."""
    found, revision = space.listing(RECORDS)
    records = (read(name, kept) for name, kept in found.items())
    return tuple(record for record in records if record is not None), revision


def read(name: str, kept: Kept) -> Record | None:
    """The record at `name`; None: it was dropped."""
    kind, _, key = name.removeprefix(RECORDS).partition("/")
    body = kept.read(Body, f"the {kind} record of {key}")
    return None if body.value is None else _record(kind, key, body, kept.revision)


def found_in(state: State, kind: str, key: str) -> Record | None:
    name = name_of(kind, key)
    return read(name, state[name]) if name in state else None


def name_of(kind: str, key: str) -> str:
    return f"{RECORDS}{kind}/{key}"


def _record(kind: str, key: str, body: Body, revision: int) -> Record:
    value = json.decode(json.encode(body.value))
    return Record(kind=kind, key=key, value=value, revision=revision, until=body.until)


def _expect(state: State, kind: str, key: str, expect: int | None) -> None:
    found = found_in(state, kind, key)
    stands = found.revision if found else 0
    if expect is not None and stands != expect:
        said = f"the {kind} record of {key} stands at revision {stands}, not {expect}"
        raise Refused("QX-STORE-008", said, hint="Somebody else changed it: look again.")
