"""Gather everything that planning may look at: one look at the servers, the controls, the store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qx.app.observe import observe
from qx.engine.records import read_all
from qx.failover.fences import fences_of
from qx.failover.situation import Situation
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id
from qx.model.risk_limits import RiskStanding
from qx.model.standing import Durable, Grant, Release, Renewal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.app.workbench import Workbench
    from qx.model.control import Control
    from qx.model.plan import Consent
    from qx.model.topology import Topology
    from qx.ports.controls import NodeControl

INSPECT_S = 2.0
KINDS = (Release.KIND, Grant.KIND, Renewal.KIND, Durable.KIND, RiskStanding.KIND)


async def situate(bench: Workbench, consent: Consent, by: str = "") -> Situation:
    """Observes all nodes and inspects all controls at once; bounded by the probe timeout. `by`: who acts."""
    law = asyncio.to_thread(bench.lawbook.at, bench.clock.now())  # read while servers are waited for
    topology, controls, _ = await asyncio.gather(observe(bench), inspect(bench, INSPECT_S), law)
    return situation(bench, consent, topology, controls, by)


def situation(
    bench: Workbench,
    consent: Consent,
    topology: Topology,
    controls: dict[tuple[str, str], Control | str],
    by: str = "",
    hung: frozenset[tuple[str, str]] = frozenset(),
    ended: dict[tuple[str, str], float] | None = None,
) -> Situation:
    """What was seen, with what the store knows at this moment. `hung` and `ended`: as a `Situation` has them."""
    now = bench.clock.now()
    oldest = now - bench.platform.defaults.sample_age * 2
    store = bench.still(KINDS, oldest)
    rules = store.rules()
    return Situation(
        platform=bench.platform,
        config_file=str(bench.config_path),
        config_digest=bench.config_digest,
        topology=topology,
        rules=rules,
        leases={lease.cluster: lease for lease in store.leases()},
        controls=controls,
        samples={name: store.samples(name, oldest) for name in bench.platform.clusters},
        maintenance=store.maintenance(now),
        consent=consent,
        now=now,
        today=datetime.fromtimestamp(now, UTC).date().isoformat(),
        by=by or bench.operator,
        plan_id=sortable_id(now, bench.clock.noise()),
        durable=read_all(store, Durable),
        risk=read_all(store, RiskStanding),
        fences=fences_of(
            rules, read_all(store, Release), read_all(store, Grant),
            bench.renewals.in_force(store.records(Renewal.KIND)),
        ),
        hung=hung,
        ended=ended or {},
        law=bench.lawbook.at(now),
    )


async def inspect(
    bench: Workbench,
    timeout: float,
    cluster: str | None = None,
    known: Mapping[tuple[str, str], Control | str] | None = None,
) -> dict[tuple[str, str], Control | str]:
    """What the controls of `cluster` (None: all) tell, asked at once; why those tell nothing that do not. `known`: what
    need not be asked.
    """
    found = dict(known or {})

    async def ask(key: tuple[str, str], control: NodeControl) -> tuple[tuple[str, str], Control | str]:
        try:
            return key, await control.inspect(timeout)
        except QxError as error:
            return key, error.message

    controls = {
        key: control for key, control in bench.controls.items() if cluster in (None, key[0]) and key not in found
    }
    return found | dict(await asyncio.gather(*(ask(key, control) for key, control in controls.items())))
