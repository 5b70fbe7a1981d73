"""What stands against starting a cluster's writer in a region, as its nodes themselves tell: pure.

A node that takes writes, or whose server runs and is no replica, stands against it always. Where no record says who the
writer was, so does every sign that another one was it later: silence is all that a person may attest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.failover.sight import facts_of, takes_writes
from qx.model.control import PgControl
from qx.model.observation import Observation, PgFacts, Silence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.model.control import Control

REPLAYS = ("in archive recovery", "shut down in recovery")


class Told(NamedTuple):
    """What a node's control says, or why it says nothing; and what its server answered."""

    control: Control | str
    answer: Observation | Silence


def is_replica(control: Control) -> bool:
    """What its files make of it, whoever starts it."""
    if isinstance(control, PgControl):
        return control.standby_signal or control.state in REPLAYS
    return bool(control.replicaof)


def words(told: Told) -> str:
    """For people and for the record."""
    facts, control, answer = facts_of(told.answer), told.control, told.answer
    if facts is not None:
        return "takes writes" if takes_writes(facts) else "runs as a replica"
    if isinstance(control, str):
        return f"silent ({answer.reason}); {control}" if isinstance(answer, Silence) else control
    role = "a replica" if is_replica(control) else "a writer"
    return f"runs as {role}, and does not answer" if control.running else f"stopped; by its files {role}"


def writers(nodes: Mapping[str, Told], region: str) -> tuple[str, ...]:
    """Why the node in `region` would not be the only one that writes."""
    return tuple(f"{other} {words(told)}" for other, told in nodes.items() if other != region and _writes(told))


def doubts(nodes: Mapping[str, Told], region: str) -> tuple[str, ...]:
    """Signs that the node in `region`, whose control answers, was not the last writer."""
    mine = nodes[region].control
    if isinstance(mine, str):
        return (mine,)
    return (*_own(mine, region), *(doubt for other in nodes if other != region
                                   for doubt in _other(nodes[other], other, mine, region)))  # fmt: skip


def _own(mine: Control, region: str) -> Iterator[str]:
    if mine.held_for:
        yield f"{region} is held for {mine.held_for} under epoch {mine.held_epoch}: it was fenced, or released"
    if is_replica(mine):
        yield f"{region} is a replica by its files"


def _other(told: Told, other: str, mine: Control, region: str) -> Iterator[str]:
    control, facts = told.control, facts_of(told.answer)
    if not isinstance(control, str) and not is_replica(control) and control.held_epoch > mine.held_epoch:
        yield (
            f"{other} was the writer later: its node remembers epoch {control.held_epoch}, that of {region}"
            f" {mine.held_epoch}"
        )
    if isinstance(mine, PgControl):
        timelines = [control.timeline] if isinstance(control, PgControl) else []
        timelines += [facts.timeline] if isinstance(facts, PgFacts) else []
        if max(timelines, default=0) > mine.timeline:
            yield f"{other} stands on timeline {max(timelines)}, {region} on {mine.timeline}: a promotion lies between"


def _writes(told: Told) -> bool:
    facts, control = facts_of(told.answer), told.control
    if facts is not None:
        return takes_writes(facts)
    return not isinstance(control, str) and control.running and not is_replica(control)
