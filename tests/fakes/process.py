"""Process: one qx process in the simulated world, and `qx.engine.world.World` to its executor.

It can be killed (every later call of it raises `Killed` and does nothing) and frozen (another thread carries the world
on while it stands still, as SIGSTOP does). A `trap` decides what goes wrong at a call; calls are numbered.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from qx.adapters.ed25519 import signed_by
from qx.engine.renewals import Renewals
from qx.failover import links
from qx.kernel.errors import QxError, Unsure
from qx.model.journal import Event
from tests.fakes.etcd import EtcdClient
from tests.fakes.lines import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.model.journal import Entry
    from qx.model.plan import Plan
    from qx.ports.controls import NodeControl
    from qx.ports.means import Means
    from qx.ports.routes import Route
    from qx.ports.servers import PgServer, RedisServer
    from qx.ports.store import Store
    from tests.fakes.loop import Loop
    from tests.fakes.world import SimWorld

T = TypeVar("T")
THREAD_S = 0.004  # a question to a store that others ask too, there and back
HOME = "qx"  # where executors run, as the network knows it


class Killed(BaseException):
    """The process is no more."""


class How(StrEnum):
    """What goes wrong at a call."""

    REFUSED = "refused"  # in the other side's own words; nothing done
    UNREACHABLE = "unreachable"  # could not be sent
    LOST_REQUEST = "lost-request"  # sent, nothing done, no answer
    LOST_ANSWER = "lost-answer"  # sent, done, no answer
    HANGS = "hangs"  # nothing done, and that is known only when the time is over
    HANGS_DONE = "hangs-done"  # done, and no answer until the time is over
    TWICE = "twice"  # the request arrives a second time
    LATE = "late"  # done, answered just in time
    CUT_TO = "cut-to"  # the link to that region is cut at this moment, and heals
    CUT_FROM = "cut-from"
    CUT_BOTH = "cut-both"
    CRASH = "crash"  # the server there crashes just before
    CRASH_AFTER = "crash-after"
    FREEZE = "freeze"  # the server there stands still from now on
    RESTART = "restart"  # the server there crashes, and a supervisor starts it again through the node's start path


class Call(NamedTuple):
    """`step` as the journal names what is being done: 'trading.fence', 'undo trading.fence', '' before any."""

    number: int
    step: str
    part: str  # sql, control, route
    cluster: str
    region: str
    verb: str


class Process:
    """`epochs` name its sessions; `calls` is what it asked of the world, in order."""

    def __init__(self, world: SimWorld, store: Store, home: str = HOME) -> None:
        self.world, self.home = world, home
        self.platform = world.platform
        self.clock = _Clock(self)
        self.store: Store = cast("Store", _Store(self, store))
        self.is_shared = isinstance(store, EtcdClient)  # the store, with other controllers
        if isinstance(store, EtcdClient):
            store.blocks = self.block
        self.renewals = Renewals(self.clock.elapsed)
        self.reporter = _Silent()
        self.alive = True
        self.step = ""
        self.calls: list[Call] = []
        self.keeps = True  # what it called and did
        self.deeds: list[str] = []
        self.clock_ahead = 0.0  # of the world's: somebody set it
        self.loop: Loop | None = None  # its own, where it has one
        self._waits: float | None = None  # what a thread of it has been kept for
        self.on_deed: Callable[[str], None] = lambda _: None
        self.trap: Callable[[Call], How | None] = lambda _: None
        self.before_append: Callable[[int], None] = lambda _: None
        self.after_append: Callable[[int], None] = lambda _: None
        self.after_put: Callable[[str], None] = lambda _: None  # of the record's kind
        self._epochs: dict[str, int] = {}
        self._lines: dict[tuple[str, str], Line] = {}

    # -- qx.engine.world.World

    @property
    def means(self) -> Means:
        raise AssertionError("the simulated world runs no runbook")

    def postgres(self, cluster: str, region: str) -> PgServer:
        from tests.fakes.servers import SimPgServer

        return SimPgServer(self, self._line(cluster, region), self.world.pg(cluster, region))

    def redis(self, cluster: str, region: str) -> RedisServer:
        from tests.fakes.servers import SimRedisServer

        return SimRedisServer(self, self._line(cluster, region), self.world.valkey(cluster, region))

    def control(self, cluster: str, region: str) -> NodeControl:
        from tests.fakes.controls import SimPgControl, SimRedisControl

        if (cluster, region) in self.world.uncontrolled:
            raise QxError("QX-NODE-001", f"{cluster} in {region} has no control configured")
        if self.platform.clusters[cluster].kind == "postgresql":
            return SimPgControl(self, self.world.pg(cluster, region))
        return SimRedisControl(self, self.world.valkey(cluster, region))

    def routes(self, cluster: str) -> tuple[Route, ...]:
        from tests.fakes.controls import SimRoute

        return (SimRoute(self, self.world.groups[cluster]),)

    def conninfo(self, cluster: str, upstream: str, viewer: str) -> str:
        return links.conninfo(self.platform.clusters[cluster], upstream, viewer, "s3cret")

    async def act_as(self, run: str, epochs: dict[str, int]) -> None:
        self.check_alive()
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self._epochs = dict(epochs)

    def salvage_dir(self, run: str) -> str:
        return f"/salvage/{run}"

    def signed_by(self, key: bytes, message: bytes, signature: str) -> bool:
        return signed_by(key, message, signature)

    # -- life and death

    def check_alive(self) -> None:
        if not self.alive:
            raise Killed

    def die(self) -> None:
        self.alive = False
        raise Killed

    def block(self, seconds: float) -> None:
        """It stands still in the midst of what it does, and then goes on with it."""
        if self._waits is not None:
            self._waits += seconds
        elif self.loop is not None:
            self.loop.block(seconds)

    async def beside(self, work: Callable[[], T]) -> T:
        """As in another thread: what blocks there does not hold up its loop."""
        self._waits = 0.0
        try:
            answer, failed = work(), None
        except QxError as error:
            answer, failed = None, error
        waits, self._waits = self._waits, None
        await asyncio.sleep(waits + THREAD_S)
        self.check_alive()
        if failed is not None:
            raise failed
        return cast("T", answer)

    @property
    def ahead(self) -> float:
        """Seconds by which it is ahead of the world, in a call that blocked."""
        return 0.0 if self.loop is None else self.loop.time() - self.world.simulation.now

    def did(self, what: str) -> None:
        """Something was changed on its behalf."""
        if self.keeps:
            self.deeds.append(what)
        self.on_deed(what)

    def hears(self, what: Callable[[], None]) -> None:
        """Something from outside, that it did not ask for."""
        if not self.alive:
            return
        if self.loop is None:
            what()
        else:
            self.loop.call_soon(what)

    def _line(self, cluster: str, region: str) -> Line:
        """Sessions of lower epochs than its own are expelled, and what it asks is done under that one."""
        key = (cluster, region)
        if key not in self._lines:
            self._lines[key] = Line(self, self.world.node(*key), self._epochs.get(cluster, 0))
        return self._lines[key]

    # -- how calls travel

    async def call(
        self, part: str, node: tuple[str, str], verb: str, timeout: float, work: Callable[[], Awaitable[T]]
    ) -> T:
        """`work`, unless something goes wrong. `timeout` is the caller's, in seconds."""
        self.check_alive()
        assert timeout > 0, f"{verb} was called with no time left: {timeout}"
        call = Call(len(self.calls), self.step, part, *node, verb)
        if self.keeps:
            self.calls.append(call)
        began = self.clock.elapsed()
        how = self.trap(call)
        self.check_alive()
        try:
            answer = await self._with(how, call, timeout, work)
        finally:
            self.check_alive()
        self.world.check()
        if how is How.LATE:
            await asyncio.sleep(max(0.0, began + 0.95 * timeout - self.clock.elapsed()))
        if how in (How.LOST_ANSWER, How.HANGS_DONE):
            wait = began + timeout - self.clock.elapsed() if how is How.HANGS_DONE else 0.0
            await asyncio.sleep(max(0.0, wait))
            raise Unsure("QX-RUN-002", f"{verb}: no answer")
        self.check_alive()
        return answer

    async def _with(self, how: How | None, call: Call, timeout: float, work: Callable[[], Awaitable[T]]) -> T:
        code = {"sql": "QX-NODE-007", "control": "QX-NODE-005", "route": "QX-ROUTE-001"}[call.part]
        if how is How.REFUSED:
            raise QxError(code, f"{call.verb} was refused")
        if how is How.UNREACHABLE:
            raise QxError("QX-NODE-001", f"{call.verb}: cannot be reached")
        if how in (How.LOST_REQUEST, How.HANGS):
            await asyncio.sleep(timeout if how is How.HANGS else 0.005)
            raise Unsure("QX-RUN-002", f"{call.verb}: no answer")
        self.world.break_at(how, call)
        answer = await work()
        if how is How.TWICE:
            with suppress(QxError):
                answer = await work()
        if how is How.CRASH_AFTER:
            self.world.break_at(How.CRASH, call)
        return answer


