"""The audit chain: verified, exported as NDJSON, read back and verified offline. Pure.

An export's first line is a header, every other line one entry in canonical form with the digest before it and its own.
Anybody can recompute a digest: SHA-256 of the previous digest, a newline, and the canonical JSON of `entry` (keys
sorted, no white space, UTF-8). A whole export runs from the store's first entry to its last; the export of one run has
gaps where other runs wrote, so there each entry stands for itself, and their numbering for their number.
Never: repairs anything. A chain that was rewritten from some entry to its end verifies; only an export kept elsewhere
(`missing_from`) tells.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from qx.kernel.canon import canonical
from qx.kernel.errors import Place, QxError
from qx.model.approval import Approved
from qx.model.audit import Break, Signatures
from qx.model.journal import Chained, Event, RunOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qx.failover.approving import Signature
    from qx.model.audit import What
    from qx.model.journal import Run
    from qx.model.plan import Plan

T = TypeVar("T")
SCHEMA = "qx.audit-export/1"


class Header(Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA, forbid_unknown_fields=True):
    store_id: str
    run: str | None  # None: the whole store
    count: int  # of entries
    head: str  # digest of the last entry, '' when there is none


class Export(Struct, frozen=True):
    header: Header
    chain: tuple[Chained, ...]


def verify(chain: Sequence[Chained], *, whole: bool = True) -> list[Break]:
    """Every break, in order. `whole`: the chain begins with the store's first entry and has no gaps.

    After a break the stored digest is taken for granted, so that one change is told once.
    """
    breaks: list[Break] = []
    head, last = "", dict[str, int]()
    for position, link in enumerate(chain, 1):
        run, seq = link.entry.run, link.entry.seq
        if whole and link.previous != head:
            breaks.append(_break(position, run, seq, "previous", head, link.previous))
        if (digest := link.entry.chained_to(link.previous).digest) != link.digest:
            breaks.append(_break(position, run, seq, "digest", digest, link.digest))
        if seq != last.get(run, 0) + 1:
            breaks.append(_break(position, run, seq, "sequence", last.get(run, 0) + 1, seq))
        head, last[run] = link.digest, seq
    return breaks


def verify_runs(chain: Sequence[Chained], runs: Iterable[Run], plan_of: Callable[[str], Plan]) -> list[Break]:
    """Where a run's plan is not the one that it announced when it started, or its outcome not the one it ended with."""
    told: dict[str, list[tuple[int, Chained]]] = {}
    for position, link in enumerate(chain, 1):
        told.setdefault(link.entry.run, []).append((position, link))
    breaks: list[Break] = []
    for run in runs:
        outcome, mine = RunOutcome.OPEN, told.get(run.id, [])
        for position, link in mine:
            outcome = link.entry.sets_outcome or outcome
            promised = link.entry.proof.get("digest") if link.entry.event is Event.STARTED else None
            if promised is not None and promised != (found := plan_of(run.id).digest):
                breaks.append(_break(position, run.id, link.entry.seq, "plan", promised, found))
        if run.outcome is not outcome:
            position, seq = (mine[-1][0], mine[-1][1].entry.seq) if mine else (0, 0)
            breaks.append(_break(position, run.id, seq, "outcome", outcome, run.outcome))
    return breaks


def verify_approvals(
    chain: Sequence[Chained], signature_of: Callable[[Approved], Signature]
) -> tuple[list[Break], Signatures]:
    """Of each approval that a run rests on whether it is what was signed; what cannot be told is no break."""
    breaks: list[Break] = []
    told: list[tuple[Signature, Approved]] = []
    for position, link in enumerate(chain, 1):
        for given in link.entry.proof.get("approvals", ()):
            try:
                each = msgspec.convert(given, Approved)
            except msgspec.ValidationError as error:
                breaks.append(_break(position, link.entry.run, link.entry.seq, "approval", "an approval", error))
                continue
            told.append((found := signature_of(each), each))
            if found == "forged":
                said = (f"what {each.by} signed", "another text or key")
                breaks.append(_break(position, link.entry.run, link.entry.seq, "approval", *said))
    counts = Counter(found for found, _ in told)
    unknown = sorted({f"{each.by} {each.key}" for found, each in told if found == "unknown"})
    return breaks, Signatures(
        verified=counts["verified"], unsigned=counts["unsigned"], unknown=tuple(unknown)
    )


def missing_from(chain: Sequence[Chained], kept: Sequence[Chained]) -> list[Chained]:
    """Entries of `kept` (an export from earlier) that `chain` does not hold any more as they were."""
    held = {link.digest for link in chain}
    return [link for link in kept if link.digest not in held]


def export(store_id: str, chain: Sequence[Chained], run: str | None = None) -> Iterator[str]:
    """Lines without their ends, the header first. `chain` must be the run's entries when `run` is given."""
    head = chain[-1].digest if chain else ""
    yield _line(Header(store_id=store_id, run=run, count=len(chain), head=head))
    for link in chain:
        yield _line(link)


def read_export(lines: Iterable[str], name: str) -> Export:
    """The export in `lines`; `name` is its file, for messages. Raises QxError QX-STORE-004 with the line."""
    header: Header | None = None
    chain: list[Chained] = []
    for number, line in enumerate(lines, 1):
        try:
            if header is None:
                header = _read(line, Header)
            else:
                chain.append(_read(line, Chained))
        except (msgspec.DecodeError, ValueError) as error:
            said = f"not a line of an audit export: {error}"
            raise QxError("QX-STORE-004", said, place=Place(name, number)) from error
    if header is None:
        raise QxError("QX-STORE-004", "an empty file is no audit export", place=Place(name))
    if (header.count, header.head) != (len(chain), chain[-1].digest if chain else ""):
        said = f"the header tells of {header.count} entries, {len(chain)} stand here, or the last is another one"
        raise QxError(
            "QX-STORE-004", said, hint="The file was cut or changed: export again.", place=Place(name, 1)
        )
    return Export(header, tuple(chain))


def _break(position: int, run: str, seq: int, what: What, expected: object, found: object) -> Break:
    return Break(position=position, run=run, seq=seq, what=what, expected=str(expected), found=str(found))


def _line(value: object) -> str:
    return canonical(msgspec.to_builtins(value)).decode()


def _read(line: str, kind: type[T]) -> T:
    value = msgspec.json.decode(line, type=kind)
    if _line(value) != line.rstrip("\n"):
        raise ValueError("it is not in canonical form, or says more than qx would have written")
    return value
