"""The stream against real servers: every entry exactly one result or one dead letter, whoever is killed when."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from qx.adapters.clock import SystemClock
from qx.adapters.redis.session import Command
from qx.adapters.redis.stream import RedisEntries, beside
from qx.app.compliance import Desk
from qx.app.redis_at import named
from qx.app.stream import Worker, consume
from qx.app.verdicts import Bench, Keeps
from qx.compliance.kyc import Enriched
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import Transaction
from qx.kernel.errors import QxError
from qx.model.evidence import Kept, Receipt
from qx.model.stream import Consuming, Entry, Outcome, Tally
from qx.ports.stream import Away
from tests.contract.streaming import GROUP, POISON
from tests.fixtures_servers import RedisNode, RedisPair, Servers, wait_until

pytestmark = pytest.mark.integration
TIMEOUT = 20.0
NOWHERE = Path("/nonexistent")
TOWARDS = {"transactionId": "T", "amount": 1, "currency": "USD", "counterparty": "ACME"}


class At:
    """A stream of its own on a server that tests share."""

    def __init__(self, node: RedisNode, name: str) -> None:
        self.node, self.name = node, name
        self.results, self.dead = beside(name, "results"), beside(name, "dead")

    def add(self, *texts: str, entry: str = "*", field: str = "transaction") -> list[str]:
        return [str(self.node.ask("XADD", self.name, entry, field, text)) for text in texts]

    def read(self, key: str) -> list[dict[str, str]]:
        return [fields for _, fields in self.node.ask("XRANGE", key, "-", "+")]

    def pending(self) -> int:
        return int(self.node.ask("XPENDING", self.name, GROUP)["pending"])

    def held(self) -> list[tuple[str, str, int, int]]:
        """(id, consumer, idle ms, deliveries) of each that is in somebody's hands."""
        with redis.Redis(port=self.node.port, decode_responses=True, protocol=2) as client:
            found: list[dict[str, Any]] = client.xpending_range(self.name, GROUP, "-", "+", 100)
        words = ("message_id", "consumer", "time_since_delivered", "times_delivered")
        return [tuple(each[word] for word in words) for each in found]

    def entries(self, consumer: str = "one", group: str = GROUP) -> RedisEntries:
        return RedisEntries("cache/here", self.node.url, str, self.name, group, consumer, TIMEOUT)


@pytest.fixture
def at(shared_redis_pair: RedisPair, request: pytest.FixtureRequest) -> At:
    return At(shared_redis_pair.master, f"txn:{abs(hash(request.node.nodeid))}")


@pytest.fixture
async def one(at: At) -> AsyncIterator[RedisEntries]:
    made = at.entries()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def other(at: At) -> AsyncIterator[RedisEntries]:
    made = at.entries("other")
    yield made
    await made.close()


def outcome(entry: Entry, word: str = "done", *, dead: bool = False) -> Outcome:
    return Outcome(entry, {"entry": entry.id, "word": word}, "mark", dead)


def desk() -> Desk:
    return Desk({}, cwd=NOWHERE)


def bench(record: Keeps | None = None) -> Bench:
    return Bench(desk(), "bahrain", GROUP, record)


def settings(consumer: str = "one", **more: Any) -> Consuming:
    brisk = {"block": 0.05, "patience": 0.05, "drain": True}
    return Consuming(**{"group": GROUP, "consumer": consumer, **brisk, **more})


async def worked(at: At, consumer: str = "one", **more: Any) -> Tally:
    given = {name: more.pop(name) for name in ("say", "asker") if name in more}
    record = more.pop("record", None)
    return await consume(lambda: bench(record), named(at.node.url, str), at.name, settings(consumer, **more),
                         asyncio.Event(), **given)  # fmt: skip


# -- the port


async def test_a_group_begins_with_what_was_there_before_it(at: At) -> None:
    ids = at.add("a", "b")
    entries = at.entries()
    for _ in range(2):
        await entries.open()
    found = await entries.fresh(10, 0.05)
    assert [(each.id, each.fields, each.deliveries) for each in found] == [
        (ids[0], {"transaction": "a"}, 1), (ids[1], {"transaction": "b"}, 1),
    ]  # fmt: skip
    assert abs(found[0].at - time.time()) < 60
    assert await entries.fresh(10, 0.05) == []
    await entries.close()


