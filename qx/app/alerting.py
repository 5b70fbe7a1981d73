"""Alerting: what the daemon sees, told to people. Reads and claims alerts in the store, sends through the outbox.

An alert is claimed in the store before it is sent, so that of several controllers one tells it. A store that does not
answer is no reason to be silent: then it is told, perhaps twice. Never raises because of a channel or the store, and
never waits for a channel.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

import msgspec

from qx.app.notifiers import notifiers
from qx.app.outbox import Outbox
from qx.failover.alerting import At, Board, step
from qx.failover.risk_alert import risk_alerts
from qx.failover.troubles import alerts_of
from qx.kernel.errors import QxError, Refused
from qx.kernel.ids import sortable_id
from qx.kernel.text import did_you_mean
from qx.model.alert import Delivery, Happening, Heard, Notice, Told
from qx.model.risk_limits import RiskStanding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qx.app.workbench import Workbench
    from qx.failover.alerting import Word
    from qx.model.lease import Maintenance, Record
    from qx.model.standing import Decided
    from qx.model.topology import Topology
    from qx.ports.notifier import Notifier
    from qx.ports.store import Store

T = TypeVar("T", Told, Heard, Delivery, RiskStanding)
CLOSING_S = 2.0
TAKEN = "QX-STORE-008"


class Alerting:
    """One per daemon. `me` tells controllers of one store apart; `ways`: other notifiers than those of regions.yaml."""

    def __init__(self, bench: Workbench, me: str = "", ways: Mapping[str, Notifier] | None = None) -> None:
        self._bench, self._notify = bench, bench.platform.notify
        self._me = me or bench.observer
        self._board = Board()
        self._limits: tuple[RiskStanding, ...] = ()  # as they were read last: a silent store ends no alert
        self._owed: set[str] = set()  # told while the store did not answer
        self._troubles: deque[str] = deque(maxlen=20)
        made = notifiers(bench) if ways is None else ways
        self.outbox = Outbox(made, self._notify, bench.clock, self)
        self._resumed = False

    @property
    def told(self) -> tuple[Told, ...]:
        """Alerts that stand and were told, by key."""
        return tuple(told for _, told in sorted(self._board.told.items()))

    async def consider(self, topology: Topology, decided: Iterable[Decided], now: float) -> tuple[str, ...]:
        """One look. What could not be done because of the store, in sentences; () when all is well. Sending goes on
        after it has returned.
        """
        store = self._store()
        revisions: dict[str, int] = {}
        heard: dict[str, Heard] = {}
        maintenance: tuple[Maintenance, ...] = ()
        if store is not None:
            try:
                if not self._resumed:
                    self._resume(store)
                still = await self._bench.apart(self._bench.still, (Told.KIND, Heard.KIND, RiskStanding.KIND))
                records = still.records(Told.KIND)
                heard = {record.key: _read(record, Heard) for record in still.records(Heard.KIND)}
                self._limits = tuple(_read(record, RiskStanding) for record in still.records(RiskStanding.KIND))
                maintenance = still.maintenance(now)
                revisions = {record.key: record.revision for record in records}
                mine = {key: told for key, told in self._board.told.items() if key in self._owed}
                told = mine | {record.key: _read(record, Told) for record in records}
                self._board = msgspec.structs.replace(self._board, told=told)
            except QxError as error:
                self._complain(error)
                store = None
        found = (*alerts_of(self._bench.platform, topology, decided, now), *risk_alerts(self._limits))
        before = self._board
        self._board, words = step(before, found, self._notify, At(now, self._me, maintenance, heard))
        for word in words:
            if store is None or self._claim(store, word, revisions):
                self._tell(word, now)
            if store is None:
                self._owed.add(word.alert.key)
        if store is not None:
            self._sight(store, before, {word.alert.key for word in words}, revisions)
        troubles = tuple(self._troubles)
        self._troubles.clear()
        return troubles

    async def close(self) -> None:
        """Lets what is under way go on for a moment; the rest is sent by the next start."""
        await self.outbox.close(CLOSING_S)

    # -- the outbox's keeping
    def keep(self, delivery: Delivery) -> None:
        if delivery.gave_up:
            lost = f"'{delivery.notice.alert.title}' ({delivery.notice.happening})"
            self._troubles.append(f"{lost} could not be delivered: {delivery.error}")
        try:
            value = msgspec.to_builtins(delivery)
            self._bench.store.put(Delivery.KIND, delivery.key, value, ttl=Delivery.KEPT_S)
        except QxError as error:
            self._complain(error)

    def settle(self, delivery: Delivery) -> None:
        try:
            self._bench.store.drop(Delivery.KIND, delivery.key)
        except QxError as error:
            self._complain(error)

    # -- within
    def _store(self) -> Store | None:
        try:
            return self._bench.store
        except QxError as error:
            self._complain(error)
            return None

    def _resume(self, store: Store) -> None:
        """What this controller owed when it ended last."""
        for record in store.records(Delivery.KIND):
            delivery = _read(record, Delivery)
            if delivery.by == self._me and not delivery.gave_up:
                self.outbox.send(delivery)
        self._resumed = True

    def _claim(self, store: Store, word: Word, revisions: Mapping[str, int]) -> bool:
        """Whether it is for this controller to tell; another one may have been faster."""
        key = word.alert.key
        expect = revisions.get(key, 0)
        try:
            if word.happening is Happening.RESOLVED:
                if expect:
                    store.drop(Told.KIND, key, expect=expect)
                store.drop(Heard.KIND, key)
            else:
                store.put(Told.KIND, key, msgspec.to_builtins(word.told), expect=expect)
        except Refused as refusal:
            if refusal.code == TAKEN:
                return False
            self._complain(refusal)
        except QxError as error:
            self._complain(error)
            self._owed.add(key)
            return True
        self._owed.discard(key)
        return True

    def _sight(self, store: Store, before: Board, worded: set[str], revisions: Mapping[str, int]) -> None:
        """Notes what is still found, for other controllers; what was told without the store is put there now."""
        for key, told in self._board.told.items():
            if key in worded or (told == before.told.get(key) and key not in self._owed):
                continue
            try:
                store.put(Told.KIND, key, msgspec.to_builtins(told), expect=revisions.get(key, 0))
            except QxError as error:
                if error.code != TAKEN:
                    self._complain(error)
                    continue
            self._owed.discard(key)
        self._owed &= self._board.told.keys()

    def _tell(self, word: Word, now: float) -> None:
        lasted = now - word.told.alert.since if word.happening is Happening.RESOLVED else None
        notice = Notice(
            id=sortable_id(now, self._bench.clock.noise()), happening=word.happening, at=now,
            platform=self._bench.platform.platform, alert=word.alert, lasted_s=lasted,
            contacts=self._notify.contacts,
        )  # fmt: skip
        for channel in word.to:
            self.outbox.send(Delivery(notice=notice, channel=channel, by=self._me))

    def _complain(self, error: QxError) -> None:
        self._troubles.append(f"{error.message}: alerts are told without a record ({error.code})")


def _read(record: Record, kind: type[T]) -> T:
    return msgspec.convert(record.value, kind)


def undelivered(store: Store) -> tuple[Delivery, ...]:
    """Notices that no channel has taken yet, those that were given up included."""
    return tuple(_read(record, Delivery) for record in store.records(Delivery.KIND))


def standing(store: Store) -> tuple[tuple[Told, Heard | None], ...]:
    """Alerts that stand, and who acknowledged them."""
    heard = {record.key: _read(record, Heard) for record in store.records(Heard.KIND)}
    told = (_read(record, Told) for record in store.records(Told.KIND))
    return tuple((each, _of(heard.get(each.alert.key), each)) for each in told)


def acknowledge(store: Store, key: str, by: str, at: float, reason: str) -> Heard:
    """Raises QX-ALERT-004."""
    known = [record.key for record in store.records(Told.KIND)]
    if key not in known:
        raise QxError("QX-ALERT-004", f"no alert '{key}' stands", hint=did_you_mean(key, known))
    heard = Heard(key=key, by=by, at=at, reason=reason)
    store.put(Heard.KIND, key, msgspec.to_builtins(heard))
    return heard


def _of(heard: Heard | None, told: Told) -> Heard | None:
    return heard if heard is not None and heard.at >= told.at else None
