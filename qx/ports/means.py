"""What a runbook's steps may reach beside qx's own acts: statements, commands, requests, programs, and other moves.

Every method has the caller's deadline in seconds. Errors, here too: Unsure(QX-RUN-002) when it was sent and no answer
came; any other QxError: it was not done. What they return is bounded, of JSON's types, and holds no secret: whatever
stands behind a reference is resolved inside, for the one call, and is blotted out of what comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.asked import Subplan
    from qx.model.journal import RunOutcome
    from qx.model.plan import Plan, Refusal
    from qx.model.topology import Topology


class Means(Protocol):
    async def look(self) -> Topology:
        """Everything, seen and judged now."""

    async def sql(
        self, cluster: str, region: str, statement: str, parameters: tuple[Any, ...], run: str, *,
        writes: bool, rows: int, timeout: float,
    ) -> dict[str, Any]:
        """`rows` (list of mappings, at most so many), `count` of those, `more`: there would be others. `affected`: how
        many one that writes has changed.

        Without `writes`: one statement in a read-only transaction. The session is named after the run.
        """

    async def sql_open(self, cluster: str, region: str, run: str, timeout: float) -> bool:
        """Whether a session of the run that writes is still at work at that server."""

    async def redis(
        self, cluster: str, region: str, command: tuple[str, ...], run: str, *, writes: bool, timeout: float
    ) -> dict[str, Any]:
        """`reply`. A command that does not write is sent again when a kept connection was dead."""

    async def http(
        self, method: str, url: str, headers: dict[str, str], secrets: dict[str, str], body: str, timeout: float
    ) -> dict[str, Any]:
        """`status`, `body`: read as JSON where it says that it is, else text."""

    async def program(self, argv: tuple[str, ...], secrets: dict[str, str], timeout: float) -> dict[str, Any]:
        """`exit`, `stdout`, `stderr`. Refused (QX-BOOK-007) when regions.yaml does not allow it."""

    async def notify(
        self, key: str, severity: str, message: str, because: str, channels: tuple[str, ...], run: str, timeout: float
    ) -> dict[str, Any]:
        """`told`: the channels that took it; `failed`: channel -> why. Raises when there are some, and none took it."""

    async def plan(self, move: Subplan) -> Plan | Refusal | None:
        """Made now. None: nothing is to be done."""

    async def begin(self, plan: Plan, run: str, within: str, stopped: Callable[[], bool]) -> RunOutcome:
        """Executes it as a run of its own, under that id. `within`: whose step it is. `stopped`: begin nothing more."""

    async def resume(self, run: str, stopped: Callable[[], bool], timeout: float) -> RunOutcome:
        """Goes on with it, or waits for the end of one that another executor is at work on. Unsure when that lasts."""
