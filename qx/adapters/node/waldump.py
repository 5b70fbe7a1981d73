"""pg_waldump's text, read: which transactions committed, which relations were written, where the WAL ends."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from qx.adapters.node.programs import running
from qx.kernel.lsn import format_lsn, parse_lsn

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
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


def read(lines: Iterable[str], among: Container[str] | None = None) -> Beyond:
    """Lines of pg_waldump, or only those of transactions `among` these; what is no record is passed over."""
    beyond = Beyond()
    for line in lines:
        found = _RECORD.match(line)
        if found is None or (among is not None and found.group(3) not in among):
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


class Wal(NamedTuple):
    """Segments of one timeline, and the program that reads them."""

    program: Path
    place: Path
    timeline: int

    def between(self, start: int, end: int | None, deadline: Deadline, turn: Turn) -> Iterator[str]:
        """The lines of its records from `start` to `end` (None: to the last). Raises OSError when it cannot be run,
        TimeoutError.
        """
        argv = [str(self.program), "--path", str(self.place), "--timeline", str(self.timeline)]
        argv += ["--start", format_lsn(start), *(["--end", format_lsn(end)] if end is not None else [])]
        with tempfile.TemporaryFile() as errors, running(argv, deadline, turn, errors) as child:
            for number, line in enumerate(child.stdout or ()):
                if number % 1024 == 0 and deadline.passed:
                    raise TimeoutError("pg_waldump did not end in time")
                yield line.decode(errors="replace")
