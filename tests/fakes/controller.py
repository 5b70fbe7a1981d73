"""Controller: one `qx daemon` in the simulated world, in a process and an event loop of its own: started, stopped,
killed, frozen and woken. What runs in it is `qx.daemon.daemon.Daemon`, but for its signal handlers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.adapters.systemd import Supervisor
from qx.daemon.daemon import Daemon
from qx.daemon.log import Log
from tests.fakes.bench import SimBench
from tests.fakes.loop import Loop
from tests.fakes.process import HOME, Killed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from qx.ports.store import Store
    from tests.fakes.process import Process
    from tests.fakes.world import SimWorld


class Told(Log):
    """What it said, as (virtual seconds, event, fields)."""

    def __init__(self, world: SimWorld) -> None:
        self.lines: list[tuple[float, str, dict[str, Any]]] = []
        self._simulation = world.simulation

        self.bugs: list[str] = []

    def tell(self, event: str, **fields: Any) -> None:
        if event == "bug":
            if Killed.__name__ not in fields["trace"]:
                self.bugs.append(f"bug in {fields['task']}: {fields['trace']}")
            return
        self.lines.append((self._simulation.now, event, {k: v for k, v in fields.items() if v is not None}))


class Controller:
    """`prepared` is called with each new process of it, before that does anything. `region`: where it stands, as the
    controller of that region's servers; None: elsewhere, as the one controller of all. `store` opens another store than
    the world's.
    """

    def __init__(
        self,
        world: SimWorld,
        prepared: Callable[[Process], None] = lambda _: None,
        region: str | None = None,
        store: Callable[[], Store | None] = lambda: None,
    ) -> None:
        self.world, self.region = world, region
        self.log = Told(world)
        self.process: Process | None = None
        self.daemon: Daemon | None = None
        self._prepared, self._store = prepared, store
        self._loop = Loop(world.simulation)
        self._main: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        return self.process is not None

    @property
    def frozen(self) -> bool:
        return self.runs and self._loop.frozen

    def start(self) -> None:
        assert self.process is None
        self._loop = loop = Loop(self.world.simulation)
        self.process = process = self.world.process(self._store(), self.region or HOME)
        process.keeps, process.loop = False, loop
        self._prepared(process)
        bench = SimBench(process, region=self.region)
        self.daemon = Daemon(lambda: bench, self.log)
        self._main = loop.create_task(self.daemon._watch(bench, Supervisor({})), name="daemon")

    def stop(self) -> None:
        """SIGTERM: it ends by itself, and what it began first."""
        if self.daemon is not None:
            self.daemon._stop.set()

    def kill(self) -> None:
        """SIGKILL, at this instant, wherever it is; from within itself it takes effect when it lets go."""
        process, self.process, self.daemon = self.process, None, None
        if process is not None:
            process.alive = False
            self.world.simulation.soon(self._loop.end)

    def freeze(self) -> None:
        if self.process is not None:
            self._loop.freeze()

    def thaw(self) -> None:
        self._loop.thaw()

    def check(self) -> None:
        """Raises when it died of an error of its own, or something in it did."""
        if self.process is None:
            return
        if self._main is not None and self._main.done():
            if self._main.exception() is None:
                self.process = self.daemon = None  # it was stopped
                return
            raise AssertionError(f"the daemon died of {self._main.exception()!r}") from self._main.exception()
        if self.log.bugs:
            raise AssertionError(self.log.bugs[0])
        self._loop.check()
