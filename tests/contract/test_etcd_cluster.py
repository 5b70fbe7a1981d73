"""The store on three members of etcd that are killed, paused and cut to a minority."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, Any

import pytest

from qx.adapters.etcd.health import condition, move_leader
from qx.adapters.etcd.store import EtcdStore
from qx.engine.chain import verify
from qx.kernel.errors import QxError, Refused, Unsure
from tests.fakes.runs import a_plan, a_run, an_entry
from tests.fixtures_servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qx.adapters.etcd.gateway import At
    from qx.model.lease import Lease
    from tests.fixtures_etcd import Etcd, Member

pytestmark = pytest.mark.fault

TIMEOUT_S = 1.0  # of what is not going to be answered
OVERHEAD_S = 3.0  # a busy machine; a hang would be for ever


class Opening:
    """Opens stores and shuts them with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, at: At) -> EtcdStore:
        return self._stack.enter_context(EtcdStore(at, "test"))


@pytest.fixture
def opening() -> Iterator[Opening]:
    with ExitStack() as stack:
        yield Opening(stack)


def refused_in_time(attempt: Callable[[], object]) -> QxError:
    began = time.monotonic()
    with pytest.raises(QxError) as refused:
        attempt()
    assert time.monotonic() - began < TIMEOUT_S + OVERHEAD_S
    assert refused.value.code == "QX-STORE-005"
    assert refused.value.hint
    return refused.value


def stands(store: EtcdStore, lease: Lease) -> bool | None:
    """None: nobody could tell."""
    try:
        store.check(lease)
    except Refused:
        return False
    except QxError:
        return None
    return True


@pytest.mark.parametrize("harm", ["kill", "pause"])
def test_a_member_that_is_gone_is_passed_over(etcd_cluster: Etcd, opening: Opening, harm: str) -> None:
    leader = etcd_cluster.leader()
    assert leader is not None
    dead, *rest = etcd_cluster.others(leader)
    store = opening(etcd_cluster.at(dead, *rest, leader, timeout=6.0))
    (lease,) = store.acquire(("trading",), "run-1", 60.0)
    getattr(dead, harm)()
    store.check(lease)
    store.put("arming", "trading", {"by": "ada"})
    assert opening(etcd_cluster.at(dead, *rest, timeout=6.0)).rules()["trading"].epoch == 1


@pytest.mark.parametrize("harm", [pytest.param("kill", marks=pytest.mark.slow), "pause"])
def test_a_member_in_the_minority_answers_nothing(etcd_cluster: Etcd, opening: Opening, harm: str) -> None:
    alone, *others = etcd_cluster.members
    store = opening(etcd_cluster.at(alone, timeout=20.0))
    (lease,) = store.acquire(("trading",), "run-1", 60.0)
    store.begin(a_run(), a_plan())
    store.put("arming", "trading", {"by": "ada"})
    for other in others:
        getattr(other, harm)()
    store.gateway.at = etcd_cluster.at(alone, timeout=TIMEOUT_S)
    reads: list[Callable[[], Any]] = [
        lambda: store.check(lease), store.rules, store.leases, lambda: store.record("arming", "trading"), store.chain,
    ]
    for read in reads:
        error = refused_in_time(read)
        assert not isinstance(error, Unsure)
        assert alone.client in error.message
    refused_in_time(lambda: opening(etcd_cluster.at(alone, timeout=TIMEOUT_S)))
    entry = an_entry(1)
    assert isinstance(refused_in_time(lambda: store.append(entry)), Unsure)
    if harm == "pause":
        for other in others:
            other.wake()
    else:
        for other in others:
            etcd_cluster.start_member(other)
    wait_until(lambda: stands(store, lease) is not None, "a majority")
    store.gateway.at = etcd_cluster.at(alone, timeout=20.0)
    assert store.append(entry) == store.chain()


def test_nobody_at_all_answers(etcd_cluster: Etcd, opening: Opening) -> None:
    store = opening(etcd_cluster.at(timeout=TIMEOUT_S))
    etcd_cluster.stop()
    error = refused_in_time(lambda: store.put("arming", "trading", {}))
    assert not isinstance(error, Unsure), "nothing was sent"
    assert all(member.client in error.message for member in etcd_cluster.members)
    assert "refused" in error.message


def test_a_new_leader_extends_leases_and_never_shortens_them(etcd_cluster: Etcd, opening: Opening) -> None:
    leader = etcd_cluster.leader()
    assert leader is not None
    store = opening(etcd_cluster.at(*etcd_cluster.others(leader), timeout=10.0))
    (lease,) = store.acquire(("trading",), "run-1", 3.0)
    record = store.put("grant-live", "trading", {}, ttl=3.0)
    assert record.until is not None
    leader.kill()
    while (seen := stands(store, lease)) is not False:
        assert seen is None or time.time() < lease.until + 30.0, "it never ended"
    assert time.time() >= lease.until
    wait_until(lambda: store.record("grant-live", "trading") is None, "the end of the record")
    assert time.time() >= record.until
    assert opening(etcd_cluster.at(timeout=10.0)).acquire(("trading",), "run-2", 3.0)[0].epoch == lease.epoch + 1


