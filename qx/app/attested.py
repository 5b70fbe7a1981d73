"""What a person attested while no store answered: kept until one does, and then journalled as the deed that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from qx.adapters.attestations import Attestations
from qx.engine.records import read
from qx.model.standing import Grant, Release

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.guarding import Attested
    from qx.ports.store import Store

FAR_BACK = 1000  # runs


def attestations(bench: Workbench) -> Attestations:
    """Those of this account on this machine."""
    return Attestations(bench.state_directory / f"{quote(bench.platform.platform, safe=' ')}.attested.ndjson")


def deliver(bench: Workbench) -> tuple[Attested, ...]:
    """Journals what waits. Blocks as long as the store does. Raises QX-STORE-*; what is left is told again."""
    waiting = attestations(bench)
    return waiting.hand_over(lambda word: _hear(bench.store, word)) if waiting.path.exists() else ()


def _hear(store: Store, word: Attested) -> None:
    """Once, however often it is told. What proved the end of the server that was started then proves nothing now."""
    run, entries = word.deed()
    if not any(each.id == run.id for each in store.runs(FAR_BACK)):
        store.begin(run, None)
    for entry in entries[len(store.entries(run.id)) :]:
        store.append(entry)
    kinds: tuple[type[Release | Grant], ...] = (Release, Grant)
    for kind in kinds:
        stands, proof = store.record(kind.KIND, word.cluster), read(store, kind, word.cluster)
        if stands is not None and proof is not None and proof.region == word.region and proof.epoch <= word.epoch:
            store.drop(kind.KIND, word.cluster, expect=stands.revision)
