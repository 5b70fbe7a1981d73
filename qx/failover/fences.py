"""Fences on record: proofs that an old writer cannot acknowledge any more, which somebody else has given. Pure.

RELEASED: the controller beside it saw no process left and holds its start lock. EXPIRED: the writer's lease has run
out, and it names a guard that kills the server by itself before that. Either counts only for the region and the epoch
under which the writer wrote last: a server that was started again has another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from qx.model.lease import Rule
    from qx.model.standing import Grant, Release


class Fenced(Struct, frozen=True):
    how: Literal["released", "expired"]
    epoch: int
    because: str


def fences_of(
    rules: Mapping[str, Rule], releases: Mapping[str, Release], grants: Mapping[str, Grant], live: Collection[str]
) -> dict[tuple[str, str], Fenced]:
    """By (cluster, region). `live`: clusters whose grant is in force at this moment."""
    found: dict[tuple[str, str], Fenced] = {}
    for name, rule in rules.items():
        if rule.writer is None:
            continue
        grant, release = grants.get(name), releases.get(name)
        bound = grant is not None and grant.region == rule.writer and grant.epoch >= rule.writer_epoch
        if grant is not None and bound and grant.guard and name not in live:
            because = f"its lease under epoch {grant.epoch} has run out, and guard {grant.guard} ended it before that"
            found[name, rule.writer] = Fenced("expired", grant.epoch, because)
        if release is not None and is_released(release, rule):
            because = f"released under epoch {release.epoch} by the controller beside it: {release.because}"
            found[name, rule.writer] = Fenced("released", release.epoch, because)
    return found


def is_released(release: Release, rule: Rule) -> bool:
    """Whether it tells of the server that wrote last; one that became the writer again since was not released."""
    return release.region == rule.writer and release.epoch >= rule.writer_epoch
