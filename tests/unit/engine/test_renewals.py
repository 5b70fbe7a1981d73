"""What a process itself has seen run out: when that counts, and what is made of it before anybody is promoted."""

from __future__ import annotations

from math import inf
from typing import Any, cast

import pytest
from msgspec.structs import replace

from qx.engine.acts.proving import Proven
from qx.engine.records import write
from qx.engine.renewals import Renewals
from qx.engine.world import Doing
from qx.kernel.errors import Refused
from qx.model import plan
from qx.model.lease import Record
from qx.model.standing import Grant, Renewal
from tests.fakes.rigs import MemoryRig

PG, US = "trading", "us-east"


def a_renewal(revision: int, ttl: float | None = 5.0, key: str = PG) -> Record:
    return Record(kind=Renewal.KIND, key=key, value={} if ttl is None else {"ttl": ttl}, revision=revision, until=9.0)


class Scene:
    """A writer under a lease in a store that gives it `kept` seconds, and somebody who watches."""

    def __init__(self, kept: float = 60.0) -> None:
        self.now = 0.0
        self.renewals = Renewals(lambda: self.now)
        self.store = MemoryRig().open()
        (lease,) = self.store.acquire((PG,), "moved", 1.0)
        self.store.record_writer(lease, US, "7/1", 1.0)
        self.store.release((lease,))
        write(self.store, Grant(cluster=PG, region=US, epoch=1, guard="g1", ttl=5.0, margin=1.5), PG)
        self.live = write(self.store, Renewal(ttl=5.0), PG, ttl=kept)

    def see(self) -> None:
        self.renewals.in_force(self.store.records(Renewal.KIND))

    async def prove(self) -> dict[str, Any]:
        doing = cast("Doing", type("Doing", (), {"world": self}))
        return await Proven().perform(plan.Proven(cluster=PG, region=US, how="expired", epoch=1), doing)


def test_it_is_outlived_once_the_very_same_was_seen_for_as_long_as_it_holds() -> None:
    scene = Scene()
    first = a_renewal(7)
    assert scene.renewals.outlived(first) is None, "nobody has seen it"
    scene.renewals.see(first)
    scene.now = 4.9
    scene.renewals.see(first)
    assert scene.renewals.outlived(first) is None
    scene.now = 5.0
    assert scene.renewals.outlived(first) == 5.0
    assert scene.renewals.outlived(a_renewal(8)) is None, "it was renewed meanwhile"
    assert scene.renewals.in_force((first, a_renewal(3, key="other"))) == {"other"}


def test_an_earlier_one_that_is_told_late_changes_nothing() -> None:
    scene = Scene()
    scene.renewals.see(a_renewal(8))
    scene.now = 4.0
    scene.renewals.see(a_renewal(7))
    scene.now = 5.0
    assert scene.renewals.has_lapsed(a_renewal(8))
    assert not scene.renewals.has_lapsed(a_renewal(7))


def test_what_does_not_tell_for_how_long_it_holds_is_never_outlived() -> None:
    scene = Scene()
    scene.renewals.see(a_renewal(7, ttl=None))
    scene.now = 1e9
    assert not scene.renewals.has_lapsed(a_renewal(7, ttl=None))


def test_the_next_instant_at_which_one_is_over() -> None:
    scene = Scene()
    assert scene.renewals.next(Renewal.KIND, 0.0) == (inf, ())
    scene.renewals.see(a_renewal(7))
    scene.renewals.see(a_renewal(8, ttl=3.0, key="sessions"))
    scene.renewals.see(replace(a_renewal(9, ttl=1.0), kind="leader"))
    assert scene.renewals.next(Renewal.KIND, 0.0) == (3.0, ("sessions",))
    assert scene.renewals.next(Renewal.KIND, 3.0) == (5.0, (PG,))
    assert scene.renewals.next(Renewal.KIND, 5.0) == (inf, ())


async def test_a_lease_that_was_outlived_ends_for_everybody_before_anything_rests_on_it() -> None:
    scene = Scene()
    scene.see()
    scene.now = 5.2
    proof = await scene.prove()
    assert (proof["fence"], proof["renewal"], proof["stood_s"]) == ("expired", scene.live.revision, 5.2)
    assert scene.store.record(Renewal.KIND, PG) is None
    with pytest.raises(Refused, match="QX-STORE-008"):
        write(scene.store, Renewal(ttl=5.0), PG, expect=scene.live.revision, ttl=5.0)


@pytest.mark.parametrize("seen", [True, False])
async def test_one_that_was_renewed_is_left_alone(*, seen: bool) -> None:
    scene = Scene()
    scene.see()
    scene.now = 4.9
    later = write(scene.store, Renewal(ttl=5.0), PG, expect=scene.live.revision, ttl=60.0)
    if seen:
        scene.see()
    scene.now = 5.2
    with pytest.raises(Refused, match="does not stand"):
        await scene.prove()
    assert scene.store.record(Renewal.KIND, PG) == later


async def test_nor_does_one_end_that_is_renewed_in_the_very_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at it and its removal."""
    scene = Scene()
    scene.see()
    scene.now = 5.2
    drop = scene.store.drop

    def late(kind: str, key: str, *, expect: int | None = None) -> bool:
        write(scene.store, Renewal(ttl=5.0), PG, expect=scene.live.revision, ttl=60.0)
        return drop(kind, key, expect=expect)

    monkeypatch.setattr(scene.store, "drop", late)
    with pytest.raises(Refused, match="does not stand"):
        await scene.prove()
    assert scene.store.record(Renewal.KIND, PG) is not None
