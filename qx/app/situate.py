"""Gather everything that planning may look at: one look at the servers, the controls, the store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qx.app.observe import observe
from qx.failover.situation import Situation
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.control import Control
    from qx.model.plan import Consent
    from qx.ports.controls import NodeControl

INSPECT_S = 2.0


async def situate(bench: Workbench, consent: Consent) -> Situation:
    """Observes all nodes and inspects all controls at once; bounded by the probe timeout."""
    topology, controls = await asyncio.gather(observe(bench), _inspect_all(bench))
    store, now = bench.store, bench.clock.now()
    rules = store.rules()
    oldest = now - bench.platform.defaults.sample_age * 2
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
        by=bench.operator,
        plan_id=sortable_id(now, bench.clock.noise()),
    )


async def _inspect_all(bench: Workbench) -> dict[tuple[str, str], Control | str]:
    async def inspect(key: tuple[str, str], control: NodeControl) -> tuple[tuple[str, str], Control | str]:
        try:
            return key, await control.inspect(INSPECT_S)
        except QxError as error:
            return key, error.message

    return dict(await asyncio.gather(*(inspect(key, control) for key, control in bench.controls.items())))
