"""`qx doctor`: everything that qx depends on, each tried for real, with its evidence and what would mend it.

Changes nothing but the store file, which it makes when there is none. Ends at the probe timeout and a moment.
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib import metadata
from typing import TYPE_CHECKING, cast

from qx.app.observe import look
from qx.failover.readiness import readiness
from qx.kernel.errors import Problems, QxError
from qx.kernel.spans import format_seconds
from qx.kernel.text import plural
from qx.model.diagnosis import Examined, Health
from qx.model.observation import Observation, PgFacts, RedisFacts, Silence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.adapters.etcd.store import EtcdStore
    from qx.app.workbench import Key, Workbench
    from qx.ports.controls import NodeControl

SKEW_S = 0.5  # a server's clock this far from ours makes ages of one and instants of the other disagree
INSPECT_S = 2.0

_WRONG = {
    "refused": "is it running? its log tells; `qx status` says what its peers see",
    "timeout": "a firewall or a cut link in between: try `nc -vz` to the address in its url",
    "unreachable": "check the name and the route to the address in its url",
    "auth": "check the user in its url, its password reference and pg_hba.conf or the ACL",
    "protocol": "is its url that of another service?",
    "secret": "set what the reference names",
    "starting": "wait, and look again",
}


async def examine(bench: Workbench) -> tuple[Examined, ...]:
    """Every examination, in the order in which a person would go about it."""
    found = [*_install(), *_config(bench)]
    if any(each.status is Health.FAILED for each in found):
        return tuple(found)
    found += _secrets(bench)
    seen, controls, clocks = await asyncio.gather(look(bench), _controls(bench), _clocks(bench))
    found += clocks
    nodes = [node.seen for view in seen.topology.clusters.values() for node in view.nodes.values()]
    found += [_connection(each) for each in nodes]
    found += [_connection(each) for view in seen.topology.regions.values() for each in view.endpoints.values()]
    found += controls
    found += _redis_files(bench)
    found += _store(bench)
    found += [
        Examined(
            group="servers",
            name=f"{advice.cluster}/{advice.region}",
            status=Health(advice.status),
            evidence=advice.evidence,
            fix=advice.fix,
        )
        for advice in readiness(seen.topology)
    ]
    if not any(each.group == "servers" for each in found):
        answering = sum(isinstance(each, Observation) for each in nodes)
        evidence = f"the settings of {plural(answering, 'node')} that answer would let a failover work"
        found.append(Examined(group="servers", name="settings", status=Health.OK, evidence=evidence))
    return tuple(found)


def _install() -> Iterator[Examined]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Examined(group="install", name="python", status=Health.OK, evidence=f"{python} at {sys.executable}")
    for library in ("typer", "msgspec", "PyYAML", "psycopg", "redis", "rich"):
        try:
            evidence = metadata.version(library)
        except metadata.PackageNotFoundError:
            yield Examined(group="install", name=library, status=Health.FAILED, evidence="not installed",
                           fix=f"pip install {library}")  # fmt: skip
        else:
            yield Examined(group="install", name=library, status=Health.OK, evidence=evidence)
    try:
        from psycopg import pq

        yield Examined(group="install", name="libpq", status=Health.OK, evidence=f"{pq.version()} ({pq.__impl__})")
    except ImportError as error:
        yield Examined(group="install", name="libpq", status=Health.FAILED, evidence=str(error),
                       fix="pip install 'psycopg[binary]'")  # fmt: skip


def _config(bench: Workbench) -> Iterator[Examined]:
    try:
        found, platform = bench.found, bench.platform
    except QxError as error:
        count = len(error.errors) if isinstance(error, Problems) else 1
        yield Examined(group="config", name="file", status=Health.FAILED, evidence=f"{plural(count, 'error')}: {error}",
                       fix="qx config check")  # fmt: skip
        return
    size = f"{plural(len(platform.regions), 'region')}, {plural(len(platform.clusters), 'cluster')}"
    yield Examined(group="config", name="file", status=Health.OK, evidence=f"{found.path} ({found.why}): {size}")
    if found.path.stat().st_mode & 0o022:
        yield Examined(group="config", name="rights", status=Health.WARNING,
                       evidence="others may write the file that says which servers qx may stop",
                       fix=f"chmod go-w {found.path}")  # fmt: skip


def _secrets(bench: Workbench) -> Iterator[Examined]:
    """Each reference once; what it holds is thrown away."""
    references = {
        reference: f"{name}/{region}"
        for name, cluster in bench.platform.clusters.items()
        for region, node in cluster.nodes.items()
        for reference in (node.replication.password, node.password)
        if reference
    }
    if (etcd := bench.platform.store.etcd) is not None and etcd.password:
        references[etcd.password] = "store"
    if not references:
        yield Examined(group="secrets", name="references", status=Health.OK, evidence="none is configured")
    for reference, where in references.items():
        try:
            bench.secret(reference)
        except QxError as error:
            yield Examined(group="secrets", name=where, status=Health.FAILED, evidence=error.message, fix=error.hint)
        else:
            yield Examined(group="secrets", name=where, status=Health.OK, evidence=f"{reference} resolves")


async def _clocks(bench: Workbench) -> list[Examined]:
    """Clocks of the PostgreSQL nodes that answer; those that do not are told under connectivity."""
    keys = [key for key in bench.probers if bench.platform.clusters[key[0]].kind == "postgresql"]
    skews = await asyncio.gather(*(_skew(bench, key) for key in keys))
    return [_clock(key, skew) for key, skew in zip(keys, skews, strict=True) if skew is not None]


def _clock(key: Key, skew: float) -> Examined:
    ahead = "ahead of" if skew > 0 else "behind"
    near = abs(skew) < SKEW_S
    return Examined(
        group="clocks",
        name="/".join(key),
        status=Health.OK if near else Health.WARNING,
        evidence="in step with this machine" if near else f"{format_seconds(abs(skew))} {ahead} this machine",
        fix="" if near else "chronyc tracking, on both machines",
    )


async def _skew(bench: Workbench, key: Key) -> float | None:
    from qx.adapters.postgres.session import Session

    node = bench.platform.clusters[key[0]].nodes[key[1]]
    session = Session("/".join(key), node.url, lambda: bench.secret(node.password), "")
    began = bench.clock.elapsed()
    try:
        rows = await session.ask(
            "SELECT extract(epoch FROM clock_timestamp())::float8",
            timeout=bench.platform.defaults.probe_timeout,
            harmless=True,
        )
        took = bench.clock.elapsed() - began
        return float(rows[0][0]) - (bench.clock.now() - took / 2)
    except QxError:  # told under connectivity, by the same server's own probe
        return None
    finally:
        await session.close()


def _connection(seen: Observation | Silence) -> Examined:
    name = f"{seen.subject}/{seen.region}"
    if isinstance(seen, Silence):
        return Examined(group="connectivity", name=name, status=Health.FAILED,
                        evidence=f"{seen.reason}: {seen.detail}", fix=_WRONG[seen.reason])  # fmt: skip
    took = f"answered in {format_seconds(seen.took_s)}"
    facts = seen.facts
    if isinstance(facts, PgFacts):
        took += f", PostgreSQL {facts.version // 10000}.{facts.version % 10000}"
    elif isinstance(facts, RedisFacts):
        took += f", {facts.flavour} {facts.version}"
    elif not facts.ok:
        return Examined(group="connectivity", name=name, status=Health.FAILED, evidence=f"{took}: {facts.detail}",
                        fix="its own log tells why it is not well")  # fmt: skip
    return Examined(group="connectivity", name=name, status=Health.OK, evidence=took)


async def _controls(bench: Workbench) -> list[Examined]:
    async def inspect(key: Key, control: NodeControl) -> Examined:
        name = "/".join(key)
        try:
            found = await control.inspect(INSPECT_S)
        except QxError as error:
            fix = error.hint or "without it, only an operator's attestation can prove that this node is stopped"
            return Examined(group="control", name=name, status=Health.FAILED, evidence=error.message, fix=fix)
        state = "its server runs" if found.running else "its server is stopped"
        held = f", held for {found.held_for} under epoch {found.held_epoch}" if found.held_for else ""
        return Examined(group="control", name=name, status=Health.OK, evidence=f"reachable, {state}{held}")

    inspected = await asyncio.gather(*(inspect(key, control) for key, control in bench.controls.items()))
    without = [
        Examined(
            group="control",
            name=f"{name}/{region}",
            status=Health.WARNING,
            evidence="none is configured: qx cannot stop, start or fence this node",
            fix=f"add clusters.{name}.nodes.{region}.control to {bench.config_path}",
        )
        for name, cluster in bench.platform.clusters.items()
        for region in cluster.nodes
        if (name, region) not in bench.controls
    ]
    return [*inspected, *without]


def _redis_files(bench: Workbench) -> Iterator[Examined]:
    """Where they stand on this machine. Without a writable one, an old master cannot be kept from coming back."""
    for (cluster, region), path in bench.redis_files.items():
        name = f"{cluster}/{region}"
        if all(os.access(place, os.W_OK) for place in (path, path.parent)):
            yield Examined(group="control", name=name, status=Health.OK, evidence=f"{path} can be rewritten")
        else:
            what = "cannot be written" if path.exists() else "does not exist"
            yield Examined(group="control", name=name, status=Health.FAILED, evidence=f"{path} {what}",
                           fix=f"a failover pins the old master in it: ls -ld {path} {path.parent}")  # fmt: skip


def _store(bench: Workbench) -> Iterator[Examined]:
    name = "file" if bench.platform.store.etcd is None else "etcd"
    try:
        store = bench.store
        rules = store.rules()
    except QxError as error:
        yield Examined(group="store", name=name, status=Health.FAILED, evidence=error.message, fix=error.hint)
        return
    evidence = f"{bench.store_name}, id {store.store_id}, {plural(len(rules), 'cluster')} on record"
    yield Examined(group="store", name=name, status=Health.OK, evidence=evidence)
    if bench.platform.store.etcd is not None:
        from qx.app.etcd import examined

        yield from examined(cast("EtcdStore", store))
