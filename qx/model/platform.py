"""What regions.yaml says: Platform, Region, Cluster, Node, their policies. The file's shape is this module's shape.

Durations are written `30s`, sizes `1MiB`; secrets are references (`env:NAME`, `file:PATH`, `cmd:ARGV`,
`keyring:SERVICE/USER`)
and stay references here. Names (of regions, clusters) are the keys of the mappings that hold them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from qx.kernel.spans import Bytes, Seconds
from qx.model.approving import ApprovalRule, Approver, Submitter
from qx.model.file import File
from qx.model.kyc import FileKyc, HttpKyc, SqlKyc
from qx.model.notify import Notify
from qx.model.schedules import Schedule
from qx.model.watching import Watching

Kind = Literal["postgresql", "redis", "redis-cluster"]
DataClass = Literal["pii", "kyc_pii", "customer_information", "trade_record", "market_data",
"petroleum_data", "session"]


class Endpoint(File, frozen=True, kw_only=True):
    """A service of a region that is only health-checked: `http://..`, `https://..`, `tcp://host:port`."""

    url: str  # what is asked: http and https for a GET, tcp for a connection
    expect: int = 200  # the HTTP status that is well


class EvidenceAt(File, frozen=True, kw_only=True):
    """The PostgreSQL of a region where the record of its validations is kept, in the schema qx_evidence."""

    url: str  # postgresql://user@host:port/database; the user may create that schema, or owns it
    password: str = ""  # a reference
    timeout: Seconds = Seconds(1)  # an answer waits no longer for a connection: what is kept waits on this machine


class Region(File, frozen=True, kw_only=True):
    title: str  # for people
    jurisdictions: tuple[str, ...]  # whose law holds there; the residency matrix speaks of these
    aliases: tuple[str, ...] = ()  # other names that commands accept
    timezone: str = "UTC"  # a name of the IANA database; `qx status REGION` tells the time there
    location: str = ""  # for people: `qx status REGION` tells it
    endpoints: dict[str, Endpoint] = field(default_factory=dict)  # its other services, health-checked only
    kyc: FileKyc | SqlKyc | HttpKyc | None = None  # who knows the customers there; without: `kyc` at the top level
    evidence: EvidenceAt | None = None  # where its validations are kept; without: a file of this machine


class LocalControl(File, frozen=True, kw_only=True, tag="local", tag_field="driver"):
    """The server's files and processes stand on this machine (the lab, or qx installed beside the server)."""

    data_dir: str  # absolute; qx keeps its lock and memory beside it, in DATA_DIR.qx.lock and .qx.json
    bin_dir: str  # absolute; where the server's programs are
    port: int  # that the server listens on
    run_as: tuple[str, ...] = ()  # argv prefix under which the server's programs run
    config_file: str = ""  # Redis: its configuration file, writable
    log_file: str = ""  # where the server's output goes; empty: DATA_DIR.qx.log
    socket_dir: str = ""  # PostgreSQL: where its Unix socket stands
    reach: str = ""  # host:port that answers when the region's management network can be reached
    start: tuple[str, ...] = ()  # argv instead of pg_ctl / the server's own binary
    stop: tuple[str, ...] = ()  # argv instead of a signal; told after a kill too, so that a supervisor rests
    guard: bool = False  # the server runs under a guard, which ends it when its term is over: an armed cluster needs it


class CommandControl(File, frozen=True, kw_only=True, tag="command", tag_field="driver"):
    """A program that carries requests to the node: argv template, no shell; JSON in on stdin, JSON out on stdout.

    Placeholders in each element: {region}, {cluster}, {verb}, {epoch}. The program at the other end is `qx node`.
    """

    argv: tuple[str, ...]  # the program and its arguments
    timeout: Seconds = Seconds(30)  # for one request; salvage, rewind and clone take as long as their step may


class Replication(File, frozen=True, kw_only=True):
    """How peers reach this node: `address` for all, `via` for viewers that need another one (region -> host:port)."""

    address: str = ""  # host:port for every peer; empty: that of url
    via: dict[str, str] = field(default_factory=dict)  # viewer's region -> host:port, where a peer needs another
    user: str = ""  # empty: as in the node's url
    password: str = ""  # a reference
    slot: str = ""  # PostgreSQL: name of this node's slot on its upstream; empty: qx_<region>


class Node(File, frozen=True, kw_only=True):
    """One server of a cluster. `url` is how qx reaches it: postgresql://user@host:port/db, redis://host:port/0."""

    url: str  # how qx reaches it
    members: tuple[str, ...] = ()  # Redis Cluster: host:port of its other members in this region
    password: str = ""  # a reference
    priority: int = 100  # higher is preferred; 0: never a target
    control: LocalControl | CommandControl | None = None  # how its files and processes are reached; without: no fence
    replication: Replication = Replication()  # how peers reach it


class LabRoute(File, frozen=True, kw_only=True, tag="lab", tag_field="driver"):
    socket: str  # the lab's own
    address: str  # where clients connect
    nodes: dict[str, str] = field(default_factory=dict)  # region -> host:port they are sent to; else that of its url


class FileRoute(File, frozen=True, kw_only=True, tag="file", tag_field="driver"):
    path: str  # holds the writer's url, nothing while closed; relative to this file's directory


