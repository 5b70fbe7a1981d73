"""Records: a row goes to its own region's store, waits where that cannot be reached, and never stands in the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from qx.adapters.evidence.spool import Spool
from qx.adapters.evidence.sqlite import SqliteChain
from qx.app.evidence import RETRY_S, Records
from qx.kernel.errors import QxError
from qx.model.evidence import Receipt
from tests.fakes.kept import a_basis, a_note, contents, ids, one, some
from tests.fakes.remembered import StandingClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from qx.model.evidence import Basis, Content, Draft

REGIONS = ("bahrain", "uk")


class Away(SqliteChain):
    """A store that can be out of reach."""

    away = False
    asked = 0

    def append(self, drafts: Sequence[Draft], contents: Callable[[Basis], Iterable[Content]]) -> Receipt:
        self.asked += 1
        if self.away:
            raise QxError("QX-STORE-009", "connection refused")
        return super().append(drafts, contents)


@dataclass
class Desk:
    home: Path
    clock: StandingClock = field(default_factory=lambda: StandingClock(1000.0))
    said: list[str] = field(default_factory=list)
    chains: dict[str, Away] = field(default_factory=dict)
    limit: int = 1 << 20

    def chain(self, region: str) -> Away:
        self.chains[region] = Away(self.home / f"{region}.db", region)
        return self.chains[region]

    def open(self, *, seals: bool = False) -> Records:
        return Records(
            REGIONS, self.chain, lambda region: Spool(self.home / f"{region}.spool", self.limit), contents, self.clock,
            "ada@desk", self.said.append, seals=seals,
        )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_each_row_goes_to_its_own_region(desk: Desk) -> None:
    bahrain, uk = a_basis("bahrain"), a_basis("uk")
    records = desk.open()
    mixed = [one(1, bahrain), one(2, uk), one(3, bahrain)]
    assert records.keep(mixed) == Receipt(3)
    assert [each.row.transaction_id for each in records.range("bahrain", 0, 2000)] == ["TXN-1", "TXN-3"]
    assert [each.row.transaction_id for each in records.range("uk", 0, 2000)] == ["TXN-2"]
    assert records.find(ids(mixed)[1], "bahrain") is None
    found = records.find(ids(mixed)[1])
    assert found is not None
    assert found[:5] == (uk, mixed[1].row, mixed[1].input, 1000.0, "ada@desk")


def test_a_range_begins_and_ends_where_it_says(desk: Desk) -> None:
    records = desk.open()
    for at in (10.0, 20.0, 30.0):
        desk.clock.at = at
        records.keep(some(1, int(at)))
    assert [each.at for each in records.range("bahrain", 10.0, 30.0)] == [10.0, 20.0]


def test_what_cannot_be_kept_waits_and_is_kept_with_the_next(desk: Desk) -> None:
    records = desk.open()
    records.keep(some(1))
    desk.chains["bahrain"].away = True
    desk.clock.at = 2000.0
    assert records.keep(some(3, 10)) == Receipt(0, spooled=3)
    assert len(desk.said) == 1
    assert "waits in" in desk.said[0]
    found = records.find(ids(some(3, 10))[2])
    assert found is not None
    assert (found.block, found.at) == (0, 2000.0)
    desk.chains["bahrain"].away = False
    desk.clock.at += RETRY_S
    assert records.keep(some(1, 50)) == Receipt(1)
    assert [each.at for each in records.range("bahrain", 0, 1e9)] == [1000.0, 2000.0, 2000.0, 2000.0, 2000.0 + RETRY_S]
    audit = records.verify("bahrain")
    assert (audit.verified, audit.rows, audit.waiting) == (True, 5, 0)


def test_a_store_that_is_away_is_not_asked_each_time(desk: Desk) -> None:
    records = desk.open()
    chain = records.chain("bahrain")
    assert isinstance(chain, Away)
    chain.away = True
    for number in range(5):
        records.keep(some(1, number))
    assert (chain.asked, len(desk.said)) == (1, 1)
    desk.clock.at += RETRY_S
    records.keep(some(1, 9))
    assert chain.asked == 2
    assert records.verify("bahrain").waiting == 6


def test_what_waits_is_kept_once_however_often_it_is_drained(desk: Desk) -> None:
    records = desk.open()
    records.keep(some(2))
    spool = records.spool("bahrain")
    desk.chains["bahrain"].away = True
    records.keep(some(3))  # two of them stand there already
    again = (desk.home / "bahrain.spool").read_bytes()
    for _ in range(2):
        (desk.home / "bahrain.spool").write_bytes(again)
        desk.open().keep(some(1, 70))
        assert not spool.stands
    assert desk.open().verify("bahrain").rows == 4


def test_other_regions_do_not_wait_for_one_that_is_away(desk: Desk) -> None:
    records = desk.open()
    chain = records.chain("uk")
    assert isinstance(chain, Away)
    chain.away = True
    assert records.keep([one(1, a_basis("uk")), one(2)]) == Receipt(1, spooled=1)


def test_what_can_be_written_nowhere_is_said_and_raises_nothing(desk: Desk) -> None:
    desk.limit = 10
    records = desk.open()
    chain = records.chain("bahrain")
    assert isinstance(chain, Away)
    chain.away = True
    assert records.keep(some(4)) == Receipt(0, lost=4)
    assert "4 rows of bahrain could be recorded nowhere" in desk.said[0]
    assert "full" in desk.said[0]


def test_notes_stand_in_the_same_chain(desk: Desk) -> None:
    records = desk.open()
    records.keep(some(1))
    assert records.note("bahrain", a_note(1)) == Receipt(1)
    desk.clock.at = 1500.0
    assert records.note("bahrain", a_note(2, "waiver")) == Receipt(1)
    assert records.note("bahrain", a_note(2, "waiver")) == Receipt(0, known=1)
    assert [(each.note.kind, each.at, each.block) for each in records.notes("bahrain", "", 0, 9999)] == [
        ("override", 1000.0, 2), ("waiver", 1500.0, 3),
    ]  # fmt: skip
    assert [each.note for each in records.notes("bahrain", "waiver", 0, 9999)] == [a_note(2, "waiver")]
    assert records.verify("bahrain").notes == 2


def test_a_store_that_is_not_reached_is_told_as_such(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise QxError("QX-STORE-009", "connection refused")

    records = desk.open()
    records.keep(some(1))
    for name in ("holding", "blocks"):
        monkeypatch.setattr(Away, name, away)
    audit = records.verify("bahrain")
    assert (audit.reached, audit.verified) == (False, False)
    with pytest.raises(QxError) as refused:
        records.find(ids(some(1))[0])
    assert refused.value.code == "QX-STORE-009"


def test_reading_makes_no_store(desk: Desk) -> None:
    records = desk.open(seals=True)
    assert records.find(ids(some(1))[0]) is None
    assert list(records.range("uk", 0, 9999)) == []
    assert records.verify("uk").blocks == 0
    records.close()
    assert list(desk.home.iterdir()) == []


def test_with_a_key_a_checkpoint_is_made_at_the_end(desk: Desk) -> None:
    records = desk.open(seals=True)
    kept = some(2)
    records.keep(kept)
    records.close()
    records = desk.open()
    assert records.verify("bahrain").checkpoints == 1
    found = records.find(ids(kept)[1])
    assert found is not None
    proof = records.proof(found)
    assert proof.verified
    assert proof.checkpoint is not None
