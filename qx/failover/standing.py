"""Who may write? The record (the store's rule, or a newer marker in the cluster itself) against those seen writing.

Every node that takes writes is one of: the lawful writer; a stale one, which the record itself rules out; or one that
no record explains. `Standing` names each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.failover.sight import facts_of, takes_writes
from qx.model.observation import PgFacts
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.failover.sight import Facts
    from qx.model.lease import Rule
    from qx.model.observation import Marker, Observation, Silence


class Standing(NamedTuple):
    """`cause` is NONE, and `because` '', when at most one node writes and that one is lawful."""

    writer: str | None  # lawful, and seen writing
    recorded: str | None
    recorded_epoch: int  # under which `recorded` was made the writer
    epoch: int  # the newest of this store that is known
    stale: tuple[str, ...]
    unexplained: tuple[str, ...]
    foreign: str  # id of the store that rules the cluster, when it is not this one
    cause: Cause
    because: str

    @property
    def writing(self) -> tuple[str, ...]:
        """Every region whose node takes writes, the lawful one first."""
        own = (self.writer,) if self.writer else ()
        return (*own, *self.unexplained, *self.stale)

    @property
    def measure(self) -> str | None:
        """The region to measure lag against: the lawful writer, else the only one that could be it."""
        return self.writer or (self.unexplained[0] if len(self.unexplained) == 1 else None)


class _Record(NamedTuple):
    writer: str | None
    epoch: int


def standing(seen: Mapping[str, Observation | Silence], rule: Rule | None, store_id: str) -> Standing:
    """`store_id` '' means that no store could be opened: then nothing is foreign, and markers are the only record."""
    answers = {region: facts for region, each in seen.items() if (facts := facts_of(each)) is not None}
    writing = {region: facts for region, facts in answers.items() if takes_writes(facts)}
    markers = [facts.marker for facts in answers.values() if facts.marker is not None]
    ruling = max(markers, key=lambda marker: marker.epoch).store_id if markers else ""
    record = _record(markers, ruling, rule, store_id)

    writer = record.writer if record.writer in writing else None
    if record.writer is None and len(writing) == 1:
        writer = next(iter(writing))
    lawful = writing.get(writer or "")
    others = {region: facts for region, facts in writing.items() if region != writer}
    stale = tuple(region for region, facts in others.items() if _is_stale(facts, ruling, record, lawful))
    unexplained = tuple(region for region in others if region not in stale)
    cause, because = _judgement(writer, record, stale, unexplained, answers)
    return Standing(
        writer=writer,
        recorded=record.writer,
        recorded_epoch=record.epoch,
        epoch=_newest_epoch(markers, rule, store_id or ruling),
        stale=stale,
        unexplained=unexplained,
        foreign=ruling if store_id and ruling != store_id else "",
        cause=cause,
        because=because,
    )


def _record(markers: list[Marker], ruling: str, rule: Rule | None, store_id: str) -> _Record:
    """The newest of the rule and its store's markers; where no rule names a writer, of the ruling store's markers."""
    record, trusted = _Record(None, 0), ruling
    if rule is not None and rule.writer is not None:
        record, trusted = _Record(rule.writer, rule.writer_epoch), store_id or ruling
    for marker in markers:
        if marker.store_id == trusted and marker.epoch > record.epoch:
            record = _Record(marker.writer, marker.epoch)
    return record


def _newest_epoch(markers: list[Marker], rule: Rule | None, store_id: str) -> int:
    of_store = [marker.epoch for marker in markers if marker.store_id == store_id]
    return max([rule.epoch if rule else 0, *of_store])


def _is_stale(facts: Facts, ruling: str, record: _Record, lawful: Facts | None) -> bool:
    """A newer timeline than the lawful writer's is a promotion that no record knows of: never stale. Beside a lawful
    writer on record any other is, its own marker (a copy) included; alone it is when its epoch is an older one.
    """
    if isinstance(facts, PgFacts) and isinstance(lawful, PgFacts):
        if facts.system_id != lawful.system_id or facts.timeline > lawful.timeline:
            return False
        if facts.timeline < lawful.timeline:
            return True
    if lawful is not None and record.epoch:
        return True
    marker = facts.marker
    epoch = marker.epoch if marker is not None and marker.store_id == ruling else 0
    return epoch < record.epoch


def _judgement(
    writer: str | None,
    record: _Record,
    stale: tuple[str, ...],
    unexplained: tuple[str, ...],
    answers: Mapping[str, Facts],
) -> tuple[Cause, str]:
    if len(unexplained) + (writer is not None) > 1:
        both = " and ".join(sorted((*unexplained, *((writer,) if writer else ()))))
        known = f"the record names {record.writer}" if record.writer else "no record says which is the writer"
        return Cause.TWO_WRITERS, f"{both} take writes; {known}"
    state = "" if writer else ", which does not" if record.writer in answers else ", which does not answer"
    if stale:
        verb = "take" if len(stale) > 1 else "takes"
        made = f"{record.writer} was made the writer under epoch {record.epoch}{state}"
        return Cause.STALE_WRITER, f"{' and '.join(sorted(stale))} {verb} writes although {made}"
    if unexplained:
        named = f"{record.writer} (epoch {record.epoch}){state}"
        return Cause.UNRECORDED_WRITER, f"{unexplained[0]} takes writes, but the writer on record is {named}"
    return Cause.NONE, ""
