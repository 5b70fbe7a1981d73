"""The world as the engine sees it: ports by cluster and region, and the run that is acting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.engine.renewals import Renewals
    from qx.model.plan import Plan, StagePlan
    from qx.model.platform import Platform
    from qx.ports.clock import Clock
    from qx.ports.controls import NodeControl
    from qx.ports.means import Means
    from qx.ports.report import Reporter
    from qx.ports.routes import Route
    from qx.ports.servers import PgServer, RedisServer
    from qx.ports.store import Store


class World(Protocol):
    @property
    def platform(self) -> Platform: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def store(self) -> Store: ...

    @property
    def renewals(self) -> Renewals: ...

    @property
    def reporter(self) -> Reporter: ...

    @property
    def means(self) -> Means:
        """What only a runbook's steps use."""

    def postgres(self, cluster: str, region: str) -> PgServer: ...

    def redis(self, cluster: str, region: str) -> RedisServer: ...

    def control(self, cluster: str, region: str) -> NodeControl:
        """Raises QX-NODE-001 when none is configured."""

    def routes(self, cluster: str) -> tuple[Route, ...]: ...

    def conninfo(self, cluster: str, upstream: str, viewer: str) -> str:
        """With the replication password, if one is configured: never to be written into a proof."""

    async def act_as(self, run: str, epochs: dict[str, int]) -> None:
        """From now on sessions on each cluster are named after this run and the cluster's epoch; open ones
        are closed.
        """

    def salvage_dir(self, run: str) -> str: ...

    def signed_by(self, key: bytes, message: bytes, signature: str) -> bool:
        """As `qx.engine.approvals.Court`."""


class Doing(NamedTuple):
    """What one act may use: `proofs` of the steps done before it, and until when (`Clock.elapsed`).

    `first`: the journal knows of no earlier attempt, so that what this one did not send was never sent. `step`: its id.
    `outcomes`: of the steps that have ended. `stopped`: somebody asks the run to begin nothing more.
    """

    world: World
    plan: Plan
    run: str
    epoch: int
    proofs: dict[str, dict[str, Any]]
    until: float
    first: bool = False
    step: str = ""
    outcomes: dict[str, str] = {}  # noqa: RUF012 - never changed
    stopped: Callable[[], bool] = lambda: False

    @property
    def timeout(self) -> float:
        """The seconds that are left of the act's time; a moment when none are, so that what must follow can."""
        return max(0.05, self.until - self.world.clock.elapsed())

    def stage(self, cluster: str) -> StagePlan:
        return next(stage for stage in self.plan.stages if stage.cluster == cluster)

    def kind(self, cluster: str) -> str:
        return self.world.platform.clusters[cluster].kind
