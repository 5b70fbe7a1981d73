"""Transactions in a stream: an entry as it was delivered, what becomes of it, and how many came to what."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct


class Entry(NamedTuple):
    """`at`: Unix seconds by the server's own clock, when it was delivered to us. `fields` None: it was deleted."""

    id: str
    fields: dict[str, str] | None
    at: float
    deliveries: int = 1


class Outcome(NamedTuple):
    """What is written of an entry: to the results, or where it is `dead` to the dead letters. `mark` names it."""

    entry: Entry
    fields: dict[str, str]
    mark: str
    dead: bool = False


class Consuming(Struct, frozen=True, kw_only=True):
    """How a worker works. Seconds."""

    group: str
    consumer: str
    count: int = 50  # entries of one read
    block: float = 1.0  # a read waits so long for entries; so long a stop may take longer
    idle: float = 60.0  # what a worker holds for so long without a sign of life is taken over by others
    deliveries: int = 5  # what was delivered more often is a dead letter
    patience: float = 1.0  # between two attempts at what is away
    refresh: float = 300.0  # packs and lists are read anew so often
    leaves: bool = False  # its name is its own and nobody's after it: the group forgets it in the end
    drain: bool = False  # ends when nothing waits any more, in nobody's hands either


class Tally(Struct, kw_only=True):
    """What one worker did since it began."""

    approved: int = 0  # entries that came to this status
    conditional: int = 0  # likewise
    rejected: int = 0  # likewise
    dead: int = 0  # entries that became dead letters
    taken_over: int = 0  # of all these: entries that another worker had left behind
    repeated: int = 0  # entries that another worker had settled meanwhile: counted there
    given_up: int = 0  # times that judging an entry failed by a bug: it stays where it is, and is tried again
