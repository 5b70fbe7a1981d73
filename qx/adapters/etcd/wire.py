"""What goes over the wire of etcd's JSON gateway: its messages as values, keys and values as bytes.

Base64 and integers written as texts are msgspec's business here, and nobody's elsewhere.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

Message = dict[str, Any]


class Header(Struct, frozen=True):
    member_id: int = 0
    revision: int = 0


class KeyValue(Struct, frozen=True):
    key: bytes = b""
    value: bytes = b""
    mod_revision: int = 0


class Ranged(Struct, frozen=True):
    header: Header = Header()
    kvs: tuple[KeyValue, ...] = ()
    more: bool = False


class Response(Struct, frozen=True):
    response_range: Ranged | None = None


class Committed(Struct, frozen=True):
    header: Header = Header()
    succeeded: bool = False
    responses: tuple[Response, ...] = ()


class Granted(Struct, frozen=True):
    """A lease; `ttl` in seconds may be more than was asked for."""

    id: int = field(default=0, name="ID")
    ttl: int = field(default=0, name="TTL")


class Authenticated(Struct, frozen=True):
    token: str = ""


class Event(Struct, frozen=True):
    kv: KeyValue = KeyValue()
    type: str = "PUT"


class Watched(Struct, frozen=True):
    created: bool = False
    canceled: bool = False
    cancel_reason: str = ""
    events: tuple[Event, ...] = ()


class Streamed(Struct, frozen=True):
    """One line of a watch."""

    result: Watched | None = None
    error: Any = None


class Member(Struct, frozen=True):
    id: int = field(default=0, name="ID")
    name: str = ""
    client_urls: tuple[str, ...] = field(default=(), name="clientURLs")


class Members(Struct, frozen=True):
    members: tuple[Member, ...] = ()


class Status(Struct, frozen=True):
    header: Header = Header()
    version: str = ""
    leader: int = 0
    db_size: int = field(default=0, name="dbSize")


class Alarm(Struct, frozen=True):
    member_id: int = field(default=0, name="memberID")
    alarm: str = ""


class Alarms(Struct, frozen=True):
    alarms: tuple[Alarm, ...] = ()


class Moved(Struct, frozen=True):
    header: Header = Header()


class Failure(Struct, frozen=True):
    """The body of an answer that says no. `code` is gRPC's."""

    code: int = 2
    message: str = ""
    error: Any = ""


def end_of(prefix: bytes) -> bytes:
    """The first key after all that begin with `prefix`."""
    cut = prefix.rstrip(b"\xff")
    return cut[:-1] + bytes([cut[-1] + 1]) if cut else b"\0"


def one(key: bytes) -> Message:
    return {"key": key}


def many(first: bytes, end: bytes, *, limit: int = 0, revision: int = 0) -> Message:
    """From `first` to before `end`, by key, as of `revision` (0: now)."""
    return {"key": first, "range_end": end, "limit": limit, "revision": revision}


def last(first: bytes, end: bytes, limit: int) -> Message:
    """The last `limit` of them by key, the last first."""
    return {"key": first, "range_end": end, "limit": limit, "sort_order": "DESCEND", "sort_target": "KEY"}


def get(query: Message) -> Message:
    return {"request_range": query}


def put(key: bytes, value: bytes, lease: int = 0) -> Message:
    return {"request_put": {"key": key, "value": value, "lease": lease}}


def delete(key: bytes) -> Message:
    return {"request_delete_range": {"key": key}}


def stands_at(key: bytes, revision: int) -> Message:
    """True while nobody has written `key` since `revision`; 0: while it is not there."""
    return {"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision}
