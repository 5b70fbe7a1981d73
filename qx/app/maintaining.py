"""Maintenance begun and ended by a person, each as a deed on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.deeds import record
from qx.model.lease import Maintenance

if TYPE_CHECKING:
    from qx.app.workbench import Workbench


def begin(bench: Workbench, scope: str, lasting: float, reason: str) -> Maintenance:
    """For `lasting` seconds; replaces one of the same scope."""
    now = bench.clock.now()
    window = Maintenance(scope=scope, owner=bench.operator, reason=reason, since=now, until=now + lasting)
    proof = {"scope": scope, "reason": reason, "until": window.until}
    record(bench, "maintenance-on", _concerned(bench, scope), proof)
    bench.store.set_maintenance(window)
    return window


def end(bench: Workbench, scope: str, reason: str = "") -> bool:
    """Whether there was one."""
    standing = {window.scope: window for window in bench.store.maintenance(bench.clock.now())}
    if scope not in standing:
        return False
    proof = {"scope": scope, "reason": reason, "begun_by": standing[scope].owner}
    record(bench, "maintenance-off", _concerned(bench, scope), proof)
    return bench.store.end_maintenance(scope)


def _concerned(bench: Workbench, scope: str) -> tuple[str, ...]:
    """Clusters that it keeps where they are."""
    return tuple(
        name for name, cluster in bench.platform.clusters.items() if scope in ("*", name) or scope in cluster.nodes
    )
