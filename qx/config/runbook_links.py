"""What a runbook names and regions.yaml has to have: regions, clusters, nodes, programs, channels. Pure.

A text with `${...}` in it is judged when the plan is made, by the same function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.config.fault import Fault
from qx.config.links import cluster_named, region_named
from qx.config.runbook_inputs import default_of
from qx.config.runbook_steps import walk
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model import runbook as r

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail
    from qx.model.platform import Platform

NOTHING, CLASH, BAD = "QX-CFG-006", "QX-CFG-008", "QX-CFG-004"


def check(book: r.Runbook, platform: Platform) -> Iterator[Fault]:
    for name, one in book.inputs.items():
        try:
            default_of(one, platform)
        except QxError as error:
            yield Fault(NOTHING, ("inputs", name, "default"), error.message, error.hint)
        except ValueError as error:
            yield Fault(BAD, ("inputs", name, "default"), str(error), "change it, or the choices")
    for at in walk(book):
        yield from of_step(at.step, at.trail, platform)


def of_step(step: Any, trail: Trail, platform: Platform) -> Iterator[Fault]:
    """The faults of one step by itself."""
    match step:
        case r.FailoverStep():
            yield from _regions(platform, {"to": step.to, "from": step.source}, trail)
            yield from _clusters(platform, step.clusters, (*trail, "clusters"))
            yield from _clusters(platform, step.excepted, (*trail, "except"))
        case r.FailbackStep():
            yield from _clusters(platform, step.clusters, (*trail, "clusters"))
        case r.RejoinStep():
            yield from _clusters(platform, step.clusters, (*trail, "clusters"))
            for index, region in enumerate(step.regions):
                yield from _named(region_named, platform, region, (*trail, "regions", index))
        case r.MaintenanceStep() if _fixed(step.scope) and step.scope != "*":
            names = [*platform.clusters, *platform.regions]
            if step.scope not in names:
                message = f"neither a cluster nor a region: '{step.scope}'"
                yield Fault(NOTHING, (*trail, "scope"), message, did_you_mean(step.scope, names))
        case r.SqlStep() | r.RedisStep():
            yield from _node(step, trail, platform)
        case r.CommandStep() if step.argv and step.argv[0] not in platform.runbooks.programs:
            hint = did_you_mean(step.argv[0], platform.runbooks.programs)
            hint = hint or "add `runbooks: {programs: {NAME: /path/of/it}}` to regions.yaml"
            yield Fault(NOTHING, (*trail, "argv", 0), f"'{step.argv[0]}' is not among runbooks.programs", hint)
        case r.NotifyStep():
            for index, channel in enumerate(step.channels):
                if _fixed(channel) and channel not in platform.notify.channels:
                    known = did_you_mean(channel, platform.notify.channels)
                    hint = known or "add it to notify.channels in regions.yaml"
                    yield Fault(NOTHING, (*trail, "channels", index), f"no channel '{channel}'", hint)


def _node(step: r.SqlStep | r.RedisStep, trail: Trail, platform: Platform) -> Iterator[Fault]:
    wanted = "postgresql" if isinstance(step, r.SqlStep) else "redis"
    yield from (wrong := list(_named(cluster_named, platform, step.cluster, (*trail, "cluster"))))
    if wrong or not _fixed(step.cluster):
        return
    cluster = platform.clusters[cluster_named(platform, step.cluster)]
    if cluster.kind != wanted:
        known = [name for name, each in platform.clusters.items() if each.kind == wanted]
        yield Fault(CLASH, (*trail, "cluster"), f"{step.cluster} is {cluster.kind}", did_you_mean("", known))
    yield from (wrong := list(_regions(platform, {"region": step.region}, trail)))
    if step.region and not wrong and _fixed(step.region) and region_named(platform, step.region) not in cluster.nodes:
        message = f"{step.cluster} has no node in {step.region}"
        yield Fault(NOTHING, (*trail, "region"), message, did_you_mean("", cluster.nodes))


def _regions(platform: Platform, said: dict[str, str], trail: Trail) -> Iterator[Fault]:
    for key, word in said.items():
        if word:
            yield from _named(region_named, platform, word, (*trail, key))


def _clusters(platform: Platform, words: tuple[str, ...], trail: Trail) -> Iterator[Fault]:
    for index, word in enumerate(words):
        yield from _named(cluster_named, platform, word, (*trail, index))


def _named(find: Any, platform: Platform, word: str, trail: Trail) -> Iterator[Fault]:
    if not _fixed(word):
        return
    try:
        find(platform, word)
    except QxError as error:
        yield Fault(NOTHING, trail, error.message, error.hint)


def _fixed(text: str) -> bool:
    return "${" not in text
