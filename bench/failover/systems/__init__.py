"""What is measured: a System keeps three PostgreSQL servers with one writer, in the three regions of a World."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.failover.systems import patroni, qx, repmgr

if TYPE_CHECKING:
    from bench.failover.systems.system import Site, System


def named(name: str, site: Site) -> System:
    match name:
        case "patroni-tuned":
            return patroni.Patroni(site, patroni.TUNED)
        case "patroni":
            return patroni.Patroni(site, patroni.DEFAULT)
        case "repmgr":
            return repmgr.Repmgr(site)
        case "qx":
            return qx.Qx(site, "fast")
        case "qx-default":
            return qx.Qx(site, "default")
        case "qx-quorum":
            return qx.Qx(site, "fast", "quorum")
    raise ValueError(f"no system is called {name}")
