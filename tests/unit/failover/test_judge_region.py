from __future__ import annotations

from typing import Any

import pytest

from qx.failover.judge import judge
from qx.model.observation import Silence
from qx.model.topology import Cause, RegionView, Verdict
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, STORE, US


def region(name: str, changed: dict[tuple[str, str], Any], endpoints: dict[tuple[str, str], Any]) -> RegionView:
    everything = v.healthy() | {
        key: each if isinstance(each, Silence) else v.observed(*key, each) for key, each in changed.items()
    }
    return judge(v.platform(), everything, v.endpoints() | endpoints, {}, STORE, NOW).regions[name]


def dark(name: str, reason: str = "timeout") -> dict[tuple[str, str], Any]:
    return {(cluster, name): v.silent(cluster, name, reason) for cluster in ("trading", "sessions")}


def dark_web(name: str, reason: str = "timeout") -> dict[tuple[str, str], Any]:
    return {(name, "web"): v.silent("web", name, reason)}


PG_LOST, REDIS_LOST = v.pg_replica(None), v.redis_replica(link_up=False, link_down_s=3)
US_LOST = {(subject, r): lost for r in (EU, AP) for subject, lost in (("trading", PG_LOST), ("sessions", REDIS_LOST))}


def test_a_healthy_region() -> None:
    view = region(US, {}, {})
    assert (view.verdict, view.cause) == (Verdict.HEALTHY, Cause.NONE)
    assert view.because == "all 3 services answer as expected"


def test_an_endpoint_that_answers_badly_or_not_at_all() -> None:
    view = region(EU, {}, {(EU, "web"): v.endpoint(EU, ok=False, detail="503 Service Unavailable")})
    assert (view.verdict, view.cause) == (Verdict.DEGRADED, Cause.ENDPOINT_FAILING)
    assert view.because == "web answers 503 Service Unavailable"
    assert region(EU, {}, dark_web(EU, "refused")).because == "web refuses connections"


def test_every_fault_of_a_region_is_told_the_most_serious_first() -> None:
    view = region(EU, {("trading", EU): v.silent("trading", EU)}, dark_web(EU, "refused"))
    assert (view.verdict, view.cause) == (Verdict.DEGRADED, Cause.REPLICA_SILENT)
    assert view.because == "trading refuses connections; web refuses connections"


def test_a_replica_that_lost_a_dead_writer_is_not_its_regions_fault() -> None:
    assert region(EU, dark(US, "refused") | US_LOST, dark_web(US, "refused")).verdict is Verdict.HEALTHY
    assert region(EU, US_LOST, {}).cause is Cause.REPLICA_NOT_STREAMING  # but a link that broke by itself is


@pytest.mark.parametrize(
    ("name", "changed", "web", "verdict", "words"),
    [
        ("its peers still hear from it", dark(US), dark_web(US), Verdict.ISOLATED,
         "none of its 3 services answers qx, but ap-southeast and eu-west still hear from it"),
        ("its peers have lost it too", dark(US) | US_LOST, dark_web(US), Verdict.DOWN,
         "none of its 3 services answers, and ap-southeast and eu-west lost it too"),
        ("its host refuses", dark(US, "refused") | US_LOST, dark_web(US, "refused"), Verdict.DOWN,
         "none of its 3 services answers: connections are refused"),
    ],
)  # fmt: skip
def test_a_region_that_nothing_answers_from(name: str, changed: Any, web: Any, verdict: Verdict, words: str) -> None:
    view = region(US, changed, web)
    assert (view.verdict, view.cause, view.because) == (verdict, Cause.NOTHING_ANSWERS, words), name


def test_a_dark_replica_region_is_isolated_while_the_writer_sends_to_it() -> None:
    assert region(EU, dark(EU), dark_web(EU)).verdict is Verdict.ISOLATED
    alone = {("trading", US): v.pg_writer(AP), ("sessions", US): v.redis_master(AP)}
    view = region(EU, dark(EU) | alone, dark_web(EU))
    assert (view.verdict, view.because) == (Verdict.DOWN, "none of its 3 services answers, and us-east lost it too")


def test_nobody_can_tell_about_a_region_without_peers() -> None:
    platform = v.platform((US,), ("trading",))
    seen: dict[tuple[str, str], Any] = {("trading", US): v.silent("trading", US, "timeout")}
    view = judge(platform, seen, dark_web(US), {}, STORE, NOW).regions[US]
    assert view.verdict is Verdict.UNKNOWN  # nothing answers at all: qx may be the one that is cut off
    two = v.platform((US, EU), ())
    view = judge(two, {}, dark_web(US) | {(EU, "web"): v.endpoint(EU)}, {}, STORE, NOW).regions[US]
    assert view.verdict is Verdict.SUSPECT
    assert view.because == "its service does not answer, and no peer can tell whether it lives"


def test_when_nothing_answers_anywhere_qx_doubts_itself() -> None:
    everything = {key: each for name in (US, EU, AP) for key, each in dark(name, "refused").items()}
    webs = {key: each for name in (US, EU, AP) for key, each in dark_web(name, "refused").items()}
    topology = judge(v.platform(), everything, webs, {}, STORE, NOW)
    assert {view.verdict for view in topology.regions.values()} == {Verdict.UNKNOWN}
    assert {view.cause for view in topology.clusters.values()} == {Cause.NOTHING_ANSWERS}
    assert topology.regions[US].because.endswith("qx itself may be cut off")


def test_a_region_with_nothing_in_it() -> None:
    view = judge(v.platform((US,), ()), {}, {}, {}, STORE, NOW).regions[US]
    assert (view.verdict, view.cause) == (Verdict.UNKNOWN, Cause.NONE)
