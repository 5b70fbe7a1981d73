"""Values whose type is right and whose form may not be: names, time zones, URLs, references, dates, ranges. Pure."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, get_args

from qx.config.address import parse_host_port, parse_url
from qx.config.fault import Fault
from qx.config.reference import FORMS, parse_reference
from qx.kernel.text import did_you_mean
from qx.model.notify import CommandChannel, EmailChannel, SlackChannel
from qx.model.platform import CommandControl, DataClass, LabRoute, LocalControl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail
    from qx.model.notify import Channel, Notify, WebhookChannel
    from qx.model.platform import Cluster, EtcdAt, Node, Platform, Region

BAD = "QX-CFG-004"
SCHEMES = {  # what stands behind a URL -> the schemes it may have, an example
    "postgresql": (("postgresql", "postgres"), "postgresql://user@host:5432/database"),
    "redis": (("redis", "rediss"), "redis://host:6379/0"),
    "redis-cluster": (("redis", "rediss"), "redis://host:6379"),
    "endpoint": (("http", "https", "tcp"), "https://host:443/health, tcp://host:1883"),
    "etcd": (("http", "https"), "https://host:2379"),
}
_KEY = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,46}[a-z0-9])?")
_SLOT = re.compile(r"[a-z0-9_]{1,63}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PLACEHOLDERS = ("region", "cluster", "verb", "epoch")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")


def check(platform: Platform) -> Iterator[Fault]:
    yield from key(("platform",), platform.platform, on_key=False)
    if not platform.regions:
        yield Fault(BAD, ("regions",), "wants at least one region", "`qx config init` writes an example")
    for name, region in platform.regions.items():
        yield from key(("regions", name), name)
        yield from _region(("regions", name), region)
    for name, cluster in platform.clusters.items():
        yield from key(("clusters", name), name)
        yield from _cluster(("clusters", name), cluster)
    for field in ("probe_timeout", "sample_age"):
        yield from above_zero(("defaults", field), getattr(platform.defaults, field))
    for name, path in platform.runbooks.programs.items():
        yield from key(("runbooks", "programs", name), name)
        if not path.startswith("/"):
            yield Fault(BAD, ("runbooks", "programs", name), f"'{path}' is no absolute path", "write the whole path")
    if platform.store.etcd is not None:
        yield from _etcd(("store", "etcd"), platform.store.etcd)
    for index, rule in enumerate(platform.residency):
        yield from _data_class(("residency", index, "data_class"), rule.data_class, also="*")
    for index, approval in enumerate(platform.approvals):
        yield from _data_class(("approvals", index, "data_class"), approval.data_class)
        yield from _dates(("approvals", index), approval.granted, approval.expires)
    yield from _notify(("notify",), platform.notify)
    yield from _loopback(("watch", "metrics", "listen"), platform.watch.metrics.listen)


def _region(trail: Trail, region: Region) -> Iterator[Fault]:
    if not region.jurisdictions:
        yield Fault(BAD, (*trail, "jurisdictions"), "wants at least one", "whose law holds there: [EU]")
    yield from zone((*trail, "timezone"), region.timezone)
    for name, endpoint in region.endpoints.items():
        at = (*trail, "endpoints", name)
        yield from _url((*at, "url"), endpoint.url, "endpoint")
        if not 100 <= endpoint.expect <= 599:
            yield Fault(BAD, (*at, "expect"), f"{endpoint.expect} is not an HTTP status", "use 200")
    if region.evidence is not None:
        at = (*trail, "evidence")
        for fault in _url((*at, "url"), region.evidence.url, "postgresql"):
            yield fault._replace(also=())  # no kind stands beside it
        yield from _reference((*at, "password"), region.evidence.password)
        yield from above_zero((*at, "timeout"), region.evidence.timeout)


def _cluster(trail: Trail, cluster: Cluster) -> Iterator[Fault]:
    if not cluster.data_classes:
        hint = did_you_mean("", get_args(DataClass))
        yield Fault(BAD, (*trail, "data_classes"), "wants at least one", hint)
    if not cluster.nodes:
        yield Fault(BAD, (*trail, "nodes"), "wants at least one", "nodes.REGION: {url: ...}")
    for field in ("rto", "write_outage"):
        yield from above_zero((*trail, "objectives", field), getattr(cluster.objectives, field))
    for region, node in cluster.nodes.items():
        yield from _node((*trail, "nodes", region), cluster.kind, node)
    for index, address in enumerate(cluster.sentinels):
        yield from _host_port((*trail, "sentinels", index), address)
    for index, route in enumerate(cluster.routes):
        at = (*trail, "routes", index)
        if isinstance(route, LabRoute):
            yield from _host_port((*at, "address"), route.address)
        elif not route.path:
            yield Fault(BAD, (*at, "path"), "is empty", "name the file that clients or their proxy read the DSN from")


def _node(trail: Trail, kind: str, node: Node) -> Iterator[Fault]:
    yield from _url((*trail, "url"), node.url, kind)
    yield from _reference((*trail, "password"), node.password)
    for index, address in enumerate(node.members):
        yield from _host_port((*trail, "members", index), address)
    if node.priority < 0:
        hint = "higher is preferred, 0 means never a target"
        yield Fault(BAD, (*trail, "priority"), f"{node.priority} is below zero", hint)
    peers = (*trail, "replication")
    if node.replication.address:
        yield from _host_port((*peers, "address"), node.replication.address)
    for viewer, address in node.replication.via.items():
        yield from _host_port((*peers, "via", viewer), address)
    yield from _reference((*peers, "password"), node.replication.password)
    if node.replication.slot and not _SLOT.fullmatch(node.replication.slot):
        yield Fault(BAD, (*peers, "slot"), "is not a slot name", "lower case letters, digits and _; at most 63")
    control = (*trail, "control")
    if isinstance(node.control, LocalControl):
        for field in ("data_dir", "bin_dir"):
            yield from _absolute((*control, field), getattr(node.control, field))
        yield from _port((*control, "port"), node.control.port)
        if node.control.reach:
            yield from _host_port((*control, "reach"), node.control.reach)
    elif isinstance(node.control, CommandControl):
        yield from _argv((*control, "argv"), node.control.argv)
        yield from above_zero((*control, "timeout"), node.control.timeout)


def _notify(trail: Trail, notify: Notify) -> Iterator[Fault]:
    for field in ("timeout", "give_up"):
        yield from above_zero((*trail, field), getattr(notify, field))
    for name, channel in notify.channels.items():
        yield from key((*trail, "channels", name), name)
        yield from _channel((*trail, "channels", name), channel)
    for index, route in enumerate(notify.routes):
        if not route.channels:
            at = (*trail, "routes", index, "channels")
            yield Fault(BAD, at, "wants at least one", did_you_mean("", notify.channels))


def _channel(trail: Trail, channel: Channel) -> Iterator[Fault]:
    if isinstance(channel, CommandChannel):
        yield from _program((*trail, "argv"), channel.argv, "[/usr/local/bin/page, --team, trading]")
        return
    if channel.ca_file:
        yield from _absolute((*trail, "ca_file"), channel.ca_file)
    if isinstance(channel, EmailChannel):
        yield from _email(trail, channel)
    elif isinstance(channel, SlackChannel):
        yield from _wanted((*trail, "url"), channel.url)
    else:
        yield from _webhook(trail, channel)


def _webhook(trail: Trail, channel: WebhookChannel) -> Iterator[Fault]:
    if channel.url.startswith(("http://", "https://")):
        try:
            password = parse_url(channel.url).password
        except ValueError as error:
            yield Fault(BAD, (*trail, "url"), str(error), "write it as https://host/path, or as a reference")
        else:
            if password:
                hint = f"make the whole address a reference: {FORMS}"
                yield Fault(BAD, (*trail, "url"), "holds a password", hint)
    else:
        yield from _wanted((*trail, "url"), channel.url)
    for name, value in channel.headers.items():
        if not _HEADER.fullmatch(name):
            yield Fault(BAD, (*trail, "headers", name), "is not the name of a header", "Authorization", on_key=True)
        yield from _wanted((*trail, "headers", name), value)
    yield from _reference((*trail, "secret"), channel.secret)


def _email(trail: Trail, channel: EmailChannel) -> Iterator[Fault]:
    yield from _port((*trail, "port"), channel.port)
    if not channel.host or any(c.isspace() or c in "/:@" for c in channel.host):
        yield Fault(BAD, (*trail, "host"), "is not the name of a host", "mail.example.com")
    if not channel.to:
        yield Fault(BAD, (*trail, "to"), "wants at least one address", "[oncall@example.com]")
    addresses = [((*trail, "from"), channel.sender), *(((*trail, "to", n), one) for n, one in enumerate(channel.to))]
    for at, address in addresses:
        if not _ADDRESS.fullmatch(address):
            yield Fault(BAD, at, "is not an address", "qx@example.com, without a name around it")
    yield from _reference((*trail, "password"), channel.password)


def _wanted(trail: Trail, text: str) -> Iterator[Fault]:
    """As `_reference`, of what may not be left out."""
    if not text:
        yield Fault(BAD, trail, "is empty", f"refer to the secret: {FORMS}")
    yield from _reference(trail, text)


def _loopback(trail: Trail, text: str) -> Iterator[Fault]:
    if not text:
        return
    try:
        host, _ = parse_host_port(text).socket
    except ValueError as error:
        yield Fault(BAD, trail, str(error), "write 127.0.0.1:PORT")
        return
    if not host.startswith("127."):
        hint = "write 127.0.0.1:PORT, and let a proxy with TLS and a login stand before it"
        yield Fault(BAD, trail, f"'{host}' is not this machine alone", hint)


def _port(trail: Trail, port: int) -> Iterator[Fault]:
    if not 1 <= port <= 65535:
        yield Fault(BAD, trail, f"{port} is not a port", "1 to 65535")


def _program(trail: Trail, argv: tuple[str, ...], example: str) -> Iterator[Fault]:
    if not argv or not argv[0]:
        yield Fault(BAD, trail, "wants a program and its arguments", example)


def _etcd(trail: Trail, etcd: EtcdAt) -> Iterator[Fault]:
    if not etcd.endpoints:
        yield Fault(BAD, (*trail, "endpoints"), "wants at least one", "[https://host:2379], one per member")
    for index, endpoint in enumerate(etcd.endpoints):
        yield from _url((*trail, "endpoints", index), endpoint, "etcd")
    yield from _reference((*trail, "password"), etcd.password)
    yield from above_zero((*trail, "timeout"), etcd.timeout)
    if not etcd.prefix.startswith("/") or not etcd.prefix.isprintable():
        yield Fault(BAD, (*trail, "prefix"), "is not a prefix that qx can use", "begin it with /: /qx")


def _argv(trail: Trail, argv: tuple[str, ...]) -> Iterator[Fault]:
    yield from _program(trail, argv, "[ssh, db1, qx, node, --settings, /etc/qx/node.yaml]")
    for index, word in enumerate(argv):
        for name in _PLACEHOLDER.findall(word):
            if name not in _PLACEHOLDERS:
                yield Fault(BAD, (*trail, index), f"{{{name}}} is no placeholder", did_you_mean(name, _PLACEHOLDERS))


def key(trail: Trail, name: str, *, on_key: bool = True) -> Iterator[Fault]:
    if not _KEY.fullmatch(name):
        hint = "lower case letters, digits, - and _ between them; at most 48 (it names slots and files)"
        yield Fault(BAD, trail, "is not a name that qx can use", hint, on_key=on_key)


def _url(trail: Trail, url: str, kind: str) -> Iterator[Fault]:
    schemes, example = SCHEMES[kind]
    also = ((*trail[:-3], "kind"),) if kind in ("postgresql", "redis", "redis-cluster") else ()
    try:
        address = parse_url(url)
    except ValueError as error:
        yield Fault(BAD, trail, str(error), f"write it as {example}")
        return
    if address.scheme not in schemes:
        wanted = " or ".join(f"{one}://" for one in schemes)
        message = f"has the scheme {address.scheme}://, {'an ' if kind == 'endpoint' else ''}{kind} wants {wanted}"
        yield Fault(BAD, trail, message, f"write it as {example}", also=also)
    elif kind == "redis" and not address.path.strip("/").isdecimal() and address.path.strip("/"):
        yield Fault(BAD, trail, "names a database that is not a number", f"write it as {example}", also=also)
    if address.password:
        yield Fault(BAD, trail, "holds a password", f"take it out, and add `password:` with one of {FORMS}")


def _host_port(trail: Trail, text: str) -> Iterator[Fault]:
    try:
        parse_host_port(text)
    except ValueError as error:
        yield Fault(BAD, trail, str(error), "write host:port")


def _reference(trail: Trail, text: str) -> Iterator[Fault]:
    if not text:
        return
    try:
        parse_reference(text)
    except ValueError as error:
        yield Fault(BAD, trail, str(error), f"keep the secret outside, and refer to it: {FORMS}")


def _absolute(trail: Trail, path: str) -> Iterator[Fault]:
    if not path.startswith("/"):
        yield Fault(BAD, trail, "is not an absolute path", "begin it with /: qx may run in any directory")


def above_zero(trail: Trail, value: float) -> Iterator[Fault]:
    if value <= 0:
        yield Fault(BAD, trail, "must be longer than 0 s", "write it as 500ms, 2s, 1m")


def _data_class(trail: Trail, word: str, also: str = "") -> Iterator[Fault]:
    known = get_args(DataClass)
    if word not in known and not (also and word == also):
        yield Fault(BAD, trail, f"'{word}' is not a data class", did_you_mean(word, known))


def _dates(trail: Trail, granted: str, expires: str) -> Iterator[Fault]:
    days = {"granted": _day(granted), "expires": _day(expires) if expires else date.max}
    for field, day in days.items():
        if day is None:
            yield Fault(BAD, (*trail, field), "is not a date", "write it as 2026-01-31")
    if days["granted"] and days["expires"] and days["expires"] < days["granted"]:
        message = f"lies before granted ({granted}): the approval was never in force"
        yield Fault("QX-CFG-008", (*trail, "expires"), message, "change one of the two", also=((*trail, "granted"),))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def zone(trail: Trail, name: str) -> Iterator[Fault]:
    if _zone_known(name):
        return
    from zoneinfo import available_timezones

    hint = did_you_mean(name, available_timezones())
    hint = hint if hint.startswith("did") else "use a name of the IANA database: Europe/Dublin, Asia/Bahrain, UTC"
    yield Fault(BAD, trail, f"'{name}' is not a time zone", hint)


def _zone_known(name: str) -> bool:
    """True as well when this machine has no time zone database to ask."""
    if name == "UTC":
        return True
    from zoneinfo import ZoneInfo

    for asked in (name, "Europe/London"):
        try:
            ZoneInfo(asked)
        except (ValueError, OSError, LookupError):  # a malformed name, a directory's name, an unknown name
            continue
        return asked == name
    return True