async def test_what_is_settled_is_written_once_and_in_nobodys_hands(at: At, one: RedisEntries) -> None:
    ids = at.add("a", "b", "c")
    found = await one.fresh(10, 1)
    assert await one.waiting()
    written = await one.settle([outcome(found[0]), outcome(found[1], dead=True), outcome(found[2])])
    assert written == set(ids)
    assert [each["entry"] for each in at.read(at.results)] == [ids[0], ids[2]]
    assert [each["entry"] for each in at.read(at.dead)] == [ids[1]]
    assert at.pending() == 0
    assert not await one.waiting()


async def test_of_two_who_settle_one_entry_the_first_writes(at: At, one: RedisEntries, other: RedisEntries) -> None:
    ids = at.add("a", "b")
    found = await one.fresh(10, 1)
    [taken], _ = await other.stranded(0, "")
    assert (taken.id, taken.deliveries) == (ids[0], 2)
    assert await other.settle([outcome(taken, "first")]) == {ids[0]}
    assert await one.settle([outcome(each, "second") for each in found]) == {ids[1]}
    assert {each["entry"]: each["word"] for each in at.read(at.results)} == {ids[0]: "first", ids[1]: "second"}
    assert at.pending() == 0


async def test_what_is_given_out_again_is_not_written_again(at: At, one: RedisEntries) -> None:
    at.add("a", "b")
    await one.settle([outcome(each) for each in await one.fresh(10, 1)])
    at.node.ask("XGROUP", "SETID", at.name, GROUP, "0")
    again = await one.fresh(10, 1)
    assert (len(again), await one.settle([outcome(each) for each in again])) == (2, frozenset())
    assert (len(at.read(at.results)), at.pending()) == (2, 0)


async def test_of_many_who_settle_at_the_same_moment_one_writes_each(at: At, one: RedisEntries) -> None:
    at.add(*map(str, range(40)))
    found = await one.fresh(40, 1)
    crowd = [at.entries(f"w{number}") for number in range(6)]
    shuffled = [random.Random(number).sample(found, len(found)) for number in range(6)]
    written = await asyncio.gather(*(
        entries.settle([outcome(each, str(number)) for each in mine])
        for number, (entries, mine) in enumerate(zip(crowd, shuffled, strict=True))
    ))  # fmt: skip
    assert sorted(name for each in written for name in each) == sorted(each.id for each in found)
    assert Counter(each["entry"] for each in at.read(at.results)) == {each.id: 1 for each in found}
    assert at.pending() == 0
    for entries in crowd:
        await entries.close()


class Cut(RedisEntries):
    """Loses its connection before its `nth` exchange, or after it: the answer does not come."""

    nth, after, count = -1, False, 0

    async def _ask(self, *commands: Command, wait: float = 0.0) -> list[Any]:
        self.count += 1
        if self.count == self.nth and not self.after:
            await self._session.close()
            raise Away("QX-NODE-001", "cut")
        answers = await super()._ask(*commands, wait=wait)
        if self.count == self.nth:
            await self._session.close()
            raise Away("QX-RUN-002", "cut")
        return answers


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2])
async def test_a_connection_that_is_lost_anywhere_changes_nothing(
    at: At, one: RedisEntries, nth: int, after: bool
) -> None:
    ids = at.add("a", "b")
    found = await one.fresh(10, 1)
    cut = Cut("cache/here", at.node.url, str, at.name, GROUP, "one", TIMEOUT)
    cut.nth, cut.after = nth, after
    with pytest.raises(Away):
        await cut.settle([outcome(each) for each in found])
    assert len(at.read(at.results)) in (0, 2)
    assert at.pending() == 2 - len(at.read(at.results))
    await cut.settle([outcome(each) for each in found])
    assert [each["entry"] for each in at.read(at.results)] == ids
    assert at.pending() == 0
    await cut.close()


async def test_who_was_frozen_for_long_lets_go(at: At, one: RedisEntries) -> None:
    at.add("a")
    [found] = await one.fresh(10, 1)
    assert await one.settle([outcome(found._replace(at=found.at - 50_000))]) == frozenset()
    assert (at.read(at.results), at.pending()) == ([], 1)


