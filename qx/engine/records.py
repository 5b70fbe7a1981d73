"""Typed records: the values of `qx.model.standing` in the store, by their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from qx.model.lease import Record
    from qx.ports.store import Still, Store


class Kept(Protocol):
    KIND: ClassVar[str]


T = TypeVar("T", bound=Kept)


def read(store: Still | Store, of: type[T], key: str) -> T | None:
    found = store.record(of.KIND, key)
    return None if found is None else msgspec.convert(found.value, of)


def read_all(store: Still | Store, of: type[T]) -> dict[str, T]:
    return {each.key: msgspec.convert(each.value, of) for each in store.records(of.KIND)}


def write(store: Store, value: Any, key: str, *, expect: int | None = None, ttl: float | None = None) -> Record:
    """`value`: a Struct with a KIND. Raises QX-STORE-008 as `Store.put`."""
    return store.put(value.KIND, key, msgspec.to_builtins(value), expect=expect, ttl=ttl)
