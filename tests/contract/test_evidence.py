"""The record of a region: what every store of it does, SQLite and a real PostgreSQL alike."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from qx.adapters.evidence import shelf
from qx.adapters.evidence.postgres import PostgresChain
from qx.adapters.evidence.sqlite import SqliteChain
from qx.app.proof import examined, proof_of
from qx.compliance import evidence as form
from qx.compliance.evidence import id_bytes, packed_checkpoint, packed_note
from qx.kernel import merkle
from qx.kernel.errors import QxError
from qx.model.evidence import Checkpoint, Draft, Found, Head
from tests.fakes.kept import PACK, a_basis, a_note, contents, drafts, ids, one, some
from tests.fixtures_servers import PgNode, Servers, free_port, frozen, pg_installs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qx.model.evidence import Kept
    from qx.ports.evidence import Chain


@dataclass
class SqliteRecord:
    path: Path
    region: str = "bahrain"
    opened: list[Chain] = field(default_factory=list)

    def open(self) -> SqliteChain:
        """Another process coming to it."""
        self.opened.append(made := SqliteChain(self.path, self.region))
        return made

    def raw(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """By the hand of somebody who may do anything. `:region` stands for it."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            triggers = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (name,) in triggers:
                db.execute(f"DROP TRIGGER {name}")
            return db.execute(statement.replace("qx_evidence.", "").replace("%s", "?"), parameters).fetchall()


