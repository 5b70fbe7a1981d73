"""Exposure: the daemon's snapshot as /metrics, /ready and /live. Without `watch.metrics.listen` nothing is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import json

if TYPE_CHECKING:
    from qx.adapters.metrics import Metrics
    from qx.adapters.scrape import Page, ScrapeServer
    from qx.app.workbench import Workbench
    from qx.model.snapshot import Snapshot

LATE = 5  # ticks that may be missing before the daemon counts as stuck
LATE_AT_LEAST_S = 10.0


class Exposure:
    def __init__(self, bench: Workbench, version: str) -> None:
        self._bench, self._version = bench, version
        self._snapshot: Snapshot | None = None
        self._metrics: Metrics | None = None
        self._server: ScrapeServer | None = None

    async def open(self) -> str:
        """Where it listens now; '' when nothing is configured. Raises QX-OBS-004."""
        listen = self._bench.platform.watch.metrics.listen
        if not listen:
            return ""
        from qx.adapters.metrics import Metrics
        from qx.adapters.scrape import ScrapeServer

        self._metrics = Metrics(self._bench.platform, self._version, self._bench.clock)
        pages = {"/metrics": self._text, "/ready": self._ready, "/live": self._live}
        self._server = ScrapeServer(listen, pages)
        await self._server.open()
        return listen

    def take(self, snapshot: Snapshot) -> None:
        """At the end of each tick."""
        self._snapshot = snapshot
        if self._metrics is not None:
            self._metrics.take(snapshot)

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()

    def _text(self, accept: str) -> Page:
        from qx.adapters.scrape import Page

        if self._metrics is None:
            raise AssertionError("open makes them first")
        content_type, text = self._metrics.text(accept)
        return Page(200, content_type, text)

    def _live(self, _accept: str) -> Page:
        """The daemon ticks."""
        return _page("live", *self._alive())

    def _ready(self, _accept: str) -> Page:
        """It ticks, has looked at everything, and can act."""
        well, because = self._alive()
        if well and self._snapshot is not None:
            well, because = self._snapshot.figures.ready, self._snapshot.figures.because
        return _page("ready", well, because)

    def _alive(self) -> tuple[bool, str]:
        if self._snapshot is None:
            return False, "no tick has ended yet"
        figures = self._snapshot.figures
        age = self._bench.clock.now() - figures.tick_at
        if age > max(LATE_AT_LEAST_S, LATE * figures.every_s):
            return False, f"the last tick ended {age:.0f} s ago"
        return True, ""


def _page(noun: str, well: bool, because: str) -> Page:  # noqa: FBT001 - the page's one fact
    from qx.adapters.scrape import Page

    told: dict[str, Any] = {"schema": f"qx.{noun}/1", noun: well, "because": because}
    return Page(200 if well else 503, "application/json", json.encode(told) + b"\n")
