"""pg_waldump's text, read: which transactions committed, which relations were written, where the WAL ends."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from qx.adapters.node.programs import running, tail
from qx.kernel.lsn import format_lsn, parse_lsn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn

_RECORD = re.compile(
    r"rmgr: (\S+)\s+len \(rec/tot\):\s*\d+/\s*(\d+), tx:\s*(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), prev \S+, desc: (\S+)(.*)"
)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)")
_SUBXACTS = re.compile(r"subxacts: ([\d ]+)")
_PREPARED = re.compile(r"\s*(\d+)[:\s]")
_RELATION = re.compile(r"rel (\d+)/(\d+)/(\d+)")
_CHANGES = {"INSERT", "MULTI_INSERT", "UPDATE", "HOT_UPDATE", "DELETE", "TRUNCATE"}
_ALIGNED = 8


class Relation(NamedTuple):
    """As WAL names it: oids of tablespace and database, number of the file."""

    tablespace: int
    database: int
    filenode: int


class Commit(NamedTuple):
    xid: int
    at: str  # UTC, as the server wrote it into the record
    position: int


class Beyond(Struct, kw_only=True):
    """What follows a position. `end` is right to within a WAL page's header."""

    records: int = 0
    end: int = 0
    commits: list[Commit] = field(default_factory=list)
    xids: set[int] = field(default_factory=set)  # of the commits, their subtransactions included
    relations: dict[Relation, Counter[str]] = field(default_factory=dict)  # changes of rows, by kind


def read(lines: Iterable[str]) -> Beyond:
    """Lines of pg_waldump; those that are no records are passed over."""
    beyond = Beyond()
    for line in lines:
        found = _RECORD.match(line)
        if found is None:
            continue
        resource, total, xid, position, what, rest = found.groups()
        beyond.records += 1
        beyond.end = -(-(parse_lsn(position) + int(total)) // _ALIGNED) * _ALIGNED
        if resource == "Transaction" and what.startswith("COMMIT"):
            _commit(beyond, int(xid), position, what, rest)
        elif resource in {"Heap", "Heap2"} and (change := what.removesuffix("+INIT")) in _CHANGES:
            for relation in {Relation(*map(int, numbers)) for numbers in _RELATION.findall(rest)}:
                beyond.relations.setdefault(relation, Counter())[change] += 1
    return beyond


def _commit(beyond: Beyond, xid: int, position: str, what: str, rest: str) -> None:
    prepared = _PREPARED.match(rest) if what == "COMMIT_PREPARED" else None
    xid = int(prepared.group(1)) if prepared else xid
    at = _INSTANT.search(rest)
    beyond.commits.append(Commit(xid, at.group(1) if at else "", parse_lsn(position)))
    below = _SUBXACTS.search(rest)
    beyond.xids.update([xid], map(int, below.group(1).split()) if below else ())


def dump(
    program: Path, place: Path, timeline: int, start: int, deadline: Deadline, turn: Turn
) -> tuple[Beyond, str]:
    """What lies beyond `start` in the segments at `place`, and pg_waldump's last words (it always ends with an error).

    Raises OSError when it cannot be run, TimeoutError.
    """
    argv = (str(program), "--path", str(place), "--timeline", str(timeline), "--start", format_lsn(start))
    with tempfile.TemporaryFile() as errors, running(argv, deadline, turn, errors) as child:
        out = child.stdout or ()
        beyond = read(_until(deadline, (line.decode(errors="replace") for line in out)))
        child.wait()
        errors.seek(0)
        return beyond, tail(errors.read().decode(errors="replace"), 1)


def _until(deadline: Deadline, lines: Iterable[str]) -> Iterable[str]:
    for number, line in enumerate(lines):
        if number % 1024 == 0 and deadline.passed:
            raise TimeoutError("pg_waldump did not end in time")
        yield line
