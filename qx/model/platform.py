"""What regions.yaml says: Platform, Region, Cluster, Node, their policies. The file's shape is this module's shape.

Durations are written `30s`, sizes `1MiB`; secrets are references (`env:NAME`, `file:PATH`, `cmd:ARGV`,
`keyring:SERVICE/USER`)
and stay references here. Names (of regions, clusters) are the keys of the mappings that hold them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from qx.kernel.spans import Bytes, Seconds

Kind = Literal["postgresql", "redis"]
DataClass = Literal["pii", "kyc_pii", "customer_information", "trade_record", "market_data",
"petroleum_data", "session"]


class _File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything that stands in the file: unknown keys are errors."""


class Endpoint(_File, frozen=True, kw_only=True):
    """A service of a region that is only health-checked: `http://..`, `https://..`, `tcp://host:port`."""

    url: str
    expect: int = 200


class Region(_File, frozen=True, kw_only=True):
    title: str
    jurisdictions: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    timezone: str = "UTC"
    location: str = ""
    endpoints: dict[str, Endpoint] = field(default_factory=dict)


class LocalControl(_File, frozen=True, kw_only=True, tag="local", tag_field="driver"):
    """The server's files and processes stand on this machine (the lab, or qx installed beside the server)."""

    data_dir: str
    bin_dir: str
    port: int
    run_as: tuple[str, ...] = ()  # argv prefix under which the server's programs run
    config_file: str = ""  # Redis: its configuration file, writable
    log_file: str = ""
    socket_dir: str = ""  # PostgreSQL: where its Unix socket stands
    reach: str = ""  # host:port that answers when the region's management network can be reached
    start: tuple[str, ...] = ()  # argv instead of pg_ctl / the server's own binary
    stop: tuple[str, ...] = ()


class CommandControl(_File, frozen=True, kw_only=True, tag="command", tag_field="driver"):
    """A program that carries requests to the node: argv template, no shell; JSON in on stdin, JSON out on stdout.

    Placeholders in each element: {region}, {cluster}, {verb}, {epoch}. The program at the other end is `qx node`.
    """

    argv: tuple[str, ...]
    timeout: Seconds = Seconds(30)


class Replication(_File, frozen=True, kw_only=True):
    """How peers reach this node: `address` for all, `via` for viewers that need another one (region -> host:port)."""

    address: str = ""
    via: dict[str, str] = field(default_factory=dict)
    user: str = ""  # empty: as in the node's url
    password: str = ""  # a reference
    slot: str = ""  # PostgreSQL: name of this node's slot on its upstream; empty: qx_<region>


class Node(_File, frozen=True, kw_only=True):
    """One server of a cluster. `url` is how qx reaches it: postgresql://user@host:port/db, redis://host:port/0."""

    url: str
    password: str = ""  # a reference
    priority: int = 100  # higher is preferred; 0: never a target
    control: LocalControl | CommandControl | None = None
    replication: Replication = Replication()


class LabRoute(_File, frozen=True, kw_only=True, tag="lab", tag_field="driver"):
    socket: str
    address: str  # where clients connect


class FileRoute(_File, frozen=True, kw_only=True, tag="file", tag_field="driver"):
    path: str


class Objectives(_File, frozen=True, kw_only=True):
    """Budgets. Exceeding `rpo` needs consent; a planned move that would exceed `write_outage` is undone."""

    rpo_bytes: Bytes = Bytes(1 << 20)
    rpo: Seconds = Seconds(5)
    rto: Seconds = Seconds(60)
    write_outage: Seconds = Seconds(10)


class Cluster(_File, frozen=True, kw_only=True):
    kind: Kind
    home: str
    data_classes: tuple[DataClass, ...]
    nodes: dict[str, Node]
    durability: Literal["async", "quorum"] = "async"
    mode: Literal["observe", "confirm", "auto"] = "observe"
    objectives: Objectives = Objectives()
    routes: tuple[LabRoute | FileRoute, ...] = ()
    sentinels: tuple[str, ...] = ()  # Redis: host:port of each Sentinel
    sentinel_name: str = ""


class Defaults(_File, frozen=True, kw_only=True):
    probe_timeout: Seconds = Seconds(2)
    connect_timeout: Seconds = Seconds(1)
    cooldown: Seconds = Seconds(3600)
    sample_age: Seconds = Seconds(60)  # a position sample older than this proves nothing
    lag_warning: Seconds = Seconds(10)
    lag_critical: Seconds = Seconds(60)


class ResidencyRule(_File, frozen=True, kw_only=True):
    """One cell of the matrix. `to`/`source` are jurisdictions; `*` matches all. The most specific rule decides."""

    data_class: str
    source: str
    to: str
    verdict: Literal["allowed", "conditional", "refused"]
    because: str
    instrument: str = ""  # what a conditional cell wants: SCC, IDTA, DPF, certificate...


class Approval(_File, frozen=True, kw_only=True):
    """A recorded permission (a regulator's, counsel's) for one data class to live in another region."""

    id: str
    data_class: str
    source: str  # region
    to: str  # region
    granted_by: str
    reference: str
    granted: str  # ISO date
    expires: str = ""  # ISO date; empty: does not expire


class StoreAt(_File, frozen=True, kw_only=True):
    """Where lease, journal and samples live."""

    path: str = ""  # empty: <state directory>/qx/<platform>.db


class Notify(_File, frozen=True, kw_only=True):
    """Nothing is sent in this release; the section is reserved for names of people and channels."""

    contacts: dict[str, str] = field(default_factory=dict)


class Platform(_File, frozen=True, kw_only=True):
    version: Literal[1]
    platform: str
    regions: dict[str, Region]
    clusters: dict[str, Cluster]
    defaults: Defaults = Defaults()
    residency: tuple[ResidencyRule, ...] = ()
    approvals: tuple[Approval, ...] = ()
    store: StoreAt = StoreAt()
    notify: Notify = Notify()