class Objectives(File, frozen=True, kw_only=True):
    """Budgets. Exceeding `rpo` needs consent; a planned move that would exceed `write_outage` is undone."""

    rpo_bytes: Bytes = Bytes(1 << 20)  # unplanned: may be lost unasked; planned: may be left to drain
    rpo: Seconds = Seconds(5)  # the same as time
    rto: Seconds = Seconds(60)  # until clients write again: a drill that took longer arms nobody
    min_free: Bytes = Bytes(64 << 20)  # of disk that a target must have left
    write_outage: Seconds = Seconds(10)  # of a planned move; one that would take longer is undone


class Cluster(File, frozen=True, kw_only=True):
    kind: Kind  # what its servers are
    home: str  # region where the writer belongs: `qx failback` returns it there
    data_classes: tuple[DataClass, ...]  # what it holds: decides where it may live
    nodes: dict[str, Node]  # region -> its server there
    durability: Literal["async", "quorum"] = "async"  # quorum: commits wait for standbys
    quorum: int = 1  # so many standbys must have flushed a commit, where durability is quorum
    mode: Literal["observe", "confirm", "auto"] = "observe"  # who may act unasked; confirm: once a person approved
    approvals: ApprovalRule | None = None  # how many people approve a move of its writer; without: defaults.approvals
    objectives: Objectives = Objectives()  # budgets
    routes: tuple[LabRoute | FileRoute, ...] = ()  # told where the writer is
    sentinels: tuple[str, ...] = ()  # Redis: host:port of each Sentinel
    sentinel_name: str = ""  # under which they watch it


class Defaults(File, frozen=True, kw_only=True):
    probe_timeout: Seconds = Seconds(2)  # one look at one node takes no longer
    cooldown: Seconds = Seconds(3600)  # after a move, before the next one without consent
    sample_age: Seconds = Seconds(60)  # a position sample older than this proves nothing
    lag_warning: Seconds = Seconds(10)  # of `qx check lag`
    lag_critical: Seconds = Seconds(60)  # of `qx check lag`
    approvals: ApprovalRule = ApprovalRule()  # how many people approve a move, where a cluster does not say


class ResidencyRule(File, frozen=True, kw_only=True):
    """One cell beside those of the rule packs: it may be stricter, and decides alone where they know nothing.
    `to`/`source` are jurisdictions; `*` matches all. The most specific rule decides.
    """

    data_class: str  # or *
    source: str  # jurisdiction that the data belong to
    to: str  # jurisdiction where they would live
    verdict: Literal["allowed", "conditional", "refused"]  # the last two pass with an approval on record only
    because: str  # told with the verdict
    instrument: str = ""  # what a conditional cell wants: SCC, IDTA, DPF, certificate...


class Approval(File, frozen=True, kw_only=True):
    """A recorded permission (a regulator's, counsel's) for one data class to live in another region."""

    id: str  # its own
    data_class: str  # one class
    source: str  # region
    to: str  # region
    granted_by: str  # who permitted it
    reference: str  # where it is written
    granted: str  # ISO date
    expires: str = ""  # ISO date; empty: does not expire


class EtcdAt(File, frozen=True, kw_only=True):
    """An etcd v3 cluster, by the JSON gateway of its members. Files are PEM, meant from this file's own directory."""

    endpoints: tuple[str, ...]  # http(s)://host:port of each member, the nearest first; qx goes on to the next one
    user: str = ""  # empty: no authentication
    password: str = ""  # a reference
    ca: str = ""  # authority of the members' certificates; empty: the system's
    cert: str = ""  # qx's own, where the members want one
    key: str = ""  # of cert
    prefix: str = "/qx"  # of all keys; the platform's name follows it
    timeout: Seconds = Seconds(2)  # one call takes no longer


class StoreAt(File, frozen=True, kw_only=True):
    """Where lease, journal and samples live: in a file, for one controller, or in etcd, for one per region."""

    path: str = ""  # empty: <state directory>/qx/<platform>.db
    etcd: EtcdAt | None = None  # instead of the file


class Runbooks(File, frozen=True, kw_only=True):
    """What runbooks may use."""

    programs: dict[str, str] = field(default_factory=dict)  # name -> absolute path: the only ones that `command` runs


class Platform(File, frozen=True, kw_only=True):
    version: Literal[1]  # of this form of file
    platform: str  # names the store of leases and journal: one platform, one name
    regions: dict[str, Region]  # places with a jurisdiction
    clusters: dict[str, Cluster]  # replicated stores, one writer each
    defaults: Defaults = Defaults()  # for all clusters
    residency: tuple[ResidencyRule, ...] = ()  # which data may live where, beside the packs; a cell of neither refuses
    approvals: tuple[Approval, ...] = ()  # recorded permissions
    approvers: dict[str, Approver] = field(default_factory=dict)  # people who may approve moves, by name
    submitters: dict[str, Submitter] = field(default_factory=dict)  # who may send rules and lists for review, by name
    store: StoreAt = StoreAt()  # where the record is kept
    watch: Watching = Watching()  # what the daemon looks for, and may do
    notify: Notify = Notify()  # who is told of what the daemon sees
    runbooks: Runbooks = Runbooks()  # what runbooks may use
    schedules: dict[str, Schedule] = field(default_factory=dict)  # done by the clock
    kyc: FileKyc | SqlKyc | HttpKyc | None = None  # asked by `qx validate`; without: a transaction's own kyc.* counts
