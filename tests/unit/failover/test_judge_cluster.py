"""One table per question: the observations, and the verdict, cause and words that they add up to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from qx.failover.judge import judge
from qx.model.lease import Rule
from qx.model.observation import Archiver, Silence, Slot
from qx.model.platform import Defaults
from qx.model.topology import Cause, ClusterView, Role, Topology, Verdict
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, STORE, US


def look(changed: dict[tuple[str, str], Any], rule: Rule | None = None, store: str = STORE) -> Topology:
    """The healthy world with `changed` nodes, judged under `rule` for the cluster that it names."""
    rules = {rule.cluster: rule} if rule else {}
    return judge(v.platform(), v.healthy() | changed, v.endpoints(), rules, store, NOW)


def trading(changed: dict[str, Any], rule: Rule | None = None, store: str = STORE) -> ClusterView:
    """`changed`: region -> PgFacts or Silence."""
    seen = {
        ("trading", region): each if isinstance(each, Silence) else v.observed("trading", region, each)
        for region, each in changed.items()
    }
    return look(seen, rule, store).clusters["trading"]


def sessions(changed: dict[str, Any], rule: Rule | None = None) -> ClusterView:
    seen = {
        ("sessions", region): each if isinstance(each, Silence) else v.observed("sessions", region, each)
        for region, each in changed.items()
    }
    return look(seen, rule).clusters["sessions"]


def silent(reason: Any = "refused", region: str = US, subject: str = "trading") -> Silence:
    return v.silent(subject, region, reason)


def ruled(writer: str | None, epoch: int = 3, cluster: str = "trading") -> Rule:
    return Rule(cluster=cluster, epoch=epoch, writer=writer, writer_epoch=epoch)


LOST = v.pg_replica(None)  # a replica whose receiver has ended
DEAF = v.pg_replica(US, message_age_s=40.0)  # its receiver has heard nothing for longer than an idle writer is quiet


def test_a_healthy_cluster_says_who_writes_and_who_follows() -> None:
    view = trading({})
    assert (view.verdict, view.cause, view.writer) == (Verdict.HEALTHY, Cause.NONE, US)
    assert view.because == "us-east writes, 2 of 2 replicas in step"
    assert view.nodes[US].role is Role.WRITER
    assert {view.nodes[r].upstream for r in (EU, AP)} == {US}
    assert all(view.nodes[r].streaming and view.nodes[r].role is Role.REPLICA for r in (EU, AP))
    assert view.nodes[EU].note == "streams from us-east"


@pytest.mark.parametrize(
    ("name", "changed", "verdict", "cause", "words"),
    [
        ("refused, nobody receives", {US: silent(), EU: LOST, AP: LOST}, Verdict.DOWN, Cause.WRITER_DEAD,
         "us-east refuses connections, and none of 2 replicas receives from it"),
        ("no answer, nobody receives", {US: silent("timeout"), EU: LOST, AP: DEAF}, Verdict.DOWN, Cause.WRITER_DEAD,
         "us-east does not answer, and none of 2 replicas receives from it"),
        ("one replica left that does not receive", {US: silent(), EU: LOST, AP: silent("timeout", AP)}, Verdict.DOWN,
         Cause.WRITER_DEAD, "us-east refuses connections, and eu-west does not receive from it"),
        ("refused, but a replica receives", {US: silent(), EU: LOST}, Verdict.SUSPECT, Cause.WRITER_SILENT,
         "us-east refuses connections, but ap-southeast still receives from it"),
        ("black-holed for qx only", {US: silent("timeout")}, Verdict.SUSPECT, Cause.WRITER_SILENT,
         "us-east does not answer, but eu-west and ap-southeast still receive from it"),
        ("credentials", {US: silent("auth"), EU: LOST, AP: LOST}, Verdict.SUSPECT, Cause.WRITER_SILENT,
         "us-east does not accept qx's credentials; that is no sign of death"),
        ("in crash recovery", {US: silent("starting"), EU: LOST, AP: LOST}, Verdict.SUSPECT, Cause.WRITER_SILENT,
         "us-east is starting or stopping; that is no sign of death"),
        ("no secret", {US: silent("secret"), EU: LOST, AP: LOST}, Verdict.SUSPECT, Cause.WRITER_SILENT,
         "us-east was not asked, its secret is missing; that is no sign of death"),
        ("silence of everything", {r: silent("timeout", r) for r in (US, EU, AP)}, Verdict.UNKNOWN,
         Cause.NOTHING_ANSWERS, "none of its 3 nodes answers: us-east does not answer"),
        ("all replicas", {US: v.pg_replica(EU), EU: v.pg_replica(US), AP: v.pg_replica(US)}, Verdict.DOWN,
         Cause.NO_WRITER, "every node answers and none takes writes"),
    ],
)  # fmt: skip
def test_what_became_of_the_writer(name: str, changed: Any, verdict: Verdict, cause: Cause, words: str) -> None:
    for rule in (None, ruled(US)):
        view = trading(changed, rule)
        assert (view.verdict, view.cause, view.because) == (verdict, cause, words), name
        assert view.writer is None


def test_a_refusal_by_a_region_that_answers_otherwise_is_a_death_even_without_a_replica() -> None:
    changed = {("trading", r): silent("refused", r) for r in (US, EU, AP)}
    view = look(changed).clusters["trading"]
    assert (view.verdict, view.cause) == (Verdict.DOWN, Cause.WRITER_DEAD)
    assert view.because == "us-east refuses connections, while its region answers otherwise"


def test_the_record_says_whose_silence_matters() -> None:
    moved = {US: v.pg_replica(None, upstream=v.address("postgresql", EU)), EU: silent("refused", EU), AP: LOST}
    view = trading(moved, ruled(EU))
    assert (view.verdict, view.cause) == (Verdict.DOWN, Cause.WRITER_DEAD)
    assert view.nodes[EU].cause is Cause.WRITER_DEAD
    assert view.because.startswith("eu-west refuses connections")


def test_without_a_record_the_node_that_replicas_follow_was_the_writer() -> None:
    receiver = v.pg_replica(EU)
    view = trading({US: receiver, EU: silent("timeout", EU), AP: receiver})
    assert view.because == "eu-west does not answer, but us-east and ap-southeast still receive from it"


def test_a_silent_replica_is_not_blamed_for_a_missing_writer() -> None:
    view = trading({US: v.pg_replica(None, upstream=""), EU: v.pg_replica(US), AP: silent("refused", AP)}, ruled(US))
    assert (view.verdict, view.cause) == (Verdict.DOWN, Cause.NO_WRITER)
    assert view.because == "us-east, eu-west answer and none takes writes"


# -- more than one writer, or another one than recorded ---------------------------------------------------------------


def test_a_zombie_with_an_older_epoch_is_named() -> None:
    eu = v.pg_writer(US, AP, timeline=2, marker=v.marker(5, EU))
    us = v.pg_writer(marker=v.marker(3, US))
    view = trading({US: us, EU: eu, AP: v.pg_replica(EU, timeline=2)}, ruled(EU, 5))
    assert (view.verdict, view.cause, view.writer) == (Verdict.DEGRADED, Cause.STALE_WRITER, EU)
    assert view.because == "us-east takes writes although eu-west was made the writer under epoch 5"
    assert (view.nodes[US].role, view.nodes[US].cause) == (Role.STALE_WRITER, Cause.STALE_WRITER)
    assert view.nodes[EU].role is Role.WRITER


def test_a_zombie_without_any_marker_is_stale_once_a_writer_is_on_record() -> None:
    view = trading({US: v.pg_writer(), EU: v.pg_writer(timeline=2, marker=v.marker(5, EU))}, ruled(EU, 5))
    assert (view.cause, view.writer) == (Cause.STALE_WRITER, EU)


def test_a_zombie_that_copied_the_newest_marker_is_betrayed_by_its_timeline() -> None:
    shared = v.marker(5, EU)
    view = trading({US: v.pg_writer(marker=shared), EU: v.pg_writer(timeline=2, marker=shared)}, ruled(EU, 5))
    assert (view.cause, view.writer) == (Cause.STALE_WRITER, EU)


def test_a_zombie_that_was_a_replica_of_the_writer_before_shares_even_its_timeline() -> None:
    shared = v.marker(5, EU)
    us, eu = v.pg_writer(timeline=2, marker=shared), v.pg_writer(AP, timeline=2, marker=shared)
    view = trading({US: us, EU: eu, AP: v.pg_replica(EU, timeline=2)}, ruled(EU, 5))
    assert (view.cause, view.writer) == (Cause.STALE_WRITER, EU)


def test_a_newer_timeline_is_never_stale_however_old_its_marker() -> None:
    """A run promoted it and died before it could say so: what replicated before is an older epoch's marker."""
    us, eu = v.pg_writer(marker=v.marker(5, US)), v.pg_writer(timeline=2, marker=v.marker(4, AP))
    view = trading({US: us, EU: eu}, ruled(US, 5))
    assert (view.cause, view.writer, view.nodes[EU].role) == (Cause.TWO_WRITERS, US, Role.WRITER)


