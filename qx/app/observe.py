"""Look at everything at once, judge it, keep the positions seen. Ends at the deadline, whatever does not answer.

A store that cannot be opened is no reason not to look: it becomes a warning, and the judgement does without a record.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from qx.failover.judge import judge
from qx.failover.openruns import UNENDED, OpenRun, open_run
from qx.failover.sampling import samples_of
from qx.kernel.errors import QxError
from qx.model.observation import Silence

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.lease import Rule
    from qx.model.observation import Observation, Sample
    from qx.model.topology import Topology
    from qx.ports.servers import Prober
    from qx.ports.store import Store

GRACE_S = 0.1  # every probe keeps its own deadline; this is for one that does not


class Look(Struct, frozen=True):
    """`warnings`: what could not be taken into account, and why."""

    topology: Topology
    open_runs: tuple[OpenRun, ...]
    warnings: tuple[str, ...]


class _Record(Struct, frozen=True):
    """What the store knows. Without a store: nothing."""

    store: Store | None
    store_id: str = ""
    rules: dict[str, Rule] = {}
    samples: dict[str, tuple[Sample, ...]] = {}
    open_runs: tuple[OpenRun, ...] = ()


async def observe(bench: Workbench) -> Topology:
    return (await look(bench)).topology


async def look(bench: Workbench) -> Look:
    """Takes at most defaults.probe_timeout, and a moment."""
    timeout = bench.platform.defaults.probe_timeout
    nodes = {key: _asked(prober, timeout) for key, prober in bench.probers.items()}
    endpoints = {key: _asked(prober, timeout) for key, prober in bench.endpoints.items()}
    await asyncio.sleep(0)  # every question is on its way before the store is read
    warnings: list[str] = []
    try:
        record = _recall(bench, bench.store)
    except QxError as error:
        record = _Record(None)
        warnings.append(f"{error.message}: judged without a record of who should write ({error.code})")
    tasks = [*nodes.values(), *endpoints.values()]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=timeout + GRACE_S)
        for task in late:
            task.cancel()
    topology = judge(
        bench.platform,
        {(cluster, region): _answer(bench, cluster, region, task) for (cluster, region), task in nodes.items()},
        {(region, name): _answer(bench, name, region, task) for (region, name), task in endpoints.items()},
        record.rules,
        record.store_id,
        bench.clock.now(),
        record.samples,
    )
    if record.store is not None:
        try:
            record.store.keep_samples(samples_of(topology))
        except QxError as error:
            warnings.append(f"{error.message}: the positions seen are not kept ({error.code})")
    return Look(topology, record.open_runs, tuple(warnings))


def _asked(prober: Prober, timeout: float) -> asyncio.Task[Observation | Silence]:
    return asyncio.ensure_future(prober.observe(timeout))


def _answer(
    bench: Workbench, subject: str, region: str, task: asyncio.Task[Observation | Silence]
) -> Observation | Silence:
    if task.done() and not task.cancelled():
        return task.result()
    return Silence(
        subject=subject,
        region=region,
        observer=bench.observer,
        at=bench.clock.now(),
        reason="timeout",
        detail="the probe did not keep its deadline",
    )


def _recall(bench: Workbench, store: Store) -> _Record:
    now = bench.clock.now()
    since = now - bench.platform.defaults.sample_age
    leases = store.leases()
    unended = [run for run in store.runs() if run.outcome in UNENDED and run.plan_id]
    return _Record(
        store,
        store.store_id,
        store.rules(),
        {name: store.samples(name, since) for name in bench.platform.clusters},
        tuple(
            open_run(run, store.plan(run.id), (each.entry for each in store.entries(run.id)), leases, now)
            for run in unended
        ),
    )
