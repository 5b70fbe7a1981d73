"""`qx doctor`: everything that qx depends on, each tried for real, with its evidence and what would mend it.

Changes nothing but the store file, which it makes when there is none. Ends at the probe timeout and a moment.
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib import metadata
from typing import TYPE_CHECKING, cast

from qx.app import unasked
from qx.app.doctor_durability import durability
from qx.app.observe import look
from qx.config.address import parse_url
from qx.config.advice import advice
from qx.config.document import dotted
from qx.failover.readiness import readiness
from qx.failover.skew import skew_of
from qx.kernel.errors import Problems, QxError
from qx.kernel.spans import format_seconds
from qx.kernel.text import plural
from qx.model.diagnosis import Examined, Health
from qx.model.notify import EmailChannel, SlackChannel, WebhookChannel
from qx.model.observation import Observation, PgFacts, RedisFacts, Silence
from qx.model.platform import LocalControl
from qx.model.redis_cluster import RedisClusterFacts

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
    seen, controls = await asyncio.gather(look(bench), _controls(bench))
    nodes = [node.seen for view in seen.topology.clusters.values() for node in view.nodes.values()]
    found += [_clock(each, skew) for each in nodes if (skew := skew_of(each)) is not None]
    found += [_connection(each) for each in nodes]
    found += [_connection(each) for view in seen.topology.regions.values() for each in view.endpoints.values()]
    found += controls
    found += _units(bench)
    found += _redis_files(bench)
    found += _store(bench)
    found += await durability(bench, seen.topology)
    found += await unasked.examined(bench, seen.topology)
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
    for library in ("typer", "msgspec", "PyYAML", "psycopg", "redis", "rich", "httpx", "APScheduler"):
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
    for each in advice(platform):
        yield Examined(group="config", name=dotted(each.trail), status=Health.WARNING, evidence=each.message,
                       fix=each.hint)  # fmt: skip
    if found.path.stat().st_mode & 0o022:
        yield Examined(group="config", name="rights", status=Health.WARNING,
                       evidence="others may write the file that says which servers qx may stop",
                       fix=f"chmod go-w {found.path}")  # fmt: skip


def _secrets(bench: Workbench) -> Iterator[Examined]:
    """Each reference once; what it holds is thrown away."""
    references = _references(bench)
    if not references:
        yield Examined(group="secrets", name="references", status=Health.OK, evidence="none is configured")
    for reference, (where, is_address) in references.items():
        try:
            held = bench.secret(reference)
        except QxError as error:
            yield Examined(group="secrets", name=where, status=Health.FAILED, evidence=error.message, fix=error.hint)
            continue
        if is_address and not _is_address(held):
            evidence = f"{reference} resolves, but not to an address of http:// or https://"
            yield Examined(group="secrets", name=where, status=Health.FAILED, evidence=evidence,
                           fix="put the whole address there: https://host/path")  # fmt: skip
        else:
            yield Examined(group="secrets", name=where, status=Health.OK, evidence=f"{reference} resolves")


def _references(bench: Workbench) -> dict[str, tuple[str, bool]]:
    """Reference -> who needs it, and whether an address must be behind it."""
    found = {
        reference: (f"{name}/{region}", False)
        for name, cluster in bench.platform.clusters.items()
        for region, node in cluster.nodes.items()
        for reference in (node.replication.password, node.password)
    }
    if (etcd := bench.platform.store.etcd) is not None:
        found[etcd.password] = ("store", False)
    for name, channel in bench.platform.notify.channels.items():
        where = f"notify/{name}"
        if isinstance(channel, EmailChannel):
            found[channel.password] = (where, False)
        elif isinstance(channel, WebhookChannel):
            found |= dict.fromkeys((*channel.headers.values(), channel.secret), (where, False))
        if isinstance(channel, WebhookChannel | SlackChannel) and not _is_address(channel.url):
            found[channel.url] = (where, True)
    found.pop("", None)
    return found


def _is_address(text: str) -> bool:
    try:
        address = parse_url(text.strip())
    except ValueError:
        return False
    return address.scheme in ("http", "https")


def _clock(seen: Observation | Silence, skew: float) -> Examined:
    """By as much as one look can tell: what it took may lie on either side."""
    ahead = "ahead of" if skew > 0 else "behind"
    sure = abs(skew) - (seen.took_s / 2 if isinstance(seen, Observation) else 0.0)
    near = sure < SKEW_S
    return Examined(
        group="clocks",
        name=f"{seen.subject}/{seen.region}",
        status=Health.OK if near else Health.WARNING,
        evidence="in step with this machine" if near else f"{format_seconds(abs(skew))} {ahead} this machine",
        fix="" if near else "chronyc tracking, on both machines",
    )


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
    elif isinstance(facts, RedisClusterFacts):
        took += f", {plural(len(facts.members), 'member')} of a Redis Cluster"
        if facts.silent:
            silent = "; ".join(f"{address}: {why}" for address, why in facts.silent.items())
            return Examined(group="connectivity", name=name, status=Health.WARNING, evidence=f"{took}; {silent}",
                            fix="the others tell in `qx status` what became of them")  # fmt: skip
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


def _units(bench: Workbench) -> Iterator[Examined]:
    """What is started from within a unit of systemd lives in that unit, and is killed when it ends."""
    for name, cluster in bench.platform.clusters.items():
        for region, node in cluster.nodes.items():
            control = node.control
            if bench.env.get("INVOCATION_ID") and isinstance(control, LocalControl) and not control.start:
                yield Examined(
                    group="control", name=f"{name}/{region}", status=Health.WARNING,
                    evidence="this is a unit of systemd: a server that was started from here would end with it",
                    fix=f"name the server's own unit in clusters.{name}.nodes.{region}.control.start",
                )  # fmt: skip


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
