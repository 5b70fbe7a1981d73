"""`qx status` as people read it: runs that nobody goes on with, the file in force, regions, clusters, what is wrong.

Every word stands without its colour. A table of 80 columns holds it; in a pipe nothing is cut.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from msgspec import Struct

from qx.failover.sight import facts_of, position
from qx.kernel.spans import format_bytes, format_seconds
from qx.kernel.text import plural
from qx.model.observation import EndpointFacts, Observation, Silence
from qx.model.redis_cluster import RedisClusterFacts
from qx.model.topology import Cause, Role, Verdict
from qx.render.approvals import waiting_lines
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone, printable
from qx.render.shards import shards_text
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.failover.openruns import OpenRun
    from qx.model.approval import Waiting
    from qx.model.topology import ClusterView, Lag, NodeView, RegionView

TONES: dict[Verdict, Tone] = {
    Verdict.HEALTHY: "good",
    Verdict.DEGRADED: "warn",
    Verdict.SUSPECT: "warn",
    Verdict.DOWN: "bad",
    Verdict.ISOLATED: "bad",
    Verdict.UNKNOWN: "bad",
}
_REJOIN = "qx rejoin --cluster {cluster} --dry-run"
_REMEDIES = {
    Cause.WRITER_DEAD: "qx failover --to {target} --cluster {cluster} --dry-run",
    Cause.FOREIGN_STORE: "qx control show",
    Cause.TWO_WRITERS: "qx control show",
    Cause.UNRECORDED_WRITER: "qx control adopt {cluster} --reason TEXT",
    Cause.REPLICA_DIVERGED: _REJOIN,
    Cause.REPLICA_NOT_STREAMING: _REJOIN,
    Cause.REPLICA_SILENT: _REJOIN,
}
_SHORT = {
    Cause.REPLICA_NOT_STREAMING: "not streaming",
    Cause.REPLICA_DIVERGED: "diverged",
    Cause.REPLAY_PAUSED: "paused",
    Cause.UNRECORDED_WRITER: "unrecorded",
    Cause.ARCHIVE_FAILING: "archiving fails",
    Cause.SLOT_LOST: "slot lost",
}
_SILENT = {
    Cause.WRITER_DEAD: "dead writer",
    Cause.WRITER_SILENT: "silent writer",
    Cause.REPLICA_SILENT: "silent replica",
}


class Status(Struct, frozen=True, kw_only=True):
    """The document `qx.status/1`. `why`: how the configuration file was found."""

    config_file: str
    why: str
    platform: str
    at: float
    observer: str
    kinds: dict[str, str]  # cluster -> postgresql | redis | redis-cluster
    regions: dict[str, RegionView]
    clusters: dict[str, ClusterView]
    open_runs: tuple[OpenRun, ...] = ()
    waiting: tuple[Waiting, ...] = ()  # plans and runs that wait for an approval
    warnings: tuple[str, ...] = ()
    durability: dict[str, str] = {}  # cluster -> whom its commits wait for
    about: str = ""  # of the one region that was asked for: where it is, its law, its time of day

    @property
    def answered(self) -> bool:
        """Whether anything at all did, of what is described."""
        nodes = [node.seen for view in self.clusters.values() for node in view.nodes.values()]
        endpoints = [seen for region in self.regions.values() for seen in region.endpoints.values()]
        everything = [*nodes, *endpoints]
        return not everything or any(isinstance(seen, Observation) for seen in everything)


def gist(status: Status) -> object:
    """What makes two looks differ for somebody who reads one block per change: not ages, figures and instants."""
    return (
        {name: (region.verdict, region.cause, _endpoints(region)) for name, region in status.regions.items()},
        {
            name: (
                view.verdict, view.cause, view.writer, view.epoch, {r: _standing(n) for r, n in view.nodes.items()},
                [(shard.slots, shard.master, shard.state) for shard in view.shards],
            )
            for name, view in status.clusters.items()
        },
        [(run.run, run.orphaned, run.step) for run in status.open_runs],
        [(each.request.key, each.approved_by) for each in status.waiting],
        status.warnings,
        status.durability,
    )


def _standing(node: NodeView) -> tuple[object, ...]:
    return node.role, node.upstream, node.streaming, node.cause


def status_text(status: Status, palette: Palette = PLAIN, width: int | None = None) -> str:
    blocks = [_open_run(run, status.at, palette) for run in status.open_runs]
    blocks.append("\n".join(waiting_lines(status.waiting, status.at, palette)))
    head = [in_force(status.config_file, status.why, status.at), *([printable(status.about)] if status.about else [])]
    blocks.append("\n".join([*head, *_warnings(status, palette, width)]))
    blocks.append(_regions(status, palette, width))
    blocks.append(_clusters(status, palette, width))
    blocks.append(shards_text(list(status.clusters.values()), palette, width))
    blocks.append("\n".join(f"{cluster}: {words}" for cluster, words in status.durability.items()))
    blocks.append("\n".join(_troubles(status, palette, width)))
    return "\n\n".join(block for block in blocks if block)


def in_force(config_file: str, why: str, at: float) -> str:
    """The first line of every table: the file in force, why that one, and when was looked."""
    return f"{printable(config_file)} ({why}), {moment(at)}"


def lag_words(lag: Lag | None) -> str:
    """`0 s`, `12 s`, `312 B` where seconds are not known, `lag unknown`."""
    if lag is None or (lag.seconds is None and lag.bytes is None):
        return "lag unknown"
    return format_seconds(lag.seconds) if lag.seconds is not None else format_bytes(lag.bytes or 0)


def _open_run(run: OpenRun, at: float, palette: Palette) -> str:
    age = format_seconds(max(0.0, at - run.last_entry_at))
    what = f"{run.intent} of {', '.join(run.clusters)} by {run.by}"
    where = f", in step {run.step}" if run.step else ""
    stopped = [
        palette.paint(f"  {cluster}: clients have not been able to write for {format_seconds(seconds)}", "bad")
        for cluster, seconds in run.stopped_s.items()
    ]
    if not run.orphaned:
        return "\n".join([f"run {run.run} is under way: {what}{where}", *stopped])
    head = palette.paint(f"orphaned run {run.run}: {what}", "bad")
    alone = f"  nobody goes on with it; last heard of {age} ago{where}"
    return "\n".join([head, alone, *stopped, f"  go on: {run.resume}"])


def _warnings(status: Status, palette: Palette, width: int | None) -> Iterator[str]:
    for warning in status.warnings:
        yield from _wrapped(f"{palette.paint('warning', 'warn')}: ", f"warning: {printable(warning)}", width)


def _regions(status: Status, palette: Palette, width: int | None) -> str:
    columns = (
        Column("REGION"), Column("VERDICT"), Column("POSTGRESQL", give="wrap"), Column("REDIS", give="wrap"),
        Column("ENDPOINTS", give="wrap"),
    )  # fmt: skip
    rows = [
        (
            name,
            Cell(region.verdict.value, TONES[region.verdict]),
            _nodes(status, name, {"postgresql"}),
            _nodes(status, name, {"redis", "redis-cluster"}),
            _endpoints(region),
        )
        for name, region in status.regions.items()
    ]
    return table(columns, rows, width=width, palette=palette)


def _nodes(status: Status, region: str, kinds: set[str]) -> Cell:
    nodes = [
        view.nodes[region]
        for cluster, view in status.clusters.items()
        if status.kinds[cluster] in kinds and region in view.nodes
    ]
    tone: Tone = "plain" if all(node.cause is Cause.NONE for node in nodes) else "warn"
    return Cell("\n".join(f"{node.cluster} {node_words(node)}" for node in nodes) or "-", tone)


def node_words(node: NodeView) -> str:
    """`writer`, `replica 0 s`, `replica 12 s, lagging`, `replica, not streaming`, `dead writer`."""
    if node.role is Role.STALE_WRITER:
        return "stale writer"
    if node.role is Role.SILENT:
        return _SILENT.get(node.cause, "silent")
    words = [members_words(node) if node.role is Role.MEMBER else str(node.role)]
    if node.role is Role.REPLICA and (node.cause is Cause.NONE or (node.lag and node.lag.bytes is not None)):
        words = [f"{node.role} {lag_words(node.lag)}"]
    if node.cause is not Cause.NONE:
        words.append(_SHORT.get(node.cause, node.cause))
    return ", ".join(words)


def members_words(node: NodeView) -> str:
    """`1 master, 2 replicas`: what stands there of a Redis Cluster."""
    facts = node.seen.facts if isinstance(node.seen, Observation) else None
    roles = [member.role for member in facts.members] if isinstance(facts, RedisClusterFacts) else []
    counts = {role: roles.count(role) for role in ("master", "replica")}
    return ", ".join(plural(count, role) for role, count in counts.items() if count)


def _endpoints(region: RegionView) -> Cell:
    words = {name: _endpoint(seen) for name, seen in region.endpoints.items()}
    tone: Tone = "plain" if all(word == "ok" for word in words.values()) else "warn"
    return Cell("\n".join(f"{name} {word}" for name, word in words.items()) or "-", tone)


def _endpoint(seen: Observation | Silence) -> str:
    if isinstance(seen, Silence):
        return seen.reason
    if isinstance(seen.facts, EndpointFacts):
        return "ok" if seen.facts.ok else seen.facts.detail
    return "odd"


def _clusters(status: Status, palette: Palette, width: int | None) -> str:
    columns = (
        Column("CLUSTER"), Column("VERDICT"), Column("WRITER"), Column("EPOCH", right=True),
        Column("BECAUSE", give="wrap"),
    )  # fmt: skip
    rows = [
        (
            name,
            Cell(view.verdict.value, TONES[view.verdict]),
            view.writer or ("its own" if view.elects_itself else "none"),
            str(view.epoch) if view.epoch else "-",
            view.because,
        )
        for name, view in status.clusters.items()
    ]
    return table(columns, rows, width=width, palette=palette)


def _troubles(status: Status, palette: Palette, width: int | None) -> Iterator[str]:
    for name, region in status.regions.items():
        if region.verdict is not Verdict.HEALTHY:
            cause = f" ({region.cause})" if region.cause is not Cause.NONE else ""
            head = f"{name} is {region.verdict}{cause}:"
            yield from _wrapped(
                palette.paint(head, TONES[region.verdict]) + " ", f"{head} {printable(region.because)}", width
            )
    for cluster, view in status.clusters.items():
        lawful = view.cause is Cause.TWO_WRITERS and view.writer is not None
        if remedy := _REJOIN if lawful else _REMEDIES.get(view.cause):
            yield f"next, for {cluster}: {remedy.format(cluster=cluster, target=_furthest(view))}"


def _furthest(view: ClusterView) -> str:
    """The replica that holds most, as an example: whether it may write is for the plan to say."""
    replicas = {region: facts for region, node in view.nodes.items() if (facts := facts_of(node.seen)) is not None}
    return max(replicas, key=lambda region: position(replicas[region]), default="REGION")


def _wrapped(painted_head: str, text: str, width: int | None) -> list[str]:
    """`text` on as many lines as it needs; its head (up to the first ': ') is replaced by the painted one."""
    lines = [text]
    if width:  # words stay whole, so that a path can be copied
        lines = textwrap.wrap(
            text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    head = text.partition(": ")[0] + ": "
    if lines[0].startswith(head):
        lines[0] = painted_head + lines[0][len(head):]
    return lines
