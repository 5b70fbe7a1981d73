"""Alerting: what was told, and what is found now -> what to tell, to whom. A fold over looks, pure.

Invariants: nothing is told before it stood for `notify.after` without a break, nothing is over before it was gone for
as long; of one key there is one alert, told once and ended once; what maintenance covers is not told, nor does it
escalate; a second writer is nobody's maintenance. While qx sees nothing, nothing ends; nor does it while another
controller still finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from qx.failover.troubles import BLIND
from qx.model.alert import Alert, Happening, Severity, Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qx.model.alert import Heard
    from qx.model.lease import Maintenance
    from qx.model.notify import AlertRoute, Notify

SIGHTING_S = 5.0  # how often it is noted that an alert which was told is still found


class Board(Struct, frozen=True):
    """What is remembered from look to look, by key. Of these only `told` is shared with other controllers."""

    waiting: dict[str, Alert] = {}  # found, and not told yet
    told: dict[str, Told] = {}
    gone: dict[str, float] = {}  # told, and since when it is no longer found
    eased: dict[str, float] = {}  # told, and since when it is found, but less severe


class Word(NamedTuple):
    """Something to tell: `told` is what stands from now on (of RESOLVED: what stood), `to` the channels."""

    happening: Happening
    alert: Alert
    told: Told
    to: tuple[str, ...]


class At(NamedTuple):
    """The circumstances of one step. `now` in Unix seconds; `me`: this controller; `heard` by the alert's key."""

    now: float
    me: str
    maintenance: tuple[Maintenance, ...] = ()
    heard: Mapping[str, Heard] = {}


def step(board: Board, found: Iterable[Alert], notify: Notify, at: At) -> tuple[Board, tuple[Word, ...]]:
    """The board after one look, and what is to be told because of it, most serious first."""
    seen = {alert.key: alert for alert in found}
    words: list[Word] = []
    told, gone, waiting = dict(board.told), dict(board.gone), dict[str, Alert]()
    eased = {key: board.eased.get(key, at.now) for key, alert in seen.items() if _is_less(alert, told.get(key))}
    for key, alert in seen.items():
        gone.pop(key, None)
        if key in told:
            word = _again(alert, told[key], eased.get(key), notify, at)
        else:
            since = board.waiting[key].since if key in board.waiting else at.now
            alert = replace(alert, since=min(since, at.now))
            waiting[key] = alert
            word = _first(alert, notify, at)
        if word is not None:
            words.append(word)
            told[key] = word.told
            waiting.pop(key, None)
            eased.pop(key, None)
        elif key in told and key not in eased and at.now - told[key].seen_at >= SIGHTING_S:
            told[key] = _seen(told[key], at)
    parts = {part: alert for alert in seen.values() for part in alert.parts}
    for key in told.keys() - seen.keys():
        whole = parts.get(key)
        if BLIND in seen or (whole is not None and whole.key not in told):
            gone.pop(key, None)
        elif whole is not None or at.now - _gone_since(told[key], gone.setdefault(key, at.now), at) >= notify.after:
            words.append(_over(told.pop(key), whole))
            gone.pop(key, None)
    words.sort(key=lambda word: (-word.alert.severity.rank, word.alert.key))
    return Board(waiting, told, {key: since for key, since in gone.items() if key in told}, eased), tuple(words)


def channels_for(alert: Alert, notify: Notify) -> tuple[str, ...]:
    """Every channel that the routes give the alert, in the order of the file."""
    if not notify.routes:
        return tuple(notify.channels)
    return _ordered(notify, (name for route in notify.routes if matches(route, alert) for name in route.channels))


def matches(route: AlertRoute, alert: Alert) -> bool:
    match = route.match
    return (
        (not match.severities or alert.severity.value in match.severities)
        and (not match.regions or not set(match.regions).isdisjoint(alert.regions))
        and (not match.clusters or not set(match.clusters).isdisjoint(alert.clusters))
    )


