"""The daemon's loop: eyes open, a tick per interval, at once when a server hangs up; systemd, reload and stop."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Self

from qx.adapters.systemd import Supervisor
from qx.app.attested import deliver
from qx.app.workbench import Workbench
from qx.config.profiles import watch_of
from qx.daemon.beside import Beside
from qx.daemon.durability import Durability
from qx.daemon.eyes import Eyes
from qx.daemon.hang import Hang
from qx.daemon.heart import Heart
from qx.daemon.isolation import Isolation
from qx.daemon.placement import Placement
from qx.daemon.postbox import Postbox
from qx.daemon.timekeeper import Timekeeper
from qx.daemon.trust import Trust
from qx.daemon.voice import Voice
from qx.daemon.watchman import Watchman
from qx.engine import leading
from qx.kernel.errors import QxError
from qx.model.standing import Release, Renewal, Witness
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.config.profiles import Watch
    from qx.daemon.log import Log
    from qx.model.topology import Topology

TOLD = (Release.KIND, Renewal.KIND, Witness.KIND, leading.KIND)
FINISH_S = 60.0  # a run that acts when the daemon is stopped has so long to end; then it is left to be resumed


class Daemon:
    """`open_bench` reads the configuration anew: at the start, and on SIGHUP."""

    def __init__(self, open_bench: Callable[[], Workbench], log: Log) -> None:
        self._open, self._log = open_bench, log
        self._reload = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        bench = self._open()
        supervisor = Supervisor(bench.env)
        while not self._stop.is_set():
            self._reload.clear()
            await self._watch(bench, supervisor)
            if not self._stop.is_set():
                bench = self._reopened(bench)
        supervisor.tell("STOPPING=1")

    def _reopened(self, bench: Workbench) -> Workbench:
        """The new configuration, if it is one; else the old one stays in force."""
        try:
            found = self._open()
            found.platform  # noqa: B018 - read now, to know whether it can be
        except QxError as error:
            self._log.tell("reload-refused", code=error.code, message=error.message)
            return self._open_again(bench)
        self._log.tell("reloaded", config=str(found.config_path))
        return found

    def _open_again(self, bench: Workbench) -> Workbench:
        """The same platform, over new connections."""
        again = Workbench(bench.env, region=bench.region)
        again.__dict__.update(found=bench.found, platform=bench.platform)
        return again

    async def _watch(self, bench: Workbench, supervisor: Supervisor) -> None:
        """Under one configuration, until it is to be stopped or read again."""
        post = Post(bench, self._log)
        self._log.tell("watching", platform=bench.platform.platform, config=str(bench.config_path),
                       profile=post.watch.profile, clusters=len(bench.platform.clusters))
        voice = Voice(bench, post.watchman, post.trust, post.watch.probe, self._log)
        try:
            await hear(bench, self._log)
            await voice.open()
            async with post, Timekeeper(bench, post.leads, self._log) as timekeeper:
                supervisor.tell("READY=1", f"STATUS=watching {bench.platform.platform}")
                while not self._stop.is_set() and (timekeeper.busy or not self._reload.is_set()):
                    ends = (self._stop,) if timekeeper.busy else (self._stop, self._reload)
                    await voice.tell(await post.round(ends))
                    await hear(bench, self._log)
                    timekeeper.check()
                    supervisor.tell("WATCHDOG=1")
                supervisor.tell("RELOADING=1" if self._reload.is_set() else "STOPPING=1")
        finally:
            await voice.close()
            await bench.close()


class Post:
    """One configuration being watched: eyes, heart, trust and watchman. `async with`: the first look has been taken."""

    def __init__(self, bench: Workbench, log: Log) -> None:
        self.watch: Watch = watch_of(bench.platform.watch)
        self.bench, self._log = bench, log
        bench.alarm = self._alarm  # before the probers are made
        timeout = min(float(bench.platform.defaults.probe_timeout), max(self.watch.probe, 0.5))
        self.eyes: Eyes = Eyes(
            bench.probers, bench.endpoints, bench.observer, bench.clock, every=self.watch.probe, timeout=timeout
        )
        self.trust = Trust(bench.clock, self.watch.stall, self.watch.distrust)
        self.watchman = Watchman(bench, self.watch, self.eyes, self.trust, log)
        self._postbox = Postbox(bench, bench.region, log) if bench.region else None
        self._beside = Beside(bench, self.watch, bench.region, log, lambda: self.watchman.topology)
        self._isolation = Isolation(bench, self.watch, self.eyes, self._beside, log)
        self._hang = Hang(bench, self.watch, self.eyes, self._beside, self.trust, log)
        self._heart = Heart(bench.probers, self.watch.probe, bench.clock)
        self._durability = Durability(
            bench, self.watch, bench.region, self.trust, log, lambda: self.watchman.topology
        )
        self._placement = Placement(bench, self.watch.ttl, self.leads, log)
        self.watchman.unsafe_store = lambda: self._placement.unsafe
        self._tasks: list[asyncio.Task[None]] = []

    def _alarm(self, cluster: str, region: str) -> None:
        self.eyes.alarm(cluster, region)
        self._beside.alarm(cluster, region)

    def leads(self) -> bool:
        """Whether it is for this controller to act, and it trusts itself."""
        return self.watchman.leads and self.trust.feel() == 0

    async def __aenter__(self) -> Self:
        await self.eyes.look()
        await self.watchman.tick()
        self._tasks = [
            asyncio.create_task(self.eyes.watch(), name="eyes"),
            asyncio.create_task(self._hurry(), name="hurry"),
            asyncio.create_task(self.trust.pulse(), name="trust"),
            asyncio.create_task(self._beside.keep(), name="beside"),
            asyncio.create_task(self._heart.beat(lambda: self.watchman.topology), name="heart"),
            asyncio.create_task(self._durability.keep(), name="durability"),
        ]
        if self.watch.isolation_stop_after:
            self._tasks.append(asyncio.create_task(self._isolation.mind(), name="isolation"))
        if self.bench.platform.store.etcd is not None:
            self._tasks.append(asyncio.create_task(self._placement.keep(), name="placement"))
        if self._postbox is not None:  # where each region has a controller
            self._tasks += [
                asyncio.create_task(self._hang.mind(), name="hang"),
                asyncio.create_task(self._near(), name="nearby"),
                asyncio.create_task(self._listen(), name="listen"),
                asyncio.create_task(self._count(), name="count"),
                asyncio.create_task(self._postbox.serve(), name="postbox"),
            ]
        return self

    async def _near(self) -> None:
        if self.watchman.nearby is not None:
            await self.watchman.nearby.keep()

    async def _hurry(self) -> None:
        """When a server hangs up, a tick that is being taken holds up nobody."""
        while True:
            await self.eyes.woken.wait()
            self.eyes.woken.clear()
            self.watchman.hurry()

    async def _listen(self) -> None:
        """What another controller released is considered at once, and whose lease ran out."""
        while True:
            try:
                async for record in self.bench.store.changes(TOLD):
                    ended = record.until == 0
                    if record.kind != Release.KIND and not ended:
                        self.bench.renewals.see(record)
                    elif record.kind == Renewal.KIND:
                        self.watchman.consider(record.key)
                    elif record.kind == Release.KIND and not ended:
                        self.watchman.released(record.key)
                        self.eyes.alarmed.add(record.key)
                        self.eyes.woken.set()
            except QxError as error:
                self._log.tell("error", code=error.code, message=error.message)
            await self.bench.clock.sleep(self.watch.probe)

    async def _count(self) -> None:
        """Whose lease has run out by this controller's own count is considered at once, too."""
        clock, renewals = self.bench.clock, self.bench.renewals
        last = clock.elapsed()
        while True:
            due, clusters = renewals.next(Renewal.KIND, last)
            left = due - clock.elapsed()
            if left > 0:
                await clock.sleep(min(left, self.watch.probe))
                continue
            last = due
            for cluster in clusters:
                self.watchman.consider(cluster)

    async def __aexit__(self, *_: object) -> None:
        try:
            async with asyncio.timeout(FINISH_S):
                await self.watchman.settle()
        except TimeoutError:
            self._log.tell("left", message="a run goes on without an executor: qx runs resume")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def round(self, ends: tuple[asyncio.Event, ...]) -> float:
        """Until the next tick has been taken. The seconds that it took."""
        until = self.bench.clock.elapsed() + self.watch.probe
        while (left := until - self.bench.clock.elapsed()) > 0 and not any(end.is_set() for end in ends):
            await _first(left, *ends)
        for task in self._tasks:
            if task.done():
                task.result()  # raises what ended it: the daemon does not go on blind
        began = self.bench.clock.elapsed()
        await self.watchman.tick()
        return self.bench.clock.elapsed() - began


async def hear(bench: Workbench, log: Log) -> None:
    """What people attested while no store answered."""
    try:
        for word in await bench.apart(deliver, bench):
            log.tell("attested", run=word.run, cluster=word.cluster, region=word.region, by=word.by)
    except QxError as error:
        log.tell("error", code=error.code, message=error.message)


async def once_over(bench: Workbench, log: Log) -> Topology | None:
    """For cron: look until every finding is confirmed or gone, act as policy lets, and end."""
    post = Post(bench, log)
    await hear(bench, log)
    async with post:
        for _ in range(post.watch.confirm):
            await post.watchman.settle()
            if not _unsettled(post.watchman.topology):
                break
            await bench.clock.sleep(post.watch.probe)
            await post.eyes.look()
            await post.watchman.tick()
        await post.watchman.settle()
        await post.watchman.tick()
        await post.watchman.settle()
    return post.watchman.topology


def _unsettled(topology: Topology | None) -> bool:
    gone = {Cause.WRITER_DEAD, Cause.WRITER_SILENT, Cause.NO_WRITER}
    return topology is not None and any(view.cause in gone for view in topology.clusters.values())


async def _first(timeout: float, *events: asyncio.Event) -> None:
    """Until one of them is set, or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