def test_another_database_that_writes_is_not_this_clusters_zombie() -> None:
    view = trading({US: v.pg_writer(AP, marker=v.marker(5, US)), EU: v.pg_writer(system_id="7001")}, ruled(US, 5))
    assert (view.cause, view.writer) == (Cause.TWO_WRITERS, US)


def test_a_zombie_alone_is_not_taken_for_the_writer() -> None:
    view = trading({US: v.pg_writer(marker=v.marker(3, US)), EU: silent("refused", EU)}, ruled(EU, 5))
    assert (view.verdict, view.cause, view.writer) == (Verdict.SUSPECT, Cause.STALE_WRITER, None)
    assert view.because.endswith("eu-west was made the writer under epoch 5, which does not answer")
    lag = view.nodes[AP].lag
    assert lag is not None
    assert (lag.bytes, lag.because) == (None, "no writer answers to measure against")


def test_a_replica_that_follows_the_zombie_is_led_astray() -> None:
    us = v.pg_writer(EU, AP, marker=v.marker(3, US))
    eu = v.pg_writer(timeline=2, marker=v.marker(5, EU))
    node = trading({US: us, EU: eu}, ruled(EU, 5)).nodes[AP]
    assert (node.cause, node.upstream) == (Cause.REPLICA_NOT_STREAMING, US)
    assert node.note == "streams from us-east, which is not the writer: eu-west is"


