"""The store read at one moment tells what the store tells, asked for it beforehand or not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qx.adapters.etcd.store import EtcdStore
from qx.model.journal import Run, RunOutcome
from qx.model.lease import Maintenance
from qx.model.observation import Sample

if TYPE_CHECKING:
    from qx.ports.store import Still
    from tests.fixtures_etcd import Etcd

KIND, OTHER, RUNS = "arming", "witness", 3


def told(still: Still, now: float) -> list[object]:
    return [
        still.store_id, still.rules(), {lease.cluster for lease in still.leases()}, still.runs(RUNS), still.runs(50),
        still.records(KIND), still.records(OTHER), still.record(KIND, "a"), still.record(KIND, "none"),
        still.samples("trading", now - 60), still.samples("sessions", now - 60), still.maintenance(now),
    ]  # fmt: skip


def test_it_tells_what_the_store_tells(etcd_server: Etcd) -> None:
    now = time.time()
    with EtcdStore(etcd_server.at(), f"still-{time.monotonic_ns()}") as store:
        (lease,) = store.acquire(("trading",), "run", 60.0)
        store.record_writer(lease, "us-east", "7/1", now)
        for number in range(RUNS + 2):
            store.begin(Run(
                id=f"0{number}", plan_id="", plan_digest="", intent="deed", started_at=now + number, by="ada",
                outcome=RunOutcome.DONE, clusters=("trading",),
            ), None)  # fmt: skip
        for kind in (KIND, OTHER):
            for key in ("a", "b/c"):
                store.put(kind, key, {"of": kind})
        store.drop(OTHER, "a")
        for cluster in ("trading", "sessions"):
            store.keep_samples(tuple(Sample(cluster, "us-east", now - 5 + n, "7/1", n, n) for n in range(4)))
        store.set_maintenance(Maintenance(scope="*", owner="ada", reason="test", since=now - 1, until=now + 60))
        asked = store.still((KIND,), ("trading",), now - 60, RUNS)
        bare = store.still((), (), None, 0)
        assert told(asked, now) == told(bare, now) == told(store, now)
        store.put(KIND, "a", {"of": "later"})
        found = asked.record(KIND, "a")
        assert found is not None
        assert found.value == {"of": KIND}  # that moment is past
