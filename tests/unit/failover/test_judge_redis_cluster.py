"""A Redis Cluster judged from what its members say of each other, one thing changed at a time."""

from __future__ import annotations

from msgspec.structs import replace

from qx.failover.judge import judge
from qx.model.observation import Observation, Silence
from qx.model.platform import Cluster, Node, Platform, Region
from qx.model.redis_cluster import Follower, Member, Peer, RedisClusterFacts
from qx.model.topology import Cause, ClusterView, Role, Verdict
from tests.unit.failover.values import NOW, US, observed, redis_master, silent

REGIONS = ("us-east", "eu-west", "ap-southeast")
SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))
HOSTS = {f"m{n}": f"10.0.{n}.1:6379" for n in range(3)} | {f"r{n}": f"10.0.{(n + 1) % 3}.2:6379" for n in range(3)}


def peers(**changed: dict[str, object]) -> tuple[Peer, ...]:
    found = []
    for n in range(3):
        master = Peer(id=f"m{n}", address=HOSTS[f"m{n}"], role="master", state="ok", master="", epoch=n + 1,
                      linked=True, slots=(SLOTS[n],), offset=1000)  # fmt: skip
        replica = Peer(id=f"r{n}", address=HOSTS[f"r{n}"], role="replica", state="ok", master=f"m{n}", epoch=n + 1,
                       linked=True, slots=(), offset=1000)  # fmt: skip
        found += [master, replica]
    return tuple(replace(peer, **changed.get(peer.id, {})) for peer in found)


def member(name: str, known: tuple[Peer, ...], **changed: object) -> Member:
    n = int(name[1])
    master = name[0] == "m"
    made = Member(
        address=HOSTS[name], id=name, flavour="redis", version="7.0.15", role="master" if master else "replica",
        offset=1000, link_up=True, link_down_s=0,
        followers=(Follower(HOSTS[f"r{n}"], "online", 1000, 0),) if master else (), state="ok", slots_assigned=16384,
        slots_ok=16384, slots_pfail=0, slots_fail=0, epoch=6, peers=known,
    )  # fmt: skip
    return replace(made, **changed)


def everyone(known: tuple[Peer, ...] | None = None) -> dict[str, Member]:
    return {name: member(name, known or peers()) for name in HOSTS}


def judged(members: dict[str, Member], gone: dict[str, str] | None = None, **defaults: object) -> ClusterView:
    """`gone`: name -> why it does not answer."""
    nodes = {
        region: Node(url=f"redis://{HOSTS[f'm{n}']}", members=(HOSTS[f"r{(n + 2) % 3}"],))
        for n, region in enumerate(REGIONS)
    }
    cluster = Cluster(kind="redis-cluster", home=US, data_classes=("market_data",), nodes=nodes)
    platform = Platform(
        version=1, platform="test", clusters={"quotes": cluster},
        regions={region: Region(title=region, jurisdictions=("XX",)) for region in REGIONS},
    )  # fmt: skip
    seen: dict[tuple[str, str], Observation | Silence] = {}
    for n, region in enumerate(REGIONS):
        here = (f"m{n}", f"r{(n + 2) % 3}")
        answering = tuple(members[name] for name in here if name in members)
        missing = {HOSTS[name]: why for name in here if (why := (gone or {}).get(name))}
        facts = RedisClusterFacts(members=answering, silent=missing)
        seen["quotes", region] = observed("quotes", region, facts) if answering else silent("quotes", region)
    return judge(platform, seen, {}, {}, "", NOW).clusters["quotes"]


def test_all_well() -> None:
    view = judged(everyone())
    assert (view.verdict, view.cause, view.writer, view.elects_itself) == (Verdict.HEALTHY, Cause.NONE, None, True)
    assert [shard.region for shard in view.shards] == list(REGIONS)
    assert [replica.bytes for shard in view.shards for replica in shard.replicas] == [0, 0, 0]


def test_a_suspicion_is_no_verdict() -> None:
    view = judged(everyone(peers(m1={"state": "suspected"})))
    assert (view.verdict, view.cause) == (Verdict.SUSPECT, Cause.MASTERS_DOWN)
    assert view.nodes["eu-west"].cause is Cause.MASTERS_DOWN
    assert view.nodes["us-east"].cause is Cause.NONE


