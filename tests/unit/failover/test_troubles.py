"""Topologies -> alerts: one cause, one alert; each names the command that helps."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from qx.failover.judge import judge
from qx.failover.troubles import alerts_of
from qx.model.alert import Severity
from qx.model.lease import Rule
from qx.model.standing import Decided
from tests.unit.failover.values import (
    AP,
    EU,
    NOW,
    STORE,
    US,
    endpoint,
    endpoints,
    healthy,
    observed,
    pg_replica,
    pg_writer,
    platform,
    redis_master,
    redis_replica,
    sender,
    silent,
)  # fmt: skip

if TYPE_CHECKING:
    from qx.model.alert import Alert

PLATFORM = platform()
RULES = {name: Rule(cluster=name, epoch=3, writer=US, writer_epoch=3) for name in PLATFORM.clusters}


def alerts(seen: dict[Any, Any], ends: dict[Any, Any] | None = None, decided: tuple[Decided, ...] = ()) -> list[Alert]:
    topology = judge(PLATFORM, seen, endpoints() if ends is None else ends, RULES, STORE, NOW)
    return list(alerts_of(PLATFORM, topology, decided))


def world(**changed: Any) -> dict[Any, Any]:
    """A healthy world; `trading_us` and the like replace a node's observation."""
    seen: dict[Any, Any] = dict(healthy())
    names = {"us": US, "eu": EU, "ap": AP}
    for key, value in changed.items():
        cluster, _, region = key.partition("_")
        seen[cluster, names[region]] = value
    return seen