async def test_a_sign_of_life_keeps_others_away(at: At, one: RedisEntries, other: RedisEntries) -> None:
    at.add("a", "b")
    found = await one.fresh(10, 1)
    await asyncio.to_thread(wait_until, lambda: min(idle for _, _, idle, _ in at.held()) > 300, "they are idle")
    await one.hold([each.id for each in found])
    assert await other.stranded(0.3, "") == ([], "")
    assert [(owner, deliveries) for _, owner, _, deliveries in at.held()] == [("one", 1)] * 2


async def test_what_was_deleted_while_it_was_held_is_told(at: At, one: RedisEntries, other: RedisEntries) -> None:
    ids = at.add("a", "b")
    await one.fresh(10, 1)
    at.node.ask("XDEL", at.name, ids[0])
    found, cursor = await other.stranded(0, "")
    while cursor:
        more, cursor = await other.stranded(0, cursor)
        found += more
    assert {each.id: each.fields for each in found} == {ids[0]: None, ids[1]: {"transaction": "b"}}


async def test_a_key_of_another_kind_is_found_before_anything_is_acknowledged(at: At, one: RedisEntries) -> None:
    at.add("a")
    found = await one.fresh(10, 1)
    at.node.ask("SET", at.results, "mine")
    for act in (one.open(), one.settle([outcome(each) for each in found])):
        with pytest.raises(QxError, match="holds a string") as caught:
            await act
        assert not isinstance(caught.value, Away)
    assert at.pending() == 1


async def test_a_name_is_forgotten_only_with_empty_hands(at: At, one: RedisEntries) -> None:
    at.add("a")
    found = await one.fresh(10, 1)
    await one.leave()
    assert at.pending() == 1
    await one.settle([outcome(each) for each in found])
    await one.leave()
    assert at.node.ask("XINFO", "CONSUMERS", at.name, GROUP) == []


# -- a worker


async def test_every_entry_gets_its_result_or_its_dead_letter(at: At) -> None:
    ids = at.add(*(json.dumps(laid_over(BASE, {"transactionId": f"T-{number}"})) for number in range(5)))
    ids += at.add(json.dumps(laid_over(BASE, {"currency": "USX"})))
    bad = at.add("", "{", "[]", '{"amonut": 1}', '{"amount": 1, "amount": 2}', '"\ufffd"', "[" * 9000)
    bad += at.add("{}" + " " * (1 << 20))
    bad += at.add("{}", field="transactoin")
    tally = await worked(at)
    assert (tally.conditional, tally.rejected, tally.dead) == (5, 1, 9)
    results, dead = at.read(at.results), at.read(at.dead)
    assert [each["entry"] for each in results] == ids
    assert [each["entry"] for each in dead] == bad
    assert {each["code"] for each in dead} == {"QX-TXN-001", "QX-TXN-002"}
    document = json.loads(results[0]["validation"])
    assert document["schema"] == "qx.validation/1"
    assert results[0]["validationId"] == document["validationId"]
    told = (results[0]["transactionId"], results[0]["status"], results[0]["region"])
    assert told == ("T-0", "conditional", "bahrain")
    assert (await worked(at)) == Tally()


async def test_an_entry_is_judged_as_of_the_day_on_which_it_was_added(at: At) -> None:
    at.add(json.dumps(TOWARDS), entry="1764547200001-0")  # 2025-12-01
    at.add(json.dumps(TOWARDS | {"asOf": "2024-02-03T04:05:06Z"}), entry="1764547200002-0")
    at.add(json.dumps(TOWARDS), entry="99999999999999-0")  # nobody's clock
    await worked(at)
    first, stated, later = (json.loads(each["validation"])["asOf"] for each in at.read(at.results))
    assert first == "2025-12-01T00:00:00Z"
    assert stated == "2024-02-03T04:05:06Z"
    assert abs(time.time() - time.mktime(time.strptime(later[:10], "%Y-%m-%d"))) < 3 * 86400


class Record:
    """Its disk is full at first."""

    def __init__(self, at: At) -> None:
        self._at, self._receipts = at, [Receipt(0, lost=1), Receipt(1)]
        self.seen: list[tuple[int, int, str]] = []
        self.closed = False

    def keep(self, results: Sequence[Kept]) -> Receipt:
        self.seen.append((len(results), self._at.pending(), results[0].row.validation_id))
        return self._receipts.pop(0)

    def close(self) -> None:
        self.closed = True