def test_the_majoritys_view_counts_at_a_cut() -> None:
    """m0 and its neighbour are cut off: they find the others failed, and say so; nobody believes them."""
    lonely = peers(m1={"state": "failed"}, m2={"state": "failed"})
    others = peers(m0={"state": "suspected"})
    members = everyone(others) | {name: member(name, lonely, state="fail") for name in ("m0", "r2")}
    view = judged(members)
    assert view.shards[1].state == "ok"
    assert view.verdict is Verdict.SUSPECT
    assert {Cause.MASTERS_DOWN, Cause.VIEWS_DIFFER} >= {node.cause for node in view.nodes.values()} - {Cause.NONE}


def test_a_disagreement_on_the_config_epoch() -> None:
    members = everyone() | {"r1": member("r1", peers(m1={"epoch": 9}))}
    view = judged(members)
    assert (view.verdict, view.cause) == (Verdict.SUSPECT, Cause.VIEWS_DIFFER)
    assert "config epoch 9" in view.because
    assert "config epoch 2" in view.because
    assert HOSTS["r1"] in view.because


def test_a_replica_behind() -> None:
    above = member("m0", peers(), offset=5_000_000, followers=(Follower(HOSTS["r0"], "online", 1000, 3),))
    view = judged(everyone() | {"m0": above})
    assert (view.verdict, view.cause) == (Verdict.DEGRADED, Cause.LAGGING)
    [replica] = view.shards[0].replicas
    assert (replica.bytes, replica.seconds) == (4_999_000, 3.0)


def test_gossip_where_the_master_was_not_asked() -> None:
    members = everyone(peers(r0={"offset": 400}))
    del members["m0"]
    [replica] = judged(members).shards[0].replicas
    assert (replica.bytes, replica.seconds, replica.because) == (600, None, "as gossip says")


def test_a_shard_without_a_replica() -> None:
    known = tuple(peer for peer in peers() if peer.id != "r2")
    members = everyone(known)
    del members["r2"]
    view = judged(members)
    assert (view.verdict, view.cause) == (Verdict.DEGRADED, Cause.REPLICA_MISSING)
    assert "10923-16383" in view.because


def test_a_region_without_an_answer_is_silent_and_not_down() -> None:
    members = {name: each for name, each in everyone().items() if name not in ("m2", "r1")}
    view = judged(members)
    assert (view.verdict, view.cause) == (Verdict.DEGRADED, Cause.MEMBER_SILENT)
    assert view.nodes["ap-southeast"].role is Role.SILENT
    assert len(view.shards) == 3


def test_slots_that_a_master_gave_up_are_not_served_whatever_others_believe() -> None:
    mine = peers(m0={"slots": ((1, 5460),)})
    view = judged(everyone() | {"m0": member("m0", mine)})
    assert (view.verdict, view.cause) == (Verdict.DEGRADED, Cause.SLOTS_UNCOVERED)
    assert "slots 0 (1 of 16384)" in view.because


def test_an_old_master_that_woke_up_owns_nothing() -> None:
    """r0 was elected with epoch 7; m0 still believes in itself."""
    after = peers(m0={"slots": ()}, r0={"role": "master", "master": "", "slots": (SLOTS[0],), "epoch": 7})
    members = everyone(after) | {"m0": member("m0", peers()), "r0": member("r0", after, role="master", epoch=7)}
    view = judged(members)
    assert [shard.master for shard in view.shards if (0, 5460) in shard.slots] == [HOSTS["r0"]]
    assert view.cause is Cause.VIEWS_DIFFER


def test_plain_redis_that_is_a_cluster_is_never_moved() -> None:
    cluster = Cluster(kind="redis", home=US, data_classes=("session",), nodes={US: Node(url="redis://10.0.0.1:6379")})
    platform = Platform(
        version=1, platform="test", clusters={"sessions": cluster},
        regions={US: Region(title=US, jurisdictions=("XX",))},
    )  # fmt: skip
    facts = replace(redis_master(), mode="cluster")
    view = judge(platform, {("sessions", US): observed("sessions", US, facts)}, {}, {}, "", NOW).clusters["sessions"]
    assert (view.verdict, view.cause, view.writer) == (Verdict.SUSPECT, Cause.WRONG_KIND, None)