def test_leases_are_renewed_over_a_change_of_leaders(etcd_cluster: Etcd, opening: Opening) -> None:
    leader = etcd_cluster.leader()
    assert leader is not None
    store = opening(etcd_cluster.at(timeout=20.0))
    leases = store.acquire(("book", "trading"), "run-1", 20.0)
    leader.kill()
    renewed = store.renew(leases, 20.0)
    assert [lease.epoch for lease in renewed] == [1, 1]
    for lease in renewed:
        store.check(lease)


def test_two_who_append_at_once_do_not_fork_the_chain(etcd_cluster: Etcd, opening: Opening) -> None:
    count = 25
    members = etcd_cluster.members
    stores = {f"run-{n}": opening(etcd_cluster.at(member, timeout=30.0)) for n, member in enumerate(members)}
    failures: list[BaseException] = []

    def write(run: str, store: EtcdStore) -> None:
        try:
            plan = a_plan(f"plan-of-{run}")
            store.begin(a_run(run, plan), plan)
            for seq in range(1, count + 1):
                store.append(an_entry(seq, run))
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=item) for item in stores.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    chain = next(iter(stores.values())).chain()
    assert len(chain) == 3 * count
    assert verify(chain) == []


@pytest.mark.parametrize("harm", [pytest.param("kill", marks=pytest.mark.slow), "pause"])
async def test_changes_are_told_although_the_member_that_told_them_is_gone(
    etcd_cluster: Etcd, opening: Opening, harm: str
) -> None:
    leader = etcd_cluster.leader()
    assert leader is not None
    telling, other = etcd_cluster.others(leader)
    writer = opening(etcd_cluster.at(other, timeout=20.0))
    reader = opening(etcd_cluster.at(telling, other, leader, timeout=10.0))
    async with aclosing(reader.changes(("arming",))) as feed:
        first = await asyncio.to_thread(writer.put, "arming", "trading", {"by": "ada"})
        assert await asyncio.wait_for(anext(feed), 30.0) == first
        await asyncio.to_thread(getattr(telling, harm))
        second = await asyncio.to_thread(writer.put, "arming", "trading", {"by": "bob"})
        assert await asyncio.wait_for(anext(feed), 60.0) == second


async def test_a_feed_tells_that_nobody_answers_and_goes_on_afterwards(etcd_cluster: Etcd, opening: Opening) -> None:
    store = opening(etcd_cluster.at(timeout=TIMEOUT_S))
    store.put("arming", "trading", {"by": "ada"})
    async with aclosing(store.changes(("arming",))) as feed:
        await asyncio.wait_for(anext(feed), 30.0)
        etcd_cluster.stop()
        with pytest.raises(QxError) as refused:
            await asyncio.wait_for(anext(feed), 60.0)
        assert refused.value.code == "QX-STORE-005"
        for member in etcd_cluster.members:
            etcd_cluster.start_member(member)
        wait_until(lambda: etcd_cluster.leader() is not None, "a leader")
        changed = await asyncio.to_thread(store.put, "arming", "trading", {"by": "bob"})
        assert await asyncio.wait_for(anext(feed), 60.0) == changed


# -- health


def named(etcd: Etcd, name: str) -> Member:
    return next(member for member in etcd.members if member.name == name)


def test_the_lead_moves_away_from_a_member(etcd_cluster: Etcd, opening: Opening) -> None:
    leader = etcd_cluster.leader()
    assert leader is not None
    gateway = opening(etcd_cluster.at(timeout=10.0)).gateway
    assert move_leader(gateway, etcd_cluster.others(leader)[0].name) == ""
    now = move_leader(gateway, leader.name)
    assert now not in {"", leader.name}
    wait_until(lambda: etcd_cluster.leader() is named(etcd_cluster, now), "the new leader")


def test_the_condition_names_every_member_and_the_one_that_is_gone(etcd_cluster: Etcd, opening: Opening) -> None:
    gateway = opening(etcd_cluster.at(timeout=10.0)).gateway
    found = condition(gateway)
    assert set(found.members.values()) == {"m1", "m2", "m3"}
    leader = etcd_cluster.leader()
    assert leader is not None
    assert found.leader is not None
    assert found.members[found.leader.id] == leader.name
    assert all(each.version.startswith("3.") and each.db_bytes and not each.error for each in found.asked)
    assert found.alarms == ()
    gone = etcd_cluster.others(leader)[0]
    gone.kill()
    errors = {each.endpoint: each.error for each in condition(gateway).asked if each.error}
    assert list(errors) == [gone.client]
