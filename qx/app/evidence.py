"""Records: the record of every region (`qx.ports.evidence.Evidence`), each in its own region's store.

Invariants: a row goes to the store of its own region and to no other; what cannot be kept there waits in that region's
spool on this machine, and goes there after the next row that could be; nothing that a store does changes an answer.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from qx.app import storage
from qx.compliance import evidence as form
from qx.compliance.evidence import Unreadable
from qx.kernel.errors import QxError
from qx.kernel.text import plural
from qx.model.evidence import Basis, Draft, Found, Noted, Receipt, RecordAudit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from qx.adapters.ed25519 import Signer
    from qx.adapters.evidence.spool import Spool
    from qx.app.compliance import Desk
    from qx.model.evidence import Content, Kept, Note, Packed, Proof, Row
    from qx.model.platform import EvidenceAt
    from qx.ports.clock import Clock
    from qx.ports.evidence import Chain

T = TypeVar("T")
KEY = "QX_EVIDENCE_KEY"
UNREACHED = "QX-STORE-009"
RETRY_S = 5.0  # a store that could not be reached is left alone so long: a batch does not wait for it each time


class Records:
    """`chain`, `spool`: of a region; `contents`: all that a basis speaks of; `say`: for people, one line."""

    def __init__(
        self, regions: Sequence[str], chain: Callable[[str], Chain], spool: Callable[[str], Spool],
        contents: Callable[[Basis], Iterable[Content]], clock: Clock, by: str, say: Callable[[str], None], *,
        seals: bool = False,
    ) -> None:  # fmt: skip
        self.regions = tuple(regions)
        self._make_chain, self._make_spool, self._contents = chain, spool, contents
        self._clock, self._by, self._say, self._seals = clock, by, say, seals
        self._chains: dict[str, Chain] = {}
        self._spools: dict[str, Spool] = {}
        self._away: dict[str, tuple[float, QxError]] = {}  # region -> until when it is left alone, and why
        self._told: set[str] = set()  # regions
        self._kept: set[str] = set()  # regions
        self._bases: dict[tuple[str, str], Basis] = {}

    # -- keeping
    def keep(self, results: Sequence[Kept]) -> Receipt:
        return self.keep_packed(list(form.pack(results)))

    def keep_packed(self, packed: Sequence[Packed]) -> Receipt:
        drafts: dict[str, list[Draft]] = {}
        at = self._clock.now()
        for each in packed:
            if each.basis is None:
                raise ValueError("validations have a basis")
            drafts.setdefault(each.basis.region, []).append(Draft(each, at, self._by))
        total = Receipt(0)
        for region, own in drafts.items():
            total = total.and_(self._put(region, own))
        return total

    def note(self, region: str, note: Note) -> Receipt:
        return self._put(region, [Draft(form.packed_note(note), self._clock.now(), self._by)])

    def _put(self, region: str, drafts: list[Draft]) -> Receipt:
        until, why = self._away.get(region, (0.0, None))
        if why is not None and self._clock.elapsed() < until:
            return self._spooled(region, drafts, why)
        try:
            receipt = self.chain(region).append(drafts, self._contents)
        except QxError as error:
            self._away[region] = (self._clock.elapsed() + RETRY_S, error)
            return self._spooled(region, drafts, error)
        self._away.pop(region, None)
        self._kept.add(region)
        self._drained(region)
        return receipt

    def _spooled(self, region: str, drafts: list[Draft], why: QxError) -> Receipt:
        from qx.adapters.evidence.spool import Full

        rows = sum(each.packed.rows for each in drafts)
        try:
            spool = self.spool(region)
            spool.put(drafts, lambda basis: list(self._contents(basis)))
        except (OSError, Full, QxError) as error:
            said = "its spool is full" if isinstance(error, Full) else str(error)
            self._say(f"warning: {plural(rows, 'row')} of {region} could be recorded nowhere: {why.message}; {said}")
            return Receipt(0, lost=rows)
        if region not in self._told:
            self._told.add(region)
            self._say(f"warning: the record of {region} cannot be written: {why.message}; it waits in {spool.name}")
        return Receipt(0, spooled=rows)

    def _drained(self, region: str) -> None:
        """What waited. Where that fails it goes on waiting."""
        try:
            spool = self.spool(region)
            spool.drain(lambda drafts, contents: self._append(region, drafts, contents))
        except (OSError, QxError) as error:
            self._say(f"warning: what waits for the record of {region} cannot be written: {error}")

    def _append(self, region: str, drafts: Sequence[Draft], contents: Callable[[Basis], Sequence[Content]]) -> None:
        self.chain(region).append(drafts, contents)

    def close(self) -> None:
        """With a key also a checkpoint over what was kept."""
        for region, chain in self._chains.items():
            if self._seals and region in self._kept:
                try:
                    chain.seal(self._clock.now(), self._by)
                except QxError as error:
                    self._say(f"warning: the record of {region} was not sealed: {error.message}")
            chain.shut()
        self._chains.clear()

    # -- finding
    def find(self, validation_id: str, region: str | None = None) -> Found | None:
        """The latest row of that id. Raises QX-TXN-004, QX-STORE-*."""
        key = form.id_bytes(validation_id)
        unreached: QxError | None = None
        for name in self.regions if region is None else (region,):
            try:
                found = self._find(name, key, validation_id)
            except QxError as error:
                unreached = error
                continue
            if found is not None:
                return found
        if unreached is not None:
            raise unreached
        return None

    def _find(self, region: str, key: bytes, validation_id: str) -> Found | None:
        waiting = self.spool(region).find(key)
        if waiting is not None:
            there = _row_in(region, waiting.packed.body, validation_id)
            if there is not None and waiting.packed.basis is not None:
                return Found(waiting.packed.basis, there[1], there[2], waiting.at, waiting.by, 0, there[0])
        chain = self.chain(region)
        for number in reversed(chain.holding(key)):
            block = chain.block(number)
            found = _row_in(region, block.body, validation_id) if block is not None else None
            if block is not None and found is not None:
                place, row, data = found
                basis = self._basis(region, block.link.basis)
                return Found(basis, row, data, block.link.at, block.link.by, number, place)
        return None

    def range(self, region: str, since: float, until: float) -> Iterator[Found]:
        for block in self.chain(region).between("validations", since, until):
            link, basis = block.link, self._basis(region, block.link.basis)
            lines, inputs = _read(region, form.lines_of, block.body), _read(region, form.inputs_of, block.body)
            for place, (line, data) in enumerate(zip(lines, inputs, strict=True)):
                yield Found(basis, _read(region, form.row_of, line), data, link.at, link.by, link.number, place)

    def notes(self, region: str, kind: str, since: float, until: float) -> Iterator[Noted]:
        for block in self.chain(region).between("note", since, until):
            for line in _read(region, form.lines_of, block.body):
                note = _read(region, form.note_of, line)
                if kind in ("", note.kind):
                    yield Noted(region, note, block.link.at, block.link.number)

    def _basis(self, region: str, digest: str) -> Basis:
        if (region, digest) not in self._bases:
            content = self.chain(region).content(digest)
            try:
                found = msgspec.json.decode(content.body if content is not None else b"", type=Basis)
            except msgspec.DecodeError as error:
                said = f"the record of {region}: basis {digest} cannot be read: {error}"
                raise QxError("QX-STORE-004", said) from error
            self._bases[region, digest] = found
        return self._bases[region, digest]

    def verify(self, region: str) -> RecordAudit:
        """All of the record of that region. A store that does not answer is told as such."""
        from qx.app.proof import examined

        chain = self.chain(region)
        try:
            return examined(chain, region, self._waiting(region))
        except QxError as error:
            if error.code != UNREACHED:
                raise
            return RecordAudit(region=region, store=chain.name, verified=False, reached=False,
                               waiting=self._waiting(region))  # fmt: skip

    def proof(self, found: Found) -> Proof:
        """That it is in the record. Raises QX-STORE-*, QX-TXN-005 while it only waits to be kept."""
        from qx.app.proof import proof_of

        return proof_of(self.chain(found.basis.region), found)

    def content(self, region: str, digest: str) -> Content | None:
        """A copy of what a basis speaks of. Raises QX-STORE-*."""
        return self.chain(region).content(digest)

    def _waiting(self, region: str) -> int:
        try:
            return self.spool(region).waiting
        except OSError as error:
            raise QxError("QX-STORE-005", f"{self.spool(region).name}: {error.strerror or error}") from error

    # -- the stores
    def chain(self, region: str) -> Chain:
        if region not in self._chains:
            self._chains[region] = self._make_chain(region)
        return self._chains[region]

    def spool(self, region: str) -> Spool:
        if region not in self._spools:
            self._spools[region] = self._make_spool(region)
        return self._spools[region]


def _row_in(region: str, body: bytes, validation_id: str) -> tuple[int, Row, bytes] | None:
    """(place, row, its transaction)."""
    asked = validation_id.encode()
    for place, line in enumerate(_read(region, form.lines_of, body)):
        if asked in line:
            row = _read(region, form.row_of, line)
            if row.validation_id == validation_id:
                return place, row, _read(region, form.inputs_of, body)[place]
    return None


def _read(region: str, reader: Callable[[bytes], T], data: bytes) -> T:
    try:
        return reader(data)
    except Unreadable as error:
        hint = "`qx audit verify` names every place that does not hold."
        raise QxError("QX-STORE-004", f"the record of {region} cannot be read: {error}", hint=hint) from error


# -- as the configuration has it


def opened(desk: Desk, env: Mapping[str, str], say: Callable[[str], None] = lambda _: None) -> Records:
    """The record of every region of the desk. Nothing is opened before it is needed."""
    from qx.adapters.clock import SystemClock

    places = _Places(desk, env, say)
    return Records(
        desk.regions, places.chain, places.spool, places.contents, SystemClock(), places.operator, say,
        seals=bool(env.get(KEY)),
    )  # fmt: skip


class _Places:
    """Where the record of a region is, and with which key its checkpoints are signed."""

    def __init__(self, desk: Desk, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._desk, self._env, self._say = desk, env, say

    @cached_property
    def operator(self) -> str:
        from qx.app.workbench import Workbench

        return Workbench(self._env).operator

    def chain(self, region: str) -> Chain:
        """Raises QX-STORE-005 where no home is known."""
        at = self._at(region)
        if at is None:
            from qx.adapters.evidence.sqlite import SqliteChain

            return SqliteChain(self._beside(f"{quote(region, safe='')}.db"), region, lambda: self._signer)
        from qx.adapters.evidence.postgres import PostgresChain

        return PostgresChain(at.url, region, lambda: self._secret(at.password), float(at.timeout), lambda: self._signer)

    def spool(self, region: str) -> Spool:
        from qx.adapters.evidence.spool import Spool

        return Spool(self._beside(f"{quote(region, safe='')}.spool"))

    def contents(self, basis: Basis) -> Iterable[Content]:
        """As far as they are at hand."""
        wanted = {each.digest for each in basis.packs}
        held = form.contents_of(self._desk.packs, self._desk.lists if self._desk.lists.digest == basis.lists else None)
        return (each for each in held if each.kind != "pack" or each.digest in wanted)

    def _at(self, region: str) -> EvidenceAt | None:
        platform = self._desk.platform
        return platform.regions[region].evidence if platform is not None and region in platform.regions else None

    def _beside(self, name: str) -> Path:
        platform = self._desk.platform
        home = storage.state_directory(self._env) / "evidence"
        return (home / quote(platform.platform, safe=" ") if platform is not None else home) / name

    def _secret(self, reference: str) -> str:
        from qx.adapters.secrets import resolve

        return resolve(reference, self._env).reveal()

    @cached_property
    def _signer(self) -> Signer | None:
        path = self._env.get(KEY)
        if not path:
            return None
        from qx.adapters.ed25519 import open_key

        try:
            return open_key(Path(path), lambda: "")
        except QxError as error:
            self._say(f"warning: checkpoints are not signed: {error.message}")
            return None
