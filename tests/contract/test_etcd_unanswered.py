"""What etcd was asked to write and never confirmed: written once, found again, and never brought back later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from msgspec import json

from qx.adapters.etcd.gateway import At
from qx.adapters.etcd.store import EtcdStore
from qx.engine.chain import verify
from qx.kernel.errors import Refused, Unsure
from qx.model.deed import deed
from qx.model.observation import Sample
from tests.fakes.runs import a_plan, a_run, an_entry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures_etcd import Etcd

BRIEF_S = 1.0


class Relay(ThreadingHTTPServer):
    """In front of a member. `losing`: of each write, the 'question' or the 'answer' gets lost; '' none."""

    daemon_threads = True

    def __init__(self, member: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.member = member
        self.losing = ""
        self.late: list[tuple[str, bytes]] = []  # questions that got lost, to be delivered after all

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def pass_on(self, path: str, body: bytes) -> httpx.Response:
        return httpx.post(self.member + path, content=body, trust_env=False, timeout=30.0)

    def deliver(self) -> int:
        """What was held up arrives; how much of what was to be done once was done (samples may come twice)."""
        late, self.late = self.late, []
        done = [(json.decode(body), self.pass_on(path, body).json().get("succeeded")) for path, body in late]
        return sum("compare" in asked and bool(succeeded) for asked, succeeded in done)


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        losing = self.server.losing if _writes(body) else ""
        if losing == "question":
            self.server.late.append((self.path, body))
            self.close_connection = True
            return
        answer = self.server.pass_on(self.path, body)
        if losing:
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: Any) -> None:
        """Silent."""


def _writes(body: bytes) -> bool:
    asked = json.decode(body).get("success", [])
    return any("request_put" in each or "request_delete_range" in each for each in asked)


class Bench:
    """A platform of its own behind a relay: `direct` goes past it."""

    def __init__(self, relay: Relay, platform: str, stack: ExitStack) -> None:
        self.relay, self._platform, self._stack = relay, platform, stack

    def open(self, *urls: str, timeout: float = 20.0) -> EtcdStore:
        store = EtcdStore(At(urls or (self.relay.url,), timeout=timeout), self._platform, prefix="/qx-test")
        return self._stack.enter_context(store)

    @property
    def direct(self) -> EtcdStore:
        return self.open(self.relay.member)

    def losing(self, what: str, store: EtcdStore, attempt: Callable[[], Any]) -> None:
        """`attempt` is made while writes get lost, and does not know what came of it."""
        patient, store.gateway.at = store.gateway.at, store.gateway.at._replace(timeout=BRIEF_S)
        self.relay.losing = what
        with pytest.raises(Unsure) as unsure:
            attempt()
        assert unsure.value.code == "QX-STORE-005"
        self.relay.losing, store.gateway.at = "", patient


@pytest.fixture
def bench(etcd_server: Etcd, tmp_path: Path) -> Iterator[Bench]:
    with Relay(etcd_server.members[0].client) as relay, ExitStack() as stack:
        threading.Thread(target=relay.serve_forever, args=(0.05,)).start()
        stack.callback(relay.shutdown)
        yield Bench(relay, tmp_path.name, stack)


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_another_member_is_asked_and_it_is_written_once(bench: Bench, lost: str) -> None:
    store = bench.open(bench.relay.url, bench.relay.member)
    bench.relay.losing = lost

    def through_the_relay() -> EtcdStore:
        store.gateway._first = 0
        return store

    (lease,) = through_the_relay().acquire(("trading",), "run-1", 60.0)
    assert lease.epoch == 1
    through_the_relay().begin(a_run(), a_plan())
    chained = through_the_relay().append(an_entry(1))
    record = through_the_relay().put("arming", "trading", {"by": "ada"}, expect=0)
    through_the_relay().record_writer(lease, "eu-west", "7/1", 1.0)
    through_the_relay().keep_samples((Sample("trading", "us-east", 10.0, "7/1", 5, 9),))
    assert through_the_relay().drop("arming", "trading", expect=record.revision) is True
    through_the_relay().release((lease,))
    bench.relay.losing = ""
    assert bench.relay.deliver() == 0
    other = bench.direct
    assert (other.rules()["trading"].epoch, other.rules()["trading"].writer) == (1, "eu-west")
    assert other.leases() == ()
    assert other.chain() == chained
    assert other.record("arming", "trading") is None
    assert len(other.samples("trading", 0.0)) == 1


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_an_append_that_nobody_confirmed_may_be_repeated(bench: Bench, lost: str) -> None:
    store, entries = bench.open(), (an_entry(1), an_entry(2))
    store.begin(a_run(), a_plan())
    bench.losing(lost, store, lambda: store.append(*entries))
    assert len(bench.direct.chain()) == (2 if lost == "answer" else 0)
    chained = store.append(*entries)
    assert bench.direct.chain() == chained
    store.append(an_entry(3))
    assert bench.relay.deliver() == 0
    assert [each.entry.seq for each in bench.direct.chain()] == [1, 2, 3]
    assert verify(bench.direct.chain()) == []


def test_an_append_that_was_confirmed_may_not(bench: Bench) -> None:
    store = bench.open()
    store.begin(a_run(), a_plan())
    store.append(an_entry(1))
    with pytest.raises(Refused) as refused:
        store.append(an_entry(1))
    assert refused.value.code == "QX-STORE-002"


def test_one_who_was_overtaken_meanwhile_learns_it(bench: Bench) -> None:
    store = bench.open()
    store.begin(a_run(), a_plan())
    bench.losing("question", store, lambda: store.append(an_entry(1)))
    (theirs,) = bench.direct.append(an_entry(1))
    with pytest.raises(Refused) as refused:
        store.append(an_entry(1))
    assert refused.value.code == "QX-STORE-002"
    assert bench.relay.deliver() == 0
    assert bench.direct.chain() == (theirs,)


def test_a_record_that_was_dropped_does_not_come_back(bench: Bench) -> None:
    store = bench.open()
    store.put("arming", "trading", {"by": "ada"})
    store.drop("arming", "trading")
    bench.losing("question", store, lambda: store.put("arming", "trading", {"by": "eve"}))
    other = bench.direct
    other.put("arming", "trading", {"by": "bob"})
    other.drop("arming", "trading")
    assert bench.relay.deliver() == 0
    assert other.record("arming", "trading") is None


def test_a_record_that_was_dropped_before_it_stood_does_not_come(bench: Bench) -> None:
    store = bench.open()
    bench.losing("question", store, lambda: store.put("arming", "trading", {"by": "eve"}))
    assert bench.direct.drop("arming", "trading") is False
    assert bench.relay.deliver() == 0
    assert bench.direct.record("arming", "trading") is None


def test_a_lease_that_nobody_confirmed_is_asked_for_again(bench: Bench) -> None:
    store = bench.open()
    bench.losing("answer", store, lambda: store.acquire(("trading",), "run-1", 60.0))
    (lease,) = store.acquire(("trading",), "run-1", 60.0)
    assert lease.epoch > 1
    store.check(lease)
    assert bench.direct.leases() == (lease,)


def test_a_deed_is_begun_once(bench: Bench) -> None:
    store = bench.open()
    run, _ = deed("d1", "arm", ("trading",), "ada", 5.0, {})
    bench.losing("answer", store, lambda: store.begin(run, None))
    assert bench.direct.runs() == (run,)
    with pytest.raises(Refused) as refused:
        store.begin(run, None)
    assert refused.value.code == "QX-STORE-008"
