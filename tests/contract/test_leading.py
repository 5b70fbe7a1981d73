"""Leadership on every store: one leads, and another when it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.leading import Leadership

if TYPE_CHECKING:
    from tests.fakes.rigs import Rig


def test_one_of_two_leads_until_it_resigns(rig: Rig) -> None:
    one, other = Leadership(rig.open(), "eu-west", 60.0), Leadership(rig.open(), "us-east", 60.0)
    assert one.holder() is None
    assert (one.campaign(), other.campaign(), one.campaign()) == (True, False, True)
    assert one.holder() == other.holder() == "eu-west"
    other.resign()
    assert other.holder() == "eu-west"
    one.resign()
    assert one.holder() is None
    assert other.campaign()
    one.resign()
    assert not one.campaign()


def test_one_that_campaigns_no_more_leads_until_its_time_is_over(rig: Rig) -> None:
    one, other = Leadership(rig.open(), "eu-west", rig.ttl), Leadership(rig.open(), "us-east", rig.ttl)
    assert one.campaign()
    rig.advance(2 / 3)
    assert one.campaign()
    rig.advance(2 / 3)
    assert not other.campaign()
    rig.run_out(lambda: one.holder() is None, 1 / 3)
    assert other.campaign()
    assert not one.campaign()


def test_offices_are_held_apart(rig: Rig) -> None:
    store = rig.open()
    assert Leadership(store, "eu-west", 60.0, "alerts").campaign()
    assert Leadership(store, "us-east", 60.0, "drills").campaign()