def test_two_writers_that_no_record_explains() -> None:
    view = trading({EU: v.pg_writer(timeline=2)})
    assert (view.verdict, view.cause, view.writer) == (Verdict.SUSPECT, Cause.TWO_WRITERS, None)
    assert view.because == "eu-west and us-east take writes; no record says which is the writer"
    assert view.nodes[US].role is view.nodes[EU].role is Role.WRITER


def test_a_replica_promoted_by_hand_beside_the_recorded_writer() -> None:
    ours = v.marker(3, US)
    view = trading({US: v.pg_writer(AP, marker=ours), EU: v.pg_writer(timeline=2, marker=ours)}, ruled(US))
    assert (view.verdict, view.cause, view.writer) == (Verdict.SUSPECT, Cause.TWO_WRITERS, US)
    assert view.because == "eu-west and us-east take writes; the record names us-east"


def test_a_replica_promoted_by_hand_while_the_recorded_writer_is_down() -> None:
    view = trading({US: silent(), EU: v.pg_writer(timeline=2, marker=v.marker(3, US))}, ruled(US))
    assert (view.verdict, view.cause, view.writer) == (Verdict.SUSPECT, Cause.UNRECORDED_WRITER, None)
    assert view.because == (
        "eu-west takes writes, but the writer on record is us-east (epoch 3), which does not answer"
    )
    node = view.nodes[AP]
    assert node.lag is not None
    assert node.lag.bytes == 0  # measured against the only one that could be the writer