@dataclass
class PgRecord:
    server: PgNode
    region: str
    opened: list[Chain] = field(default_factory=list)

    def open(self) -> PostgresChain:
        self.opened.append(made := PostgresChain(self.server.url, self.region, lambda: "", 10.0))
        return made

    def raw(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.server.connect() as db:
            db.execute("SET session_replication_role = replica")  # no triggers
            found = db.execute(statement.encode(), parameters or None)
            return found.fetchall() if found.description else []


Record = SqliteRecord | PgRecord


MAJORS = list(pg_installs())
POSTGRES = [
    pytest.param(major, id=f"pg{major}", marks=[] if major == MAJORS[-1] else [pytest.mark.slow]) for major in MAJORS
] or [pytest.param(0, marks=pytest.mark.skip(reason="no PostgreSQL is installed: pip install 'qx[lab]'"))]


@pytest.fixture(params=[pytest.param(None, id="sqlite"), *POSTGRES])
def record(request: pytest.FixtureRequest, tmp_path: Path, session_servers: Servers) -> Iterator[Record]:
    major: int | None = request.param
    made: Record
    if major is None:
        made = SqliteRecord(tmp_path / "state" / "bahrain.db")
    else:
        server = session_servers.shared(("evidence", major), lambda: started(session_servers.postgres(major)))
        made = PgRecord(server, f"region-{tmp_path.name}")
    yield made
    for chain in made.opened:
        chain.shut()


def started(server: PgNode) -> PgNode:
    server.start()
    return server


def basis_of(record: Record, engine: str = "qx-rules/1") -> Any:
    return a_basis(record.region, engine)


def keep(chain: Chain, kept: list[Kept], at: float = 1000.0) -> Any:
    return chain.append(drafts(kept, at), contents)


def found_in(chain: Chain, kept: Kept) -> Found:
    number = chain.holding(id_bytes(kept.row.validation_id))[-1]
    block = chain.block(number)
    assert block is not None
    lines = [form.row_of(line) for line in form.lines_of(block.body)]
    place = [each.validation_id for each in lines].index(kept.row.validation_id)
    data = form.inputs_of(block.body)[place]
    return Found(kept.basis, lines[place], data, block.link.at, block.link.by, number, place)


def faults(record: Record) -> set[tuple[str, str]]:
    """(what, validation id) of all that an examination finds."""
    audit = examined(record.open(), record.region)
    assert audit.verified == (not audit.faults)
    return {(each.what, each.validation_id) for each in audit.faults}


# -- keeping and finding


def test_nothing_stands_before_something_is_kept(record: Record) -> None:
    chain = record.open()
    assert chain.head().digest == ""
    assert chain.holding(id_bytes(ids(some(1))[0])) == ()
    assert list(chain.blocks()) == []
    assert examined(chain, record.region).verified


@pytest.mark.parametrize("count", [1, 3, 1500])
def test_what_was_kept_is_found_as_it_was(record: Record, count: int) -> None:
    kept = some(count, basis=basis_of(record))
    assert keep(record.open(), kept) == (count, 0, 0, 0)
    chain = record.open()
    for each in (kept[0], kept[-1]):
        found = found_in(chain, each)
        assert (found.row, found.input, found.at, found.by) == (each.row, each.input, 1000.0, "ada@desk")
    assert chain.holding(id_bytes(ids(some(1, 9_000_000, basis_of(record)))[0])) == ()
    assert examined(chain, record.region).rows == count


def test_the_same_row_again_is_no_other_row(record: Record) -> None:
    kept = some(3, basis=basis_of(record))
    chain = record.open()
    keep(chain, kept)
    assert keep(chain, kept, at=2000.0) == (0, 3, 0, 0)
    assert keep(chain, [kept[1], one(7, basis_of(record)), kept[0]]) == (1, 2, 0, 0)
    assert keep(record.open(), [kept[2], kept[2]]) == (0, 1, 0, 0)
    assert chain.head().rows == 4


def test_large_blocks_and_small_ones_know_each_other(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    basis = basis_of(record)
    keep(record.open(), some(10, 0, basis))
    keep(record.open(), some(1200, 1000, basis))
    chain = record.open()
    assert keep(chain, some(1300, 950, basis)) == (100, 1200, 0, 0)
    assert keep(chain, some(20, 5, basis)) == (15, 5, 0, 0)
    monkeypatch.setattr(shelf, "ASKED", 0)  # from now on by the filter
    assert keep(chain, some(1400, 940, basis)) == (100, 1300, 0, 0)
    keep(record.open(), some(1100, 5000, basis))  # another process, of which the filter has to hear
    assert keep(chain, some(1200, 4950, basis)) == (100, 1100, 0, 0)
    assert keep(chain, some(3, 4951, basis)) == (0, 3, 0, 0)
    assert examined(record.open(), record.region).verified


def test_one_id_with_another_outcome_is_another_row(record: Record) -> None:
    basis = basis_of(record)
    chain = record.open()
    plain, copied = one(1, basis), one(1, basis, given={"facts.copies": "2"}, compliance_score=70)
    assert ids([plain]) == ids([copied])
    keep(chain, [plain])
    assert keep(chain, [copied]) == (1, 0, 0, 0)
    assert chain.holding(id_bytes(ids([plain])[0])) == (1, 2)


def test_what_a_basis_speaks_of_stands_there_once(record: Record) -> None:
    asked = []

    def told(basis: Any) -> Any:
        asked.append(basis)
        return contents(basis)

    one_basis, other = basis_of(record), basis_of(record, "qx-rules/2")
    for number, basis in enumerate((one_basis, one_basis, other)):
        record.open().append(drafts(some(1, number, basis)), told)
    assert asked == [one_basis], "the other basis speaks of the same pack and lists"
    chain = record.open()
    pack = chain.content(one_basis.packs[0].digest)
    assert pack is not None
    assert (pack.kind, pack.body) == ("pack", PACK)
    assert sorted(each.kind for each in chain.contents()) == ["basis", "basis", "lists", "pack"]


def test_blocks_by_when_they_were_kept(record: Record) -> None:
    chain, basis = record.open(), basis_of(record)
    for at in (10.0, 30.0, 20.0):
        keep(chain, some(2, int(at), basis), at)
    chain.append([Draft(packed_note(a_note()), 20.0, "ada@desk")], contents)
    assert [each.link.at for each in chain.between("validations", 10.0, 30.0)] == [10.0, 20.0]
    assert [each.link.kind for each in chain.between("note", 0.0, 100.0)] == ["note"]
    assert chain.append([Draft(packed_note(a_note()), 40.0, "ada@desk")], contents).known == 1


def test_an_append_that_fails_leaves_nothing(record: Record) -> None:
    basis = basis_of(record)

    def lost(_: Any) -> Any:
        raise RuntimeError("lost")

    chain = record.open()
    keep(chain, some(1, 0, basis))
    two = [*drafts(some(1, 1, basis)), *drafts(some(1, 2, basis_of(record, "another")))]
    fresh = [*two[:1], Draft(two[1].packed._replace(basis=_unheld(record)), 1.0, "x")]
    with pytest.raises(RuntimeError):
        chain.append(fresh, lost)
    assert record.open().head().rows == 1
    assert keep(chain, some(2, 0, basis)) == (1, 1, 0, 0)
    assert examined(chain, record.region).verified


def _unheld(record: Record) -> Any:
    from msgspec.structs import replace

    return replace(basis_of(record), lists="0" * 64)


def test_writers_at_the_same_time_make_one_chain(record: Record) -> None:
    basis, trouble = basis_of(record), list[BaseException]()

    def write(writer: int) -> None:
        chain = record.open()
        try:
            for turn in range(10):  # every second row is also another one's
                keep(chain, some(2, 10 * writer + turn, basis))
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            trouble.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trouble
    audit = examined(record.open(), record.region)
    assert audit.verified
    assert audit.rows == 41


# -- checkpoints and proofs


@pytest.mark.parametrize("sizes", [(1500,), (300, 1, 900), (1,)])
def test_a_row_is_proven_up_to_the_checkpoint(record: Record, sizes: tuple[int, ...]) -> None:
    basis, chain, first = basis_of(record), record.open(), 0
    kept = []
    for size in sizes:
        kept += some(size, first, basis)
        keep(chain, kept[first:])
        first += size
    for each in (kept[0], kept[len(kept) // 2], kept[-1]):
        proof = proof_of(chain, found_in(chain, each))
        siblings = [merkle.Sibling(step.side == "left", bytes.fromhex(step.digest)) for step in proof.path]
        assert merkle.climbed(bytes.fromhex(proof.leaf), siblings).hex() == proof.block.root
        assert form.link_digest(proof.block) == proof.block.digest
        if sum(sizes) < shelf.EVERY:
            assert proof.checkpoint is None
            continue
        assert proof.checkpoint is not None
        above = [merkle.Sibling(step.side == "left", bytes.fromhex(step.digest)) for step in proof.checkpoint_path]
        assert merkle.climbed(merkle.leaf(bytes.fromhex(proof.block.digest)), above).hex() == proof.checkpoint.root


def test_a_seal_covers_what_is_not_covered_once(record: Record) -> None:
    chain = record.open()
    keep(chain, some(2, basis=basis_of(record)))
    chain.seal(5.0, "ada@desk")
    chain.seal(6.0, "ada@desk")
    assert chain.head()[2:] == (2, 1, 0)
    assert examined(chain, record.region).checkpoints == 1


# -- one changed, removed, reordered or inserted row is found and named


@pytest.fixture(params=[pytest.param(5, id="small"), pytest.param(1300, id="large", marks=pytest.mark.slow)])
def kept(request: pytest.FixtureRequest, record: Record) -> list[Kept]:
    rows = some(request.param, basis=basis_of(record))
    keep(record.open(), rows[:-2])
    keep(record.open(), rows[-2:-1])
    keep(record.open(), rows[-1:])
    assert not faults(record)
    return rows


def rewritten(record: Record, kept: list[Kept]) -> None:
    """The first block's rows are others now; everything else stands as it was."""
    (packed,) = form.pack(kept)
    record.raw("UPDATE qx_evidence.blocks SET body = %s WHERE number = 1 AND region = %s", packed.body, record.region)


def test_a_changed_row_is_named(record: Record, kept: list[Kept]) -> None:
    block = kept[:-2]
    rewritten(record, [*block[:1], one(1, basis_of(record), status="approved"), *block[2:]])
    assert faults(record) == {("changed", ids(kept)[1])}


def test_a_changed_row_among_many_is_named(record: Record) -> None:
    rows = some(1100, basis=basis_of(record))
    keep(record.open(), rows)
    rewritten(record, [*rows[:7], one(7, basis_of(record), status="approved"), *rows[8:]])
    assert faults(record) == {("changed", ids(rows)[7])}


def test_a_changed_transaction_is_named(record: Record, kept: list[Kept]) -> None:
    block = kept[:-2]
    rewritten(record, [*block[:1], block[1]._replace(input=b'{"amount":"0"}'), *block[2:]])
    assert faults(record) == {("changed", ids(kept)[1])}


def test_a_removed_row_is_named(record: Record, kept: list[Kept]) -> None:
    block = kept[:-2]
    rewritten(record, [block[0], *block[2:]])
    assert ("removed", ids(kept)[1]) in faults(record)


def test_reordered_rows_are_named(record: Record, kept: list[Kept]) -> None:
    block = kept[:-2]
    rewritten(record, [block[1], block[0], *block[2:]])
    assert faults(record) == {("reordered", each) for each in ids(kept)[:2]}


def test_an_inserted_row_is_named(record: Record, kept: list[Kept]) -> None:
    inserted = one(77777, basis_of(record))
    rewritten(record, [*kept[:-2], inserted])
    assert ("inserted", ids([inserted])[0]) in faults(record)


@pytest.mark.parametrize("number", [1, 2, "last"])
def test_a_removed_block_is_named_by_its_rows(record: Record, kept: list[Kept], number: int | str) -> None:
    last = record.open().head().number
    where = last if number == "last" else number
    record.raw("DELETE FROM qx_evidence.blocks WHERE number = %s AND region = %s", where, record.region)
    found = faults(record)
    gone = {1: ids(kept)[0], 2: ids(kept)[-2]}.get(int(where), ids(kept)[-1])
    if len(kept) < shelf.EVERY or number != 2:  # where there are many the second block is a checkpoint
        assert ("removed", gone) in found
    assert {"number", "previous", "head"} & {what for what, _ in found}


def test_swapped_blocks_are_found(record: Record, kept: list[Kept]) -> None:
    last = record.open().head().number
    for one_number, other in ((last, -1), (last - 1, last), (-1, last - 1)):
        record.raw("UPDATE qx_evidence.blocks SET number = %s WHERE number = %s AND region = %s", other, one_number,
                   record.region)  # fmt: skip
    assert {"previous", "header"} <= {what for what, _ in faults(record)}


def test_an_entry_of_the_index_that_is_gone_is_found(record: Record, kept: list[Kept]) -> None:
    last = record.open().head().number
    record.raw("DELETE FROM qx_evidence.lines WHERE block = %s", last)
    assert {what for what, _ in faults(record)} == {"index"}


def test_who_kept_it_and_when_cannot_be_changed(record: Record, kept: list[Kept]) -> None:
    record.raw("UPDATE qx_evidence.blocks SET by = 'eve', at = 7 WHERE number = 1 AND region = %s", record.region)
    assert {what for what, _ in faults(record)} == {"header"}


def test_a_changed_pack_is_found(record: Record, kept: list[Kept]) -> None:
    import zlib

    record.raw("UPDATE qx_evidence.contents SET body = %s WHERE kind = 'pack' AND digest = %s", zlib.compress(b"{}"),
               kept[0].basis.packs[0].digest)  # fmt: skip
    assert {what for what, _ in faults(record)} == {"content"}
    if isinstance(record, PgRecord):  # it is all tests': as it was
        record.raw("UPDATE qx_evidence.contents SET body = %s WHERE kind = 'pack'", zlib.compress(PACK))


def test_a_made_up_checkpoint_is_found(record: Record, kept: list[Kept]) -> None:
    chain = record.open()
    chain.seal(7.0, "ada@desk")
    last = chain.head().number
    made_up = Checkpoint(region=record.region, first=1, last=last - 1, rows=99, root="0" * 64, head="0" * 64)
    packed = packed_checkpoint(made_up)
    record.raw("UPDATE qx_evidence.blocks SET body = %s WHERE number = %s AND region = %s", packed.body, last,
               record.region)  # fmt: skip
    assert {"checkpoint", "changed"} <= {what for what, _ in faults(record)}


def test_a_store_refuses_to_be_changed(record: Record, kept: list[Kept]) -> None:
    if isinstance(record, SqliteRecord):
        refused = pytest.raises(sqlite3.IntegrityError, match="kept as written")
        with closing(sqlite3.connect(record.path)) as db, refused:
            db.execute("DELETE FROM blocks")
    else:
        import psycopg

        with record.server.connect() as db, pytest.raises(psycopg.errors.RaiseException, match="kept as written"):
            db.execute("DELETE FROM qx_evidence.blocks")


def test_a_head_that_was_set_back_does_not_fork_the_chain(record: Record, kept: list[Kept]) -> None:
    record.raw("UPDATE qx_evidence.head SET number = 0, digest = ''")
    with pytest.raises(QxError) as refused:
        keep(record.open(), some(1, 99_999, basis_of(record)))
    assert refused.value.code == "QX-STORE-004"


def test_a_head_before_anything_is_the_same_everywhere(record: Record) -> None:
    assert record.open().head() == Head()


# -- a server that does not answer


@pytest.mark.skipif(not MAJORS, reason="no PostgreSQL is installed: pip install 'qx[lab]'")
def test_a_server_that_hangs_is_left_in_time_and_asked_again(session_servers: Servers, tmp_path: Path) -> None:
    server = session_servers.shared(("evidence", MAJORS[-1]), lambda: started(session_servers.postgres(MAJORS[-1])))
    record = PgRecord(server, f"region-{tmp_path.name}")
    basis = basis_of(record)
    kept = PostgresChain(server.url, record.region, lambda: "", 10.0)
    fresh = PostgresChain(server.url, record.region, lambda: "", 0.5)
    keep(kept, some(1, 0, basis))
    with frozen(server.process):
        begun = time.monotonic()
        with pytest.raises(QxError) as away:
            keep(fresh, some(1, 1, basis))
        assert time.monotonic() - begun < 5
        assert away.value.code == "QX-STORE-009"
    assert keep(fresh, some(1, 1, basis)) == (1, 0, 0, 0)
    assert keep(kept, some(2, 1, basis)) == (1, 1, 0, 0)
    assert examined(kept, record.region).rows == 3
    kept.shut()
    fresh.shut()


@pytest.mark.skipif(not MAJORS, reason="no PostgreSQL is installed: pip install 'qx[lab]'")
def test_a_connection_that_was_cut_is_made_again(session_servers: Servers, tmp_path: Path) -> None:
    server = session_servers.shared(("evidence", MAJORS[-1]), lambda: started(session_servers.postgres(MAJORS[-1])))
    record = PgRecord(server, f"region-{tmp_path.name}")
    chain = record.open()
    assert isinstance(chain, PostgresChain)
    keep(chain, some(1, 0, basis_of(record)))
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qx/evidence'")
    assert keep(chain, some(1, 1, basis_of(record))) == (1, 0, 0, 0)
    chain.shut()


def test_nobody_there_is_no_answer() -> None:
    chain = PostgresChain(f"postgresql://qx@127.0.0.1:{free_port()}/record", "bahrain", lambda: "", 1.0)
    for question in (chain.head, lambda: keep(chain, some(1)), lambda: list(chain.blocks())):
        with pytest.raises(QxError) as away:
            question()
        assert away.value.code == "QX-STORE-009"
    chain.shut()