def dead(region: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Nothing in `region` answers, and those who followed it receive nothing."""
    seen, ends = dict(healthy()), dict(endpoints())
    for cluster, place in seen:
        if place == region:
            seen[cluster, place] = silent(cluster, place, "timeout")
        elif region == US:
            facts: Any = pg_replica(message_age_s=900.0) if cluster == "trading" else redis_replica(link_up=False)
            seen[cluster, place] = observed(cluster, place, facts)
    ends[region, "web"] = silent("web", region, "timeout")
    return seen, ends


def decision(verdict: str, **more: Any) -> Decided:
    made = Decided(cluster="trading", at=NOW, verdict=verdict, cause="writer-dead", because="the writer is gone")
    return replace(made, **more)


def test_a_healthy_world_gives_none() -> None:
    assert alerts(healthy()) == []


def test_a_dead_region_of_the_writers_is_one_critical_alert_that_names_what_it_takes_down() -> None:
    [alert] = alerts(*dead(US))
    assert (alert.key, alert.severity) == ("region/us-east", Severity.CRITICAL)
    assert alert.title == "region us-east does not answer; nobody writes in sessions, trading"
    assert alert.clusters == ("sessions", "trading")
    assert "4 replicas elsewhere no longer receive" in alert.because
    assert {"writer/trading", "writer/sessions", "link/us-east/eu-west", "endpoint/us-east/web"} <= set(alert.parts)
    assert alert.next == "qx failover --to eu-west --from us-east --dry-run"


def test_a_dead_region_of_replicas_is_one_warning() -> None:
    [alert] = alerts(*dead(AP))
    assert (alert.key, alert.severity) == ("region/ap-southeast", Severity.WARNING)
    assert "2 clusters: sessions, trading" in alert.because


def test_when_nothing_answers_there_is_one_alert_about_qx() -> None:
    gone = {key: silent(*key, "timeout") for key in healthy()}
    [alert] = alerts(gone, {(r, "web"): silent("web", r, "timeout") for r in (US, EU, AP)})
    assert (alert.key, alert.severity, alert.next) == ("blind", Severity.CRITICAL, "qx doctor")


def test_replicas_that_do_not_receive_over_one_link_are_one_alert() -> None:
    cut = world(
        trading_eu=observed("trading", EU, pg_replica(message_age_s=900.0)),
        trading_us=observed("trading", US, pg_writer(AP)),
        sessions_eu=observed("sessions", EU, redis_replica(link_up=False)),
        sessions_us=observed("sessions", US, redis_master(AP)),
    )
    [alert] = alerts(cut)
    assert alert.key == "link/us-east/eu-west"
    assert alert.title == "eu-west receives nothing from us-east: sessions, trading"
    assert alert.clusters == ("sessions", "trading")


def test_a_link_has_its_key_whether_one_cluster_or_all_feel_it() -> None:
    one = world(trading_eu=observed("trading", EU, pg_replica(message_age_s=900.0)),
                trading_us=observed("trading", US, pg_writer(AP)))  # fmt: skip
    assert [alert.key for alert in alerts(one)] == ["link/us-east/eu-west"]


def test_a_dead_writer_in_a_living_region_is_its_cluster_alone() -> None:
    seen, _ = dead(US)
    seen["sessions", US] = healthy()["sessions", US]
    seen["sessions", EU], seen["sessions", AP] = healthy()["sessions", EU], healthy()["sessions", AP]
    found = {alert.key: alert for alert in alerts(seen)}
    lost = found.pop("writer/trading")
    assert (lost.severity, lost.title) == (Severity.CRITICAL, "trading: nobody takes writes")
    assert lost.next == "qx failover --to eu-west --cluster trading --dry-run"
    assert found.keys() == {"link/us-east/eu-west", "link/us-east/ap-southeast"}


def test_a_silent_writer_that_is_heard_is_a_warning() -> None:
    [alert] = alerts(world(trading_us=silent("trading", US, "timeout")))
    assert (alert.key, alert.severity) == ("writer/trading", Severity.WARNING)
    assert "silent" in alert.title


def test_no_writer_anywhere() -> None:
    found = alerts(world(trading_us=observed("trading", US, pg_replica(None))))
    assert ("writer/trading", Severity.CRITICAL) in {(alert.key, alert.severity) for alert in found}


def test_two_writers_are_critical_and_named() -> None:
    found = {alert.key: alert for alert in alerts(world(trading_eu=observed("trading", EU, pg_writer())))}
    alert = found["split/trading"]
    assert alert.severity is Severity.CRITICAL
    assert "eu-west" in alert.title
    assert "us-east" in alert.title


def test_a_replica_that_paused_and_an_endpoint_that_fails() -> None:
    ends = dict(endpoints())
    ends[AP, "web"] = endpoint(AP, ok=False, detail="503 Service Unavailable")
    paused = world(trading_ap=observed("trading", AP, pg_replica(replay_paused=True)))
    found = {alert.key: alert for alert in alerts(paused, ends)}
    assert found.keys() == {"paused/trading/ap-southeast", "endpoint/ap-southeast/web"}
    assert found["endpoint/ap-southeast/web"].title == "web in ap-southeast answers 503 Service Unavailable"


@pytest.mark.parametrize(("names", "states", "short"), [
    ("ANY 1 (qx_eu_west, qx_ap_southeast)", ("quorum", "quorum"), 0),
    ("ANY 2 (qx_eu_west, qx_ap_southeast)", ("quorum", "async"), 1),
    ("ANY 1 (elsewhere)", ("async", "async"), 1),
    ("first 1 (qx_eu_west)", ("sync", "async"), 0),
    ("qx_eu_west", ("async", "async"), 1),
    ("", ("async", "async"), 0),
])  # fmt: skip
def test_commits_that_wait_for_a_standby(names: str, states: tuple[str, str], short: int) -> None:
    senders = tuple(sender(r, sync_state=s) for r, s in zip((EU, AP), states, strict=True))
    settings = {"wal_receiver_timeout": "60000", "synchronous_standby_names": names}
    writer = pg_writer(senders=senders, settings=settings)
    found = alerts(world(trading_us=observed("trading", US, writer)))
    assert [alert.key for alert in found] == (["quorum/trading"] if short else [])


def test_commits_that_wait_because_a_region_is_dead_are_part_of_it() -> None:
    seen, ends = dead(EU)
    settings = {"wal_receiver_timeout": "60000", "synchronous_standby_names": "ANY 2 (qx_eu_west, qx_ap_southeast)"}
    writer = pg_writer(senders=(sender(AP, sync_state="quorum"),), settings=settings)
    seen["trading", US] = observed("trading", US, writer)
    [alert] = alerts(seen, ends)
    assert (alert.key, alert.severity) == ("region/eu-west", Severity.CRITICAL)
    assert alert.title.endswith("nobody writes in trading")


@pytest.mark.parametrize(("decided", "words", "way"), [
    (decision("act", run="r-1"), "qx acts by itself (run r-1)", "qx runs watch r-1"),
    (decision("act"), "qx acts by itself", "qx runs list"),
    (decision("would-act"), "qx would have acted, its mode is observe", ""),
    (decision("veto", vetoes=("distrust", "window")), "qx does not act: distrust; window", ""),
    (decision("blocked", because="rpo: 3 MiB"), "qx may not act: rpo: 3 MiB", ""),
])  # fmt: skip
def test_a_decision_is_told_with_its_cause(decided: Decided, words: str, way: str) -> None:
    [alert] = alerts(*dead(US), (decided,))
    assert alert.key == "region/us-east"
    assert f"trading: {words}" in alert.because
    assert (alert.decision, alert.next) == (decided.verdict, way or "qx failover --to eu-west --from us-east --dry-run")


def test_a_decision_of_its_own() -> None:
    [alert] = alerts(healthy(), None, (decision("act", run="r-1", because="failback: home is well"),))
    assert (alert.key, alert.severity, alert.next) == ("decided/trading", Severity.WARNING, "qx runs show r-1")


@pytest.mark.parametrize("over", [decision("ended", at=NOW - 601), decision("well"), decision("act", until=NOW - 1)])
def test_a_decision_that_is_over_is_none(over: Decided) -> None:
    assert alerts(healthy(), None, (decision("act", at=NOW - 700), over)) == []


def test_what_a_run_came_to_is_told_for_a_while() -> None:
    [alert] = alerts(healthy(), None, (decision("ended", at=NOW - 60, run="r-1", because="run r-1: done"),))
    assert (alert.title, alert.next) == ("trading: qx acted, run r-1: done", "qx runs show r-1")


def test_whatever_is_silent_there_are_no_more_alerts_than_causes() -> None:
    """Every choice of dead regions: one alert each and none beside, or one for everything."""
    for count in (1, 2):
        for chosen in itertools.combinations((US, EU, AP), count):
            seen, ends = dict(healthy()), dict(endpoints())
            for region in chosen:
                lost, also = dead(region)
                seen |= {key: value for key, value in lost.items() if value != healthy()[key] and key[1] not in chosen}
                seen |= {key: lost[key] for key in seen if key[1] == region}
                ends |= {(region, "web"): also[region, "web"]}
            assert {alert.key for alert in alerts(seen, ends)} == {f"region/{region}" for region in chosen}