def silenced(alert: Alert, maintenance: Iterable[Maintenance], now: float) -> Maintenance | None:
    """The maintenance that covers the alert: everything, one of its regions, or each of its clusters."""
    if alert.key.startswith("split/"):
        return None
    windows = {window.scope: window for window in maintenance if window.since <= now < window.until}
    for scope in ("*", *alert.regions):
        if scope in windows:
            return windows[scope]
    if alert.clusters and windows.keys() >= set(alert.clusters):
        return windows[alert.clusters[0]]
    return None


def _is_less(alert: Alert, told: Told | None) -> bool:
    return told is not None and alert.severity.rank < told.alert.severity.rank


def _gone_since(told: Told, mine: float, at: At) -> float:
    """What another controller found lately is not gone (nor eased), although this one does not find it (so severe)."""
    return mine if told.seen_by == at.me else max(mine, told.seen_at + SIGHTING_S)


def _first(alert: Alert, notify: Notify, at: At) -> Word | None:
    if at.now - alert.since < notify.after or silenced(alert, at.maintenance, at.now):
        return None
    to = channels_for(alert, notify)
    critical = at.now if alert.severity is Severity.CRITICAL else None
    told = Told(alert=alert, at=at.now, by=at.me, channels=to, changed_at=at.now, critical_at=critical,
                seen_at=at.now, seen_by=at.me)  # fmt: skip
    return Word(Happening.FIRED, alert, told, to)


def _again(alert: Alert, told: Told, eased: float | None, notify: Notify, at: At) -> Word | None:
    """What there is to say of an alert that was told and stands. It gets worse at once, and better as it ends."""
    if silenced(alert, at.maintenance, at.now):
        return None
    worse = alert.severity.rank > told.alert.severity.rank
    better = eased is not None and at.now - _gone_since(told, eased, at) >= notify.after
    severity = alert.severity if worse or better else told.alert.severity
    alert = replace(alert, since=told.alert.since, severity=severity)
    if worse or better or (_differs(alert, told.alert) and at.now - told.changed_at >= notify.after):
        to = _ordered(notify, {*told.channels, *channels_for(alert, notify)})
        critical = (told.critical_at or at.now) if severity is Severity.CRITICAL else None
        after = _seen(replace(told, alert=alert, channels=to, changed_at=at.now, critical_at=critical), at)
        return Word(Happening.CHANGED, alert, after, to)
    return _escalation(alert, told, notify, at)


def _seen(told: Told, at: At) -> Told:
    return replace(told, seen_at=at.now, seen_by=at.me)


def _differs(alert: Alert, before: Alert) -> bool:
    """Whether a person would want to hear of it again: it reaches further, or the daemon decided something."""
    wider = not (set(alert.regions) <= set(before.regions) and set(alert.clusters) <= set(before.clusters))
    decided = alert.decided_at > before.decided_at and _decision(alert) != _decision(before)
    return wider or decided


def _decision(alert: Alert) -> tuple[str, str, str]:
    """What waits for a person is told again under each new plan."""
    return alert.decision, alert.run, alert.next if alert.decision == "asks" else ""


def _escalation(alert: Alert, told: Told, notify: Notify, at: At) -> Word | None:
    heard = at.heard.get(alert.key)
    if told.critical_at is None or (heard is not None and heard.at >= told.at):
        return None
    stood = at.now - told.critical_at
    late = [route for route in notify.routes if route.then and stood >= route.escalate_after and matches(route, alert)]
    to = _ordered(notify, {name for route in late for name in route.then} - set(told.channels))
    if not to:
        return None
    after = _seen(replace(told, alert=alert, channels=_ordered(notify, {*told.channels, *to})), at)
    return Word(Happening.ESCALATED, alert, after, to)


def _over(told: Told, whole: Alert | None) -> Word:
    """`whole`: the alert that explains this one from now on."""
    because = f"it is part of {whole.key}: {whole.title}" if whole else "it is no longer found"
    return Word(Happening.RESOLVED, replace(told.alert, because=because, next=""), told, told.channels)


def _ordered(notify: Notify, names: Iterable[str]) -> tuple[str, ...]:
    wanted = set(names)
    return tuple(name for name in notify.channels if name in wanted)
