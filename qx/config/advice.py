"""Advice: settings that are allowed and will not do what they seem to say, each with what it means. Pure.

Only of clusters in mode `auto`, where nobody is there to wonder why nothing happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.config.fault import Fault, errors
from qx.config.profiles import watch_of
from qx.kernel.spans import format_seconds
from qx.model.platform import LocalControl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Document, Trail
    from qx.config.profiles import Watch
    from qx.kernel.errors import QxError
    from qx.model.platform import Cluster, Platform

CODE = "QX-CFG-010"


def warnings(platform: Platform, document: Document) -> list[QxError]:
    """With their places; none of them keeps anything from being done."""
    return errors(document, advice(platform))


def advice(platform: Platform) -> Iterator[Fault]:
    watch = watch_of(platform.watch)
    automatic = {name: cluster for name, cluster in platform.clusters.items() if cluster.mode == "auto"}
    if automatic and watch.moves_per_day == 0:
        message = f"nothing is ever moved unasked, {', '.join(automatic)} neither, although the mode is auto"
        yield Fault(CODE, ("watch", "moves_per_day"), message, "1, or mode: confirm")
    for name, cluster in automatic.items():
        at: Trail = ("clusters", name)
        yield from _objectives(at, cluster, watch)
        yield from _sampled(platform, at, cluster, watch)
        yield from _guarded(at, cluster)


def _waits(watch: Watch) -> dict[str, float]:
    """What the daemon waits for before it acts without any further word from the writer -> how long."""
    return {"watch.hang.after": watch.hang_after, "watch.lease.ttl": watch.ttl}


def _objectives(at: Trail, cluster: Cluster, watch: Watch) -> Iterator[Fault]:
    goals = cluster.objectives
    longer = {name: wait + watch.probe for name, wait in _waits(watch).items() if wait + watch.probe > goals.rpo}
    if longer and cluster.durability != "quorum":
        said = " and ".join(f"{name} ({format_seconds(wait)} with a look)" for name, wait in longer.items())
        message = (
            f"{format_seconds(goals.rpo)} is shorter than {said}: what was written in that time counts as lost, so "
            "after a hang, or the loss of a region, the rpo gate keeps the daemon from failing over while clients write"
        )
        yield Fault(CODE, (*at, "objectives", "rpo"), message, "raise it, shorten those, or durability: quorum",
                    also=(at,))  # fmt: skip
    looks = watch.probe * watch.confirm
    convinced = {**_waits(watch), "watch.restart_grace": watch.restart_grace, "watch.probe times confirm": looks}
    slow = {name: wait for name, wait in convinced.items() if wait > goals.rto}
    if slow:
        said = ", ".join(f"{name} ({format_seconds(wait)})" for name, wait in slow.items())
        message = f"{format_seconds(goals.rto)} is over before the daemon is convinced: {said}"
        yield Fault(CODE, (*at, "objectives", "rto"), message, "raise it, or shorten those")


def _sampled(platform: Platform, at: Trail, cluster: Cluster, watch: Watch) -> Iterator[Fault]:
    oldest = platform.defaults.sample_age
    late = {name: wait for name, wait in _waits(watch).items() if wait + watch.probe > oldest}
    if late and cluster.durability != "quorum":
        said = " and ".join(f"{name} ({format_seconds(wait)})" for name, wait in late.items())
        message = f"samples are older than defaults.sample_age ({oldest}) after {said}: the loss is then unknown"
        yield Fault(CODE, (*at, "mode"), f"auto would refuse: {message}", "raise sample_age, or shorten those")


def _guarded(at: Trail, cluster: Cluster) -> Iterator[Fault]:
    for region, node in cluster.nodes.items():
        if isinstance(node.control, LocalControl) and not node.control.guard:
            message = "without a guard the end of its lease proves nothing: when its region is lost, nobody is promoted"
            yield Fault(CODE, (*at, "nodes", region, "control"), message, "guard: true, and start it through qx")
