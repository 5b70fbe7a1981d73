"""BenchMeans: what the steps of a runbook reach, over real adapters. Secrets are resolved here, for one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.app import plan as planning
from qx.app.contain import containment
from qx.app.observe import look
from qx.engine.execute import Executor
from qx.kernel.errors import QxError, Refused, Unsure
from qx.model.journal import RunOutcome
from qx.model.plan import Consent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.adapters.postgres.statement import Statement
    from qx.app.workbench import Workbench
    from qx.app.world import BenchWorld
    from qx.model.asked import Subplan
    from qx.model.plan import Plan, Refusal
    from qx.model.topology import Topology

ENDED = frozenset(RunOutcome) - {RunOutcome.OPEN, RunOutcome.STUCK}
FOLLOW_S = 0.3
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")  # of our environment to a program


class BenchMeans:
    """`another` makes a world for a run within the run, `by` whom it is."""

    def __init__(self, bench: Workbench, another: Callable[[], BenchWorld], by: str) -> None:
        self._bench, self._another, self._by = bench, another, by

    async def look(self) -> Topology:
        return (await look(self._bench)).topology

    async def sql(
        self, cluster: str, region: str, statement: str, parameters: tuple[Any, ...], run: str, *,
        writes: bool, rows: int, timeout: float,
    ) -> dict[str, Any]:
        session = self._statement(cluster, region, _tag(run, writes=writes))
        return await session.run(statement, parameters, writes=writes, rows=rows, timeout=timeout)

    async def sql_open(self, cluster: str, region: str, run: str, timeout: float) -> bool:
        return bool(await self._statement(cluster, region, "").sessions(_tag(run, writes=True), timeout))

    def _statement(self, cluster: str, region: str, tag: str) -> Statement:
        from qx.adapters.postgres.statement import Statement

        node = self._bench.platform.clusters[cluster].nodes[region]
        return Statement(f"{cluster}/{region}", node.url, lambda: self._bench.secret(node.password), tag)

    async def redis(
        self, cluster: str, region: str, command: tuple[str, ...], run: str, *, writes: bool, timeout: float
    ) -> dict[str, Any]:
        from qx.adapters.redis.command import asked

        node = self._bench.platform.clusters[cluster].nodes[region]
        where, tag = f"{cluster}/{region}", _tag(run, writes=writes)
        return await asked(
            where, node.url, lambda: self._bench.secret(node.password), tag, command, writes=writes, timeout=timeout
        )

    async def http(
        self, method: str, url: str, headers: dict[str, str], secrets: dict[str, str], body: str, timeout: float
    ) -> dict[str, Any]:
        from qx.adapters.call import call

        return await call(method, url, headers, self._resolved(secrets), body, timeout)

    async def program(self, argv: tuple[str, ...], secrets: dict[str, str], timeout: float) -> dict[str, Any]:
        from qx.adapters.program import run

        path = self._bench.platform.runbooks.programs.get(argv[0])
        if path is None:
            hint = "add it to runbooks.programs in regions.yaml"
            raise Refused("QX-BOOK-007", f"'{argv[0]}' is not among the programs that runbooks may run", hint=hint)
        env = {name: self._bench.env[name] for name in PASSED_ON if name in self._bench.env}
        return await run(path, argv[1:], env, self._resolved(secrets), timeout)

    def _resolved(self, secrets: dict[str, str]) -> dict[str, str]:
        return {name: self._bench.secret(reference) for name, reference in secrets.items()}

    async def notify(
        self, key: str, severity: str, message: str, because: str, channels: tuple[str, ...], run: str, timeout: float
    ) -> dict[str, Any]:
        from qx.app.telling import tell

        return await tell(self._bench, key, severity, message, because, channels, run, timeout)

    async def plan(self, move: Subplan) -> Plan | Refusal | None:
        consent = Consent(
            accept_loss=move.accept_loss, attest_fenced=move.attest_fenced, override=move.override, reason=move.reason,
            by=self._by,
        )  # fmt: skip
        if move.verb == "failover":
            source = move.source or None
            return await planning.failover(self._bench, move.to, source, move.clusters, move.excepted, consent)
        if move.verb == "contain":
            return await containment(self._bench)
        if move.verb == "failback":
            return await planning.failback(self._bench, move.clusters, consent)
        return await planning.rejoin(self._bench, move.regions, move.clusters, consent)

    async def begin(self, plan: Plan, run: str, within: str, stopped: Callable[[], bool]) -> RunOutcome:
        return await self._drive(plan, run, within, stopped, lambda executor: executor.begin())

    async def resume(self, run: str, stopped: Callable[[], bool], timeout: float) -> RunOutcome:
        store, clock = self._bench.store, self._bench.clock
        until = clock.elapsed() + timeout
        while (outcome := store.run(run).outcome) not in ENDED:
            try:
                return await self._drive(store.plan(run), run, "", stopped, lambda executor: executor.resume())
            except QxError as error:
                if error.code != "QX-STORE-001" or clock.elapsed() >= until:
                    raise Unsure("QX-RUN-002", f"its run {run}: {error.message}", hint=error.hint) from error
            await clock.sleep(FOLLOW_S)
        return outcome

    async def _drive(
        self, plan: Plan, run: str, within: str, stopped: Callable[[], bool],
        go: Callable[[Executor], Awaitable[RunOutcome]],
    ) -> RunOutcome:
        world = self._another()
        try:
            return await go(Executor(world, plan, run, plan.by, within=within, stopped=stopped))
        except QxError as error:
            if error.code == "QX-STORE-002":  # somebody else goes on with it
                raise Unsure("QX-RUN-002", f"its run {run} was taken over: {error.message}") from error
            raise
        finally:
            await world.close()


def _tag(run: str, *, writes: bool) -> str:
    """Who writes is named after the run, so that it can be looked for; unlike a move's, its session is of no epoch."""
    return f"runbook/{run}" if writes else f"runbook-reads/{run}"
