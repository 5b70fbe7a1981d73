"""When may a writer go home by policy?"""

from __future__ import annotations

from msgspec.structs import replace

from qx.failover.homing import may_return, well_since
from qx.failover.judge import judge
from qx.kernel.spans import Seconds
from qx.model.topology import Cause, ClusterView, Role, Verdict
from qx.model.watching import Returning
from tests.unit.failover import values as v
from tests.unit.failover.values import EU, NOW, STORE, US

POLICY = Returning(enabled=True, delay=Seconds(300), soak=Seconds(600))


def away() -> ClusterView:
    """The writer stands in us-east; seen from a platform whose home is eu-west."""
    return judge(v.platform(), v.healthy(), v.endpoints(), {}, STORE, NOW).clusters["trading"]


def test_home_is_well_from_the_first_look_that_finds_it_so() -> None:
    assert well_since(None, away(), EU, 10.0) == 10.0
    assert well_since(10.0, away(), EU, 20.0) == 10.0


def test_a_break_begins_anew() -> None:
    view = away()
    for changed in (
        {"streaming": False}, {"role": Role.SILENT}, {"cause": Cause.LAGGING},
    ):  # fmt: skip
        broken = replace(view, nodes=view.nodes | {EU: replace(view.nodes[EU], **changed)})
        assert well_since(10.0, broken, EU, 20.0) is None
    assert well_since(10.0, replace(view, verdict=Verdict.DEGRADED), EU, 20.0) is None


def test_a_writer_at_home_stays() -> None:
    assert well_since(10.0, away(), US, 20.0) is None


def test_it_waits_for_delay_and_soak_and_for_being_asked_to() -> None:
    assert not may_return(POLICY, 10.0, 609.9)
    assert may_return(POLICY, 10.0, 610.0)
    assert not may_return(POLICY, None, 1e9)
    assert not may_return(replace(POLICY, enabled=False), 10.0, 1e9)