class _Clock:
    def __init__(self, process: Process) -> None:
        self._process = process

    def now(self) -> float:
        process = self._process
        return process.world.simulation.wall + process.ahead + process.clock_ahead

    def elapsed(self) -> float:
        return self._process.world.simulation.now + self._process.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._process.check_alive()

    def noise(self) -> bytes:
        return self._process.world.simulation.random.randbytes(10)


class _Store:
    """The process' store; a dead process writes nothing, and appending has its own moments to die or freeze at."""

    def __init__(self, process: Process, store: Store) -> None:
        self._process, self._store = process, store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._process.check_alive()
            return found(*arguments, **named)

        return call

    def put(self, kind: str, *arguments: Any, **named: Any) -> Any:
        self._process.check_alive()
        record = self._store.put(kind, *arguments, **named)
        self._process.after_put(kind)
        self._process.check_alive()
        return record

    def append(self, *entries: Entry) -> Any:
        process = self._process
        process.check_alive()
        for entry in entries:
            process.before_append(entry.seq)
            process.check_alive()
        chained = self._store.append(*entries)
        for entry in entries:
            if entry.event in (Event.INTENDED, Event.UNDOING):
                process.step = entry.step if entry.event is Event.INTENDED else f"undo {entry.step}"
        for entry in entries:
            process.after_append(entry.seq)
            process.check_alive()
        return chained


class _Silent:
    def began(self, plan: Plan, run: str) -> None: ...

    def wrote(self, entry: Entry) -> None: ...
