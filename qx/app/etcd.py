"""The store in etcd: opened as regions.yaml says, and examined for `qx doctor`. Nothing of it is imported without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.kernel.spans import format_bytes
from qx.kernel.text import plural
from qx.model.diagnosis import Examined, Health
from qx.model.platform import LabRoute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.adapters.etcd.health import Asked, Condition
    from qx.adapters.etcd.store import EtcdStore
    from qx.app.workbench import Workbench
    from qx.model.platform import EtcdAt, Platform


def opened(bench: Workbench, etcd: EtcdAt) -> EtcdStore:
    """Raises QX-STORE-005, also when the library is not installed."""
    try:
        from qx.adapters.etcd.gateway import At
        from qx.adapters.etcd.store import EtcdStore
    except ModuleNotFoundError as error:
        said = f"the store is in etcd, and {error.name} is not installed"
        raise QxError("QX-STORE-005", said, hint="pip install 'qx[etcd]'") from error
    ca, cert, key = (str(bench.beside(path)) if path else "" for path in (etcd.ca, etcd.cert, etcd.key))
    at = At(etcd.endpoints, etcd.user, lambda: bench.secret(etcd.password), ca, cert, key, etcd.timeout)
    return EtcdStore(at, bench.platform.platform, prefix=etcd.prefix)


def unsafe(platform: Platform, found: Condition) -> str:
    """Why nobody may act unasked with this etcd; '' when nothing is known against it. The lab's may be the wheel's."""
    routes = [route for cluster in platform.clusters.values() for route in cluster.routes]
    if any(isinstance(route, LabRoute) for route in routes):
        return ""
    names = {each.id: found.members.get(each.id, each.endpoint) for each in found.asked}
    old = [f"{names[each.id]} is etcd {each.version}, wanted {each.unsafe}" for each in found.asked if each.unsafe]
    return f"killed under load it may lose data: {'; '.join(old)}" if old else ""


def unready(bench: Workbench) -> str:
    """As `unsafe`, asked now. Raises QX-STORE-005."""
    from qx.adapters.etcd.health import condition

    store: EtcdStore = bench.store  # type: ignore[assignment]  # called only where the store is etcd
    return unsafe(bench.platform, condition(store.gateway))


def examined(store: EtcdStore) -> Iterator[Examined]:
    """Each member, and the cluster as a whole."""
    from qx.adapters.etcd.health import condition

    try:
        found = condition(store.gateway)
    except QxError as error:
        yield Examined(group="store", name="etcd", status=Health.FAILED, evidence=error.message, fix=error.hint)
        return
    for each in found.asked:
        yield _member(each, found)
    for alarm in found.alarms:
        yield Examined(group="store", name="alarm", status=Health.FAILED, evidence=alarm,
                       fix="mend its cause, then `etcdctl alarm disarm`")  # fmt: skip
    if len(found.members) < 3:
        yield Examined(
            group="store", name="members", status=Health.WARNING,
            evidence=f"{plural(len(found.members), 'member')}: the store ends with the first that fails",
            fix="three members in three regions: `etcdctl member add`",
        )  # fmt: skip


def _member(each: Asked, found: Condition) -> Examined:
    from qx.adapters.etcd.health import FULL_BYTES

    name = found.members.get(each.id, each.endpoint)
    if each.error:
        return Examined(group="store", name=name, status=Health.WARNING, evidence=each.error,
                        fix="a majority answers, so qx goes on; its own log tells why it does not")  # fmt: skip
    role = "leads" if each.leads else "follows" if each.leader else "knows of no leader"
    evidence = f"etcd {each.version}, {role}, {format_bytes(each.db_bytes)}, {each.endpoint}"
    if each.unsafe:
        return Examined(group="store", name=name, status=Health.WARNING, evidence=evidence,
                        fix=f"upgrade to {each.unsafe} or later: killed under load it may lose data")  # fmt: skip
    if each.db_bytes > FULL_BYTES:
        return Examined(group="store", name=name, status=Health.WARNING, evidence=evidence,
                        fix="set --auto-compaction-retention=1h, and defragment it")  # fmt: skip
    return Examined(group="store", name=name, status=Health.OK, evidence=evidence)
