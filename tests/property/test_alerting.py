"""Alerting over any history of causes, parts, maintenance and acknowledgements: what is told is told once, in order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qx.failover.alerting import At, Board, Word, silenced, step
from qx.kernel.spans import Seconds
from qx.model.alert import Alert, Happening, Heard, Severity
from qx.model.lease import Maintenance
from qx.model.notify import AlertMatch, AlertRoute, CommandChannel, Notify

KEYS = ("region/us-east", "link/us-east/eu-west", "writer/trading", "split/trading", "blind")
AFTER = 10.0
CHANNELS: dict[str, Any] = {name: CommandChannel(argv=(name,)) for name in ("a", "b", "c")}


@st.composite
def causes(draw: st.DrawFn) -> list[Alert]:
    """What one look finds: some of the keys, of any severity; the region may explain the others."""
    found = []
    for key in draw(st.sets(st.sampled_from(KEYS))):
        others = st.lists(st.sampled_from(KEYS[1:3]), unique=True)
        found.append(Alert(
            key=key, severity=draw(st.sampled_from(Severity)), title=key, because="", next="", since=0.0,
            regions=draw(st.sampled_from([(), ("us-east",), ("us-east", "eu-west")])),
            clusters=draw(st.sampled_from([(), ("trading",), ("sessions", "trading")])),
            parts=tuple(draw(others)) if key == KEYS[0] else (), decision=draw(st.sampled_from(["", "veto", "act"])),
        ))  # fmt: skip
    explained = {part for alert in found for part in alert.parts}
    return [alert for alert in found if alert.key not in explained]


notifies = st.builds(
    lambda routes: Notify(after=Seconds(AFTER), channels=CHANNELS, routes=tuple(routes)),
    st.lists(st.builds(
        AlertRoute,
        match=st.builds(AlertMatch, severities=st.sampled_from([(), ("critical",), ("warning", "critical")])),
        channels=st.lists(st.sampled_from(list(CHANNELS)), min_size=1, max_size=2).map(tuple),
        escalate_after=st.sampled_from([Seconds(0), Seconds(30)]),
        then=st.sampled_from([(), ("c",)]),
    ), max_size=3),
)  # fmt: skip
windows = st.lists(st.builds(
    lambda scope, since, lasts: Maintenance(scope=scope, owner="o", reason="r", since=since, until=since + lasts),
    st.sampled_from(["*", "us-east", "trading"]), st.floats(0, 200), st.floats(0, 100),
), max_size=2).map(tuple)  # fmt: skip
looks = st.lists(st.tuples(st.sampled_from([0.5, 2.0, 5.0, 9.0, 15.0, 40.0]), causes()), max_size=25)
acks = st.dictionaries(st.sampled_from(KEYS), st.floats(0, 300), max_size=2)


def run(
    history: list[tuple[float, list[Alert]]], notify: Notify, maintenance: tuple[Maintenance, ...],
    heard: dict[str, float],
) -> list[tuple[float, set[str], tuple[Word, ...], Board]]:
    board, now, out = Board(), 0.0, []
    for gap, found in history:
        now += gap
        seen = {key: Heard(key=key, by="ann", at=at) for key, at in heard.items() if at <= now}
        board, words = step(board, found, notify, At(now, "me", maintenance, seen))
        out.append((now, {alert.key for alert in found}, words, board))
    return out


@given(looks, notifies, windows, acks)
def test_of_each_key_begin_and_end_alternate(history: Any, notify: Any, maintenance: Any, heard: Any) -> None:
    stands: set[str] = set()
    for _, _, words, board in run(history, notify, maintenance, heard):
        for word in words:
            key = word.alert.key
            assert (key in stands) is (word.happening is not Happening.FIRED)
            if word.happening is Happening.FIRED:
                stands.add(key)
            elif word.happening is Happening.RESOLVED:
                stands.remove(key)
        assert board.told.keys() == stands
        assert not board.waiting.keys() & board.told.keys()
        assert board.gone.keys() <= stands


@given(looks, notifies, windows, acks)
def test_nothing_is_told_before_it_stood_and_nothing_ends_before_it_was_gone(
    history: Any, notify: Any, maintenance: Any, heard: Any
) -> None:
    story = run(history, notify, maintenance, heard)
    for place, (now, _, words, _) in enumerate(story):
        for word in words:
            key = word.alert.key
            if word.happening is Happening.FIRED:
                since = now
                for at, seen, _, _ in reversed(story[: place + 1]):
                    if key not in seen:
                        break
                    since = at
                assert now - since >= AFTER
            if word.happening is Happening.RESOLVED and "part of" not in word.alert.because:
                last = max(at for at, seen, _, _ in story[:place] if key in seen)
                assert now - last >= AFTER


@given(looks, notifies, windows, acks)
def test_what_maintenance_covers_is_only_ever_ended(history: Any, notify: Any, maintenance: Any, heard: Any) -> None:
    for now, _, words, _ in run(history, notify, maintenance, heard):
        for word in words:
            if word.happening is not Happening.RESOLVED and silenced(word.alert, maintenance, now):
                raise AssertionError(word)


@given(looks, notifies, windows, acks)
def test_who_heard_of_it_hears_its_end_and_nobody_is_escalated_to_twice(
    history: Any, notify: Any, maintenance: Any, heard: Any
) -> None:
    told: dict[str, set[str]] = {}
    for _, _, words, _ in run(history, notify, maintenance, heard):
        for word in words:
            key = word.alert.key
            if word.happening is Happening.ESCALATED:
                assert word.to
                assert not set(word.to) & told[key]
            if word.happening is Happening.RESOLVED:
                assert set(word.to) == told.pop(key)
            else:
                told.setdefault(key, set()).update(word.to)


@given(looks, notifies, windows, acks)
def test_it_gets_better_only_after_it_was_better_for_as_long(
    history: Any, notify: Any, maintenance: Any, heard: Any
) -> None:
    last: dict[str, int] = {}
    lower: dict[str, float] = {}
    for (now, _, words, _), (_, found) in zip(run(history, notify, maintenance, heard), history, strict=True):
        ranks = {alert.key: alert.severity.rank for alert in found}
        for key in list(lower):
            if ranks.get(key, 9) >= last.get(key, 9):
                del lower[key]
        for key, rank in ranks.items():
            if rank < last.get(key, 0):
                lower.setdefault(key, now)
        for word in words:
            key, rank = word.alert.key, word.alert.severity.rank
            if word.happening is Happening.CHANGED and rank < last[key]:
                assert now - lower.pop(key) >= AFTER
            last[key] = rank
            if word.happening is Happening.RESOLVED:
                del last[key]
                lower.pop(key, None)


@given(looks, notifies, windows, acks, st.randoms())
def test_the_order_of_what_is_found_means_nothing(
    history: Any, notify: Any, maintenance: Any, heard: Any, chance: Any
) -> None:
    shuffled = [(gap, chance.sample(found, len(found))) for gap, found in history]
    assert [w for _, _, w, _ in run(history, notify, maintenance, heard)] == [
        w for _, _, w, _ in run(shuffled, notify, maintenance, heard)
    ]