async def test_the_record_has_it_before_it_is_settled_and_lost_is_tried_again(at: At) -> None:
    at.add(json.dumps(TOWARDS), "{")
    said: list[str] = []
    record = Record(at)
    await worked(at, record=record, say=said.append)
    [result] = at.read(at.results)
    assert record.seen == [(1, 2, result["validationId"])] * 2
    assert record.closed
    assert said[0].startswith("1 rows could be kept nowhere")


async def test_what_a_bug_stops_is_tried_so_often_and_then_a_dead_letter(at: At) -> None:
    [entry] = at.add(json.dumps(TOWARDS))
    said: list[str] = []

    class Buggy(Bench):
        def judged(self, *_: object) -> Any:
            raise ZeroDivisionError("by nothing")

    entries = at.entries()
    worker = Worker(entries, lambda: Buggy(desk(), "bahrain", GROUP), settings(idle=0.01, deliveries=3), SystemClock(),
                    asyncio.Event(), say=said.append)  # fmt: skip
    tally = await worker.run()
    await entries.close()
    [letter] = at.read(at.dead)
    assert (letter["entry"], letter["code"], letter["deliveries"]) == (entry, "QX-STREAM-003", "4")
    assert (tally.given_up, tally.dead, at.pending()) == (3, 1, 0)
    assert json.loads(letter["fields"]) == {"transaction": json.dumps(TOWARDS)}
    assert "ZeroDivisionError: by nothing" in said[0]


