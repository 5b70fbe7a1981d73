"""How nodes reach one another: addresses as the viewer's region sees them, slot names, application names."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from qx.kernel.ids import slug
from qx.model.platform import Cluster

PLAIN = re.compile(r"[\w.:/@%+,=~-]+", re.ASCII)  # as a conninfo value it needs no quotes


def address(cluster: Cluster, region: str, viewer: str) -> str:
    """host:port of the cluster's node in `region` as peers in `viewer` reach it."""
    node = cluster.nodes[region]
    if viewer in node.replication.via:
        return node.replication.via[viewer]
    if node.replication.address:
        return node.replication.address
    return url_address(node.url, cluster.kind)


def url_address(url: str, kind: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or (5432 if kind == 'postgresql' else 6379)}"


def slot_name(cluster: Cluster, region: str) -> str:
    """The slot on the upstream that keeps WAL for the node in `region`."""
    return cluster.nodes[region].replication.slot or f"qx_{slug(region)}"


def application_name(region: str) -> str:
    """How the node in `region` calls itself to its upstream."""
    return f"qx_{slug(region)}"


def conninfo(cluster: Cluster, upstream: str, viewer: str, password: str = "") -> str:
    """Libpq conninfo with which the node in `viewer` follows the one in `upstream`. The upstream's url gives the TLS
    words, and the database, which a rewind connects to.
    """
    node = cluster.nodes[upstream]
    parts = urlsplit(node.url)
    host, _, port = address(cluster, upstream, viewer).rpartition(":")
    words = {
        "host": host,
        "port": port,
        "user": node.replication.user or unquote(parts.username or ""),
        "dbname": unquote(parts.path.lstrip("/")),
        "application_name": application_name(viewer),
        "connect_timeout": "5",
    }
    words |= {
        key: value
        for key, value in parse_qsl(parts.query)
        if key.startswith(("ssl", "gss", "channel_binding"))
    }
    if password:
        words["password"] = password
    return " ".join(f"{key}={_quoted(value)}" for key, value in words.items() if value)


def _quoted(value: str) -> str:
    if PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
