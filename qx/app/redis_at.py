"""Which Redis a region's stream stands in: the one that was named, or the first cluster whose writer is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.adapters.redis.session import Session
from qx.config.address import parse_url
from qx.config.links import cluster_named
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.workbench import Workbench

TIMEOUT_S = 2.0


class RedisAt(NamedTuple):
    """`password` is called at each connect and may raise QX-SEC-*."""

    node: str
    url: str
    password: Callable[[], str]


def named(url: str, password: Callable[[], str]) -> RedisAt:
    """Of --url. Raises QX-STREAM-001."""
    hint = "redis://host:6379/0 or rediss://...; the password as a reference, with --password"
    try:
        address = parse_url(url)
    except ValueError as error:
        raise QxError("QX-STREAM-001", f"the address {error}", hint=hint) from error
    if address.scheme not in ("redis", "rediss"):
        raise QxError("QX-STREAM-001", f"the address has the scheme {address.scheme}://", hint=hint)
    if address.password:
        raise QxError("QX-STREAM-001", "the address holds a password, for all on this machine to see", hint=hint)
    return RedisAt(f"{address.host}:{address.port}", url, password)


async def writer_in(bench: Workbench, region: str, cluster: str | None) -> RedisAt:
    """`cluster`: only that one. Asks each server for its role. Raises QX-STREAM-001, QX-OBS-002."""
    platform = bench.platform
    names = [cluster_named(platform, cluster)] if cluster else list(platform.clusters)
    said = []
    for name in names:
        if platform.clusters[name].kind != "redis" or region not in platform.clusters[name].nodes:
            if cluster:
                said.append(f"{name} has no Redis in {region}")
            continue
        node = platform.clusters[name].nodes[region]
        at = RedisAt(f"{name}/{region}", node.url, lambda reference=node.password: bench.secret(reference))  # type: ignore[misc]
        role = await _role(at)
        if role == "master":
            return at
        said.append(f"{at.node}: {role}")
    why = "; ".join(said) or "regions.yaml names no Redis there"
    raise QxError("QX-STREAM-001", f"no Redis in {region} takes writes: {why}",
                  hint="--cluster NAME, or --url redis://host:6379/0")


async def _role(at: RedisAt) -> str:
    """'master', or what stands in its place, in words."""
    session = Session(at.node, at.url, at.password, "")
    try:
        role, *_ = await session.ask("ROLE", timeout=TIMEOUT_S, harmless=True)
        return "master" if role == "master" else "a replica"
    except (NoAnswer, LostAnswer) as error:
        return error.detail
    except Declined as error:
        return error.words
    finally:
        await session.close()