class Slow:
    """Of a KYC provider's asker: no answer before it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def enrich(self, transactions: Sequence[Transaction]) -> list[Enriched]:
        self.asked.set()
        await self.go.wait()
        return [Enriched(each) for each in transactions]


async def test_who_waits_for_long_gives_signs_of_life(at: At, other: RedisEntries) -> None:
    at.add(json.dumps(TOWARDS), json.dumps(TOWARDS))
    slow, entries = Slow(), at.entries()
    worker = Worker(entries, bench, settings(idle=0.6), SystemClock(), asyncio.Event(), asker=cast("Any", slow))
    working = asyncio.create_task(worker.run())
    await slow.asked.wait()
    late = time.monotonic() + 1.5
    await asyncio.to_thread(wait_until, lambda: time.monotonic() > late, "others would not have waited")
    assert await other.stranded(0.6, "") == ([], "")
    slow.go.set()
    tally = await working
    await entries.close()
    assert (tally.conditional, tally.repeated, len(at.read(at.results))) == (2, 0, 2)


async def test_a_stop_finishes_what_is_held(at: At) -> None:
    at.add(*[json.dumps(TOWARDS)] * 20)
    stop = asyncio.Event()

    class Stopping(Bench):
        def judged(self, *given: Any) -> Any:
            stop.set()
            return super().judged(*given)

    entries = at.entries()
    given = settings(count=5, drain=False)
    worker = Worker(entries, lambda: Stopping(desk(), "bahrain", GROUP), given, SystemClock(), stop)
    tally = await worker.run()
    await entries.close()
    assert (tally.conditional + tally.rejected, at.pending(), len(at.read(at.results))) == (5, 0, 5)


async def test_a_server_that_is_away_is_waited_for(servers: Servers, redis_program: str) -> None:
    own = At(servers.redis(redis_program, appendonly="yes", appendfsync="always"), "txn:away")
    own.node.start()
    own.add(*[json.dumps(TOWARDS)] * 3)
    said: list[str] = []
    stop = asyncio.Event()
    working = asyncio.create_task(
        consume(bench, named(own.node.url, str), own.name, settings(drain=False), stop, say=said.append)
    )
    await asyncio.to_thread(wait_until, lambda: len(own.read(own.results)) == 3, "three results")
    await asyncio.to_thread(own.node.kill)
    await asyncio.to_thread(wait_until, lambda: said, "it is told")
    await asyncio.to_thread(own.node.start)
    own.add(json.dumps(TOWARDS))
    await asyncio.to_thread(wait_until, lambda: len(own.read(own.results)) == 4, "four results")
    stop.set()
    assert (await working).conditional == 4
    assert said[-1] == "the server is back"


# -- killed


class Crowd:
    """Workers that are processes of their own."""

    def __init__(self, at: At, idle: float, deliveries: int, log: Path) -> None:
        self._at, self._idle, self._deliveries, self._log = at, idle, deliveries, log
        self._started = 0
        self.alive: list[subprocess.Popen[bytes]] = []

    def start(self, *, drain: bool = False) -> subprocess.Popen[bytes]:
        self._started += 1
        words = [self._at.node.url, self._at.name, f"w{self._started}", str(self._idle), str(self._deliveries),
                 "drain" if drain else "on"]  # fmt: skip
        with self._log.open("ab") as log:
            made = subprocess.Popen([sys.executable, "-m", "tests.contract.streaming", *words], stderr=log)
        self.alive.append(made)
        return made

    def kill(self, one: subprocess.Popen[bytes]) -> None:
        one.kill()
        one.wait(30)
        self.alive.remove(one)

    def end(self) -> None:
        for one in list(self.alive):
            self.kill(one)


def complete(at: At, ids: list[str], poison: list[str], bad: list[str]) -> None:
    results, dead = at.read(at.results), at.read(at.dead)
    assert Counter(each["entry"] for each in results) == dict.fromkeys(ids, 1)
    assert Counter(each["entry"] for each in dead) == dict.fromkeys((*poison, *bad), 1)
    assert {each["entry"] for each in dead if each["code"] == "QX-STREAM-003"} == set(poison)
    assert at.pending() == 0


def test_workers_that_are_killed_lose_nothing_and_count_nothing_twice(at: At, tmp_path: Path) -> None:
    """Two workers, the first killed while it holds entries; then the rest is left to the second."""
    ids = at.add(*(json.dumps(TOWARDS | {"transactionId": f"T-{number}"}) for number in range(200)))
    bad = at.add("{")
    crowd = Crowd(at, idle=0.5, deliveries=5, log=tmp_path / "log")
    try:
        first = crowd.start()
        wait_until(lambda: at.node.ask("EXISTS", at.results) and len(at.read(at.results)) >= 20, "it works")
        crowd.kill(first)
        last = crowd.start(drain=True)
        assert last.wait(60) == 0, (tmp_path / "log").read_text()
        crowd.alive.remove(last)
        complete(at, ids, [], bad)
    finally:
        crowd.end()


@pytest.mark.slow
def test_many_workers_killed_at_random_under_load(at: At, tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("QX_SEED", "stream"))
    crowd = Crowd(at, idle=1.0, deliveries=6, log=tmp_path / "log")
    ids: list[str] = []
    poison: list[str] = []
    bad: list[str] = []
    killed = 0
    try:
        for _ in range(4):
            crowd.start()
        until = time.monotonic() + 20
        while time.monotonic() < until or len(poison) < 2:
            for _ in range(40):
                number = len(ids) + len(bad)
                if chance.random() < 0.02:
                    bad += at.add("{")
                else:
                    ids += at.add(json.dumps(TOWARDS | {"transactionId": f"T-{number}"}))
            if len(poison) < 2 and len(ids) > 100 * (len(poison) + 1):
                poison += at.add(json.dumps(TOWARDS | {"transactionId": f"{POISON}-{len(poison)}"}))
            crowd.alive = [one for one in crowd.alive if one.poll() is None]
            if crowd.alive and chance.random() < 0.5:
                victim = chance.choice(crowd.alive)
                if chance.random() < 0.3:
                    os.kill(victim.pid, signal.SIGSTOP)  # a zombie that comes back when others have its entries
                    back = time.monotonic() + 1.5
                    wait_until(lambda: time.monotonic() > back, "it was away")  # noqa: B023 - called at once
                    os.kill(victim.pid, signal.SIGCONT)
                else:
                    crowd.kill(victim)
                    killed += 1
            while len(crowd.alive) < 4:
                crowd.start()
        for one in crowd.alive:
            one.send_signal(signal.SIGTERM)
        for one in crowd.alive:
            one.wait(60)
        crowd.alive.clear()
        while True:  # poison kills those who drain, too
            last = crowd.start(drain=True)
            last.wait(120)
            crowd.alive.remove(last)
            if last.returncode == 0:
                break
        print(f"{len(ids)} entries, {len(bad)} bad, {len(poison)} poisonous, {killed} workers killed")
        assert killed >= 3
        complete(at, ids, poison, bad)
    finally:
        crowd.end()