def test_a_newer_marker_of_the_same_store_is_a_record_too() -> None:
    eu = v.pg_writer(AP, timeline=2, marker=v.marker(4, EU))
    changed = {US: silent(), EU: eu, AP: v.pg_replica(EU, timeline=2)}
    view = trading(changed, ruled(US, 3))
    assert (view.cause, view.writer, view.recorded_writer, view.epoch) == (Cause.REPLICA_SILENT, EU, EU, 4)


def test_markers_alone_explain_two_writers_when_the_store_knows_nothing() -> None:
    us, eu = v.pg_writer(marker=v.marker(3, US)), v.pg_writer(timeline=2, marker=v.marker(4, EU))
    for store in (STORE, ""):
        view = trading({US: us, EU: eu}, None, store)
        assert (view.cause, view.writer) == (Cause.STALE_WRITER, EU)


def test_another_store_rules_the_cluster() -> None:
    foreign = v.marker(9, US, "store-b")
    view = trading({US: v.pg_writer(EU, AP, marker=foreign)}, ruled(US))
    assert (view.verdict, view.cause, view.writer) == (Verdict.DEGRADED, Cause.FOREIGN_STORE, US)
    assert view.because == "another store rules it (id store-b)"
    assert trading({US: v.pg_writer(EU, AP, marker=foreign)}, None, "").cause is Cause.NONE  # no store, no claim


def test_another_store_moved_the_writer() -> None:
    moved = v.pg_writer(AP, timeline=2, marker=v.marker(9, EU, "store-b"))
    view = trading({US: silent(), EU: moved, AP: v.pg_replica(EU, timeline=2)}, ruled(US))
    assert (view.verdict, view.cause, view.writer) == (Verdict.SUSPECT, Cause.FOREIGN_STORE, None)
    assert "besides, eu-west takes writes" in view.because


def test_redis_zombie() -> None:
    eu = v.redis_master(AP, marker=v.marker(5, EU))
    view = sessions({US: v.redis_master(), EU: eu, AP: v.redis_replica(EU)}, ruled(EU, 5, "sessions"))
    assert (view.verdict, view.cause, view.writer) == (Verdict.DEGRADED, Cause.STALE_WRITER, EU)
    assert view.nodes[US].role is Role.STALE_WRITER


def test_redis_zombie_that_copied_the_newest_marker() -> None:
    shared = v.marker(5, EU)
    seen = {US: v.redis_master(marker=shared), EU: v.redis_master(AP, marker=shared), AP: v.redis_replica(EU)}
    assert sessions(seen, ruled(EU, 5, "sessions")).cause is Cause.STALE_WRITER


