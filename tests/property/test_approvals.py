"""Approvals of fewer than N distinct people never pass, whatever is repeated, permuted, replayed or tampered with."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.failover.approving import Subject, tally, wanted_for
from qx.model.approval import Approved
from tests.fakes.court import PEOPLE, Bench, ruled, signer

BENCH = Bench(ruled(3))
PLAN, OTHER = BENCH.plan(), BENCH.plan(id="plan-2")
SUBJECT = Subject(BENCH.platform.platform, BENCH.store.store_id, PLAN.id, PLAN.digest)
GOOD = {name: BENCH.signed(PLAN, name) for name in PEOPLE}
BAD: list[Approved] = [
    *(BENCH.signed(OTHER, name) for name in PEOPLE),
    *(BENCH.statement(PLAN, name) for name in PEOPLE),
    *(replace(GOOD[name], by=other) for name in PEOPLE for other in PEOPLE if other != name),
    *(replace(BENCH.statement(PLAN, name), signature=GOOD[other].signature) for name in PEOPLE for other in PEOPLE
      if other != name),
    *(replace(GOOD[name], reason="changed") for name in PEOPLE),
    *(BENCH.signed(PLAN, name, at=int(BENCH.now) - 901) for name in PEOPLE),
    *(BENCH.signed(PLAN, name, expires=int(BENCH.now)) for name in PEOPLE),
    BENCH.signed(PLAN, "eve"), replace(BENCH.statement(PLAN, "eve"), signature=signer("eve").sign(b"")),
]  # fmt: skip
AGAIN = {name: [GOOD[name], BENCH.signed(PLAN, name, reason="again"), BENCH.signed(PLAN, name, account="root@x")]
         for name in PEOPLE}  # fmt: skip


@st.composite
def heaps(draw: st.DrawFn) -> tuple[set[str], list[Approved]]:
    """Who really signed, and a heap of approvals: theirs, each as often as one likes, and anything that counts not."""
    people = draw(st.sets(st.sampled_from(PEOPLE)))
    theirs = [each for name in sorted(people) for each in draw(st.lists(st.sampled_from(AGAIN[name]), min_size=1))]
    return people, draw(st.permutations(theirs + draw(st.lists(st.sampled_from(BAD), max_size=12))))


@given(heaps(), st.integers(1, 4), st.sampled_from(["zoe@x", *(f"{name}@x" for name in PEOPLE)]))
def test_it_passes_just_when_enough_others_signed(heap: Any, required: int, asked_by: str) -> None:
    people, given_ = heap
    wanted = wanted_for(BENCH.platform, "trading")._replace(required=required)
    found = tally(given_, (SUBJECT,), wanted, BENCH.platform, (asked_by,), BENCH.now, BENCH.signed_by)
    others = people - {asked_by.partition("@")[0]}
    assert {each.by for each in found.counted} == others
    assert found.enough is (len(others) >= required)


@given(st.data())
def test_no_byte_of_what_was_signed_can_change(data: st.DataObject) -> None:
    given_ = GOOD["ada"]
    message = bytearray(given_.statement)
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))
    assert BENCH.signed_by(signer("ada").public, given_.statement, given_.signature)
    assert not BENCH.signed_by(signer("ada").public, bytes(message), given_.signature)