# -- replicas and what else may be wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changed", "cause", "words"),
    [
        ("silent", {EU: silent("timeout", EU)}, Cause.REPLICA_SILENT, "eu-west does not answer"),
        ("another database", {EU: v.pg_replica(system_id="7001")}, Cause.REPLICA_DIVERGED,
         "eu-west is another database: system id 7001, the writer's is 7000"),
        ("a timeline of its own", {EU: v.pg_replica(timeline=2)}, Cause.REPLICA_DIVERGED,
         "eu-west stands on timeline 2, which the writer's 1 does not come from"),
        ("went on after the fork",
         {US: v.pg_writer(EU, AP, timeline=2), EU: v.pg_replica(None, position=0x6000000),
          AP: v.pg_replica(timeline=2)},
         Cause.REPLICA_DIVERGED,
         "eu-west went on to 0/6000000 on timeline 1, beyond 0/5000000 of the writer's timeline 2"),
        ("no receiver", {EU: LOST}, Cause.REPLICA_NOT_STREAMING, "eu-west receives nothing from us-east"),
        ("receiver deaf", {EU: DEAF}, Cause.REPLICA_NOT_STREAMING, "eu-west has heard nothing from us-east for 40 s"),
        ("not listed", {US: v.pg_writer(AP)}, Cause.REPLICA_NOT_STREAMING,
         "eu-west believes to stream from us-east, which does not list it"),
        ("catching up", {US: v.pg_writer(AP, senders=(v.sender(AP), v.sender(EU, state="catchup")))},
         Cause.REPLICA_NOT_STREAMING,
         "eu-west believes to stream from us-east, which still sends it older WAL (catchup)"),
        ("follows nobody", {EU: v.pg_replica(None, upstream="")}, Cause.REPLICA_NOT_STREAMING,
         "eu-west follows nobody: its primary_conninfo is empty"),
        ("follows a stranger", {EU: v.pg_replica(None, upstream="10.9.9.9:5432")}, Cause.REPLICA_NOT_STREAMING,
         "eu-west follows 10.9.9.9:5432, which is no node of this cluster"),
        ("paused", {EU: v.pg_replica(replay_paused=True)}, Cause.REPLAY_PAUSED,
         "eu-west streams from us-east, but its replay is paused at 0/5000000"),
        ("behind", {EU: v.pg_replica(replayed=0x4000000, replay_age_s=12.0)}, Cause.LAGGING,
         "eu-west streams from us-east, 12 s behind: 16.0 MiB received and not replayed yet"),
        ("archive", {US: v.pg_writer(EU, AP, archiver=Archiver("on", 3, 5.0, 2))}, Cause.ARCHIVE_FAILING,
         "us-east takes writes, but archiving its WAL fails"),
        ("slot", {US: v.pg_writer(EU, AP, slots=(Slot("qx_ap", "physical", False, 0, "lost"),))}, Cause.SLOT_LOST,
         "us-east takes writes, but has removed WAL that 1 slot needed: qx_ap"),
    ],
)  # fmt: skip
def test_what_degrades_a_postgresql_cluster(name: str, changed: Any, cause: Cause, words: str) -> None:
    view = trading(changed)
    assert (view.verdict, view.cause, view.because, view.writer) == (Verdict.DEGRADED, cause, words, US), name


def test_the_most_serious_cause_speaks_for_the_cluster_and_the_others_stay_on_the_nodes() -> None:
    view = trading({EU: v.pg_replica(replay_paused=True), AP: silent("timeout", AP)})
    assert view.cause is Cause.REPLICA_SILENT
    assert (view.nodes[EU].cause, view.nodes[AP].cause) == (Cause.REPLAY_PAUSED, Cause.REPLICA_SILENT)


def test_an_archive_failure_that_has_passed_is_none() -> None:
    for archiver in (Archiver("on", 3, None, 4), Archiver("on", 3, 5.0, 0), Archiver("off", 0, None, None)):
        assert trading({US: v.pg_writer(EU, AP, archiver=archiver)}).cause is Cause.NONE


def test_a_replica_is_known_by_its_slot_or_without_any_name() -> None:
    for facts in (
        v.pg_writer(slots=(Slot("own_slot", "physical", True, 0, "reserved"),)),
        v.pg_writer(senders=(v.sender(EU, name="walreceiver"),)),
    ):
        receiver = msgspec.structs.replace(v.pg_replica().receiver, slot="own_slot")  # type: ignore[type-var]
        view = trading({US: facts, EU: v.pg_replica(receiver=receiver)})
        assert view.nodes[EU].streaming


def test_a_cascade_is_judged_by_its_own_upstream_and_measured_against_the_writer() -> None:
    changed = {
        US: v.pg_writer(EU),
        EU: v.pg_replica(US, senders=(v.sender(AP),)),
        AP: v.pg_replica(EU, replayed=0x4000000, replay_age_s=1.0),
    }
    view = trading(changed)
    assert view.verdict is Verdict.HEALTHY
    node = view.nodes[AP]
    assert (node.upstream, node.streaming) == (EU, True)
    assert node.lag is not None
    assert node.lag.bytes == 0x1000000


def test_a_lag_warning_is_the_configurations() -> None:
    platform = msgspec.structs.replace(v.platform(), defaults=Defaults(lag_warning=0.1))  # type: ignore[arg-type]
    behind = v.observed("trading", EU, v.pg_replica(replayed=0x4FFFFF0, replay_age_s=0.2))
    seen = v.healthy() | {("trading", EU): behind}
    assert judge(platform, seen, v.endpoints(), {}, STORE, NOW).clusters["trading"].cause is Cause.LAGGING


def test_upstreams_are_told_apart_by_the_ways_of_their_viewer() -> None:
    """On one machine all nodes share 127.0.0.1, and each pair of regions has its own port."""
    base = v.platform((US, EU, AP), ("trading",))
    ways = {
        US: v.via(base.clusters["trading"].nodes[US], eu_west="127.0.0.1:7012", ap_southeast="127.0.0.1:7013"),
        EU: v.via(base.clusters["trading"].nodes[EU], us_east="127.0.0.1:7021", ap_southeast="127.0.0.1:7013"),
        AP: base.clusters["trading"].nodes[AP],
    }
    cluster = msgspec.structs.replace(base.clusters["trading"], nodes=ways)
    platform = msgspec.structs.replace(base, clusters={"trading": cluster})
    lab = v.pg_replica(None, upstream="localhost:7012")
    seen = {("trading", US): v.observed("trading", US, v.pg_writer()), ("trading", EU): v.observed("trading", EU, lab)}
    assert judge(platform, seen, {}, {}, STORE, NOW).clusters["trading"].nodes[EU].upstream == US


@pytest.mark.parametrize(
    ("name", "changed", "cause", "words"),
    [
        ("link down", {EU: v.redis_replica(link_up=False, link_down_s=7)}, Cause.REPLICA_NOT_STREAMING,
         "eu-west lost its link to us-east 7 s ago"),
        ("full sync", {EU: v.redis_replica(link_up=False, sync_in_progress=True, replid="b" * 40)},
         Cause.REPLICA_NOT_STREAMING, "eu-west copies all data from us-east"),
        ("another history", {EU: v.redis_replica(link_up=False, link_down_s=7, replid="b" * 40)},
         Cause.REPLICA_DIVERGED, "eu-west holds another history (replid bbbbbbbb) than the writer (replid aaaaaaaa)"),
        ("a stranger", {EU: v.redis_replica(upstream="10.9.9.9:6379")}, Cause.REPLICA_NOT_STREAMING,
         "eu-west follows 10.9.9.9:6379, which is no node of this cluster"),
        ("far behind", {US: v.redis_master(offset=9_000_000)}, Cause.LAGGING,
         "eu-west follows us-east, 8.5 MiB behind: Redis does not date what it sends"),
        ("master gone, links down", {US: v.silent("sessions", US), EU: v.redis_replica(link_up=False, link_down_s=2),
                                     AP: v.redis_replica(link_up=False, link_down_s=2)}, Cause.WRITER_DEAD,
         "us-east refuses connections, and none of 2 replicas receives from it"),
        ("master silent, a link up", {US: v.silent("sessions", US, "timeout"), EU: v.redis_replica(link_up=False)},
         Cause.WRITER_SILENT, "us-east does not answer, but ap-southeast still receives from it"),
    ],
)  # fmt: skip
def test_redis(name: str, changed: Any, cause: Cause, words: str) -> None:
    view = sessions(changed)
    assert (view.cause, view.because) == (cause, words), name
