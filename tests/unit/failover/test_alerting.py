"""What is told when, to whom, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from qx.failover.alerting import At, Board, Word, step
from qx.kernel.spans import Seconds
from qx.model.alert import Alert, Happening, Heard, Severity
from qx.model.lease import Maintenance
from qx.model.notify import AlertMatch, AlertRoute, CommandChannel, Notify

T0 = 1_800_000_000.0
CHANNELS: dict[str, Any] = {name: CommandChannel(argv=(name,)) for name in ("chat", "mail", "pager", "phone")}
ROUTES = (
    AlertRoute(match=AlertMatch(severities=("critical",)), channels=("pager",), escalate_after=Seconds(600),
               then=("phone",)),
    AlertRoute(match=AlertMatch(regions=("eu-west",)), channels=("mail",)),
    AlertRoute(match=AlertMatch(clusters=("trading",), severities=("warning", "critical")), channels=("chat",)),
)  # fmt: skip
NOTIFY = Notify(after=Seconds(10), channels=CHANNELS, routes=ROUTES)


def alert(key: str = "writer/trading", severity: Severity = Severity.CRITICAL, **more: Any) -> Alert:
    made = Alert(key=key, severity=severity, title=key, because="seen", regions=("us-east",), clusters=("trading",),
                 next="qx doctor", since=T0)  # fmt: skip
    return replace(made, **more)


class Story:
    """Looks at given seconds after T0; what each of them told."""

    def __init__(self, notify: Notify = NOTIFY) -> None:
        self.board, self.notify = Board(), notify
        self.maintenance: tuple[Maintenance, ...] = ()
        self.heard: dict[str, Heard] = {}

    def look(self, second: float, *found: Alert) -> list[tuple[str, str, tuple[str, ...]]]:
        return [(word.happening.value, word.alert.key, word.to) for word in self.words(second, *found)]

    def words(self, second: float, *found: Alert) -> tuple[Word, ...]:
        at = At(T0 + second, "qx-1", self.maintenance, self.heard)
        self.board, words = step(self.board, found, self.notify, at)
        return words


def maintained(scope: str, until: float) -> Maintenance:
    return Maintenance(scope=scope, owner="ann", reason="kernel", since=T0, until=T0 + until)


def test_it_is_told_when_it_stood_long_enough_and_ended_when_it_was_gone_as_long() -> None:
    story = Story()
    assert story.look(0, alert()) == []
    assert story.look(9.9, alert()) == []
    assert story.look(10, alert()) == [("fired", "writer/trading", ("chat", "pager"))]
    assert story.look(11, alert()) == []
    assert story.look(20) == []
    assert story.look(29) == []
    [word] = story.words(30)
    assert (word.happening, word.to) == (Happening.RESOLVED, ("chat", "pager"))
    assert word.told.at == T0 + 10
    assert story.board == Board()


def test_what_flaps_is_not_told_and_what_was_told_does_not_end_by_flapping() -> None:
    story = Story()
    for second in range(0, 60, 5):
        assert story.look(second, *([alert()] if second % 10 else [])) == []
    assert story.look(60, alert()) == []
    assert story.look(65, alert()) == [("fired", "writer/trading", ("chat", "pager"))]
    for second in range(70, 120, 5):
        assert story.look(second, *([alert()] if second % 10 else [])) == []


def test_a_smaller_alert_ends_in_the_one_that_explains_it() -> None:
    story = Story()
    link = alert("link/us-east/eu-west", Severity.WARNING)
    whole = alert("region/us-east", parts=("link/us-east/eu-west",))
    story.look(0, link)
    story.look(10, link)
    assert story.look(11, whole) == []
    assert story.look(20, whole) == []  # explained, and the explanation does not stand yet: it does not end either
    words = story.words(21, whole)
    assert [(w.happening.value, w.alert.key) for w in words] == [
        ("fired", "region/us-east"), ("resolved", "link/us-east/eu-west"),
    ]  # fmt: skip
    assert "it is part of region/us-east" in words[1].alert.because


def test_nothing_ends_while_qx_sees_nothing() -> None:
    story = Story()
    story.look(0, alert())
    story.look(10, alert())
    blind = alert("blind")
    for second in range(20, 100, 10):
        assert not {key for what, key, _ in story.look(second, blind) if what == "resolved"}
    assert ("resolved", "blind", ("chat", "pager")) in [*story.look(100), *story.look(110), *story.look(111)]


def test_it_gets_worse_at_once_and_better_as_it_ends() -> None:
    story = Story()
    mild = alert(severity=Severity.WARNING)
    story.look(0, mild)
    assert story.look(10, mild) == [("fired", "writer/trading", ("chat",))]
    assert story.look(11, alert()) == [("changed", "writer/trading", ("chat", "pager"))]
    assert story.look(12, mild) == []
    assert story.look(20, alert()) == []
    assert story.look(21, mild) == []
    assert story.look(30, mild) == []
    [word] = story.words(31, mild)
    assert (word.happening, word.alert.severity, word.to) == (Happening.CHANGED, Severity.WARNING, ("chat", "pager"))
    assert story.look(2000, mild) == [], "what is no longer critical does not escalate"
    assert story.look(2001, alert()) == [("changed", "writer/trading", ("chat", "pager"))]
    assert story.look(2601, alert()) == [("escalated", "writer/trading", ("phone",))]


def test_a_decision_and_a_wider_reach_are_told_and_not_too_often() -> None:
    story = Story()
    story.look(0, alert())
    story.look(10, alert())
    veto, act = alert(decision="veto", decided_at=T0), alert(decision="act", run="r-1", decided_at=T0 + 25)
    assert story.look(15, veto) == []
    assert story.look(20, veto) == [("changed", "writer/trading", ("chat", "pager"))]
    assert story.look(25, act) == []
    assert story.look(30, act) == [("changed", "writer/trading", ("chat", "pager"))]
    wide = replace(act, clusters=("sessions", "trading"), regions=("us-east", "eu-west"))
    assert story.look(40, wide) == [("changed", "writer/trading", ("chat", "mail", "pager"))]
    assert story.look(60, alert()) == []


def test_nobody_acknowledged_it() -> None:
    story = Story()
    story.look(0, alert())
    story.look(10, alert())
    assert story.look(609, alert()) == []
    assert story.look(610, alert()) == [("escalated", "writer/trading", ("phone",))]
    assert story.look(1300, alert()) == []
    story.look(1310)
    assert story.look(1320) == [("resolved", "writer/trading", ("chat", "pager", "phone"))]


def test_somebody_did() -> None:
    story = Story()
    story.look(0, alert())
    story.look(10, alert())
    story.heard = {"writer/trading": Heard(key="writer/trading", by="ann", at=T0 + 60)}
    assert story.look(700, alert()) == []
    story.heard = {"writer/trading": Heard(key="writer/trading", by="ann", at=T0 - 60)}  # of an earlier one
    assert story.look(701, alert()) == [("escalated", "writer/trading", ("phone",))]


def test_a_warning_does_not_escalate() -> None:
    story = Story()
    mild = alert(severity=Severity.WARNING)
    story.look(0, mild)
    story.look(10, mild)
    assert story.look(10_000, mild) == []


@pytest.mark.parametrize("scope", ["*", "us-east", "trading"])
def test_maintenance_silences(scope: str) -> None:
    story = Story()
    story.maintenance = (maintained(scope, 100),)
    assert story.look(0, alert()) == []
    assert story.look(99, alert()) == []
    assert story.look(100, alert()) == [("fired", "writer/trading", ("chat", "pager"))]


def test_maintenance_of_one_cluster_does_not_silence_two() -> None:
    story = Story()
    story.maintenance = (maintained("trading", 100),)
    both = alert(clusters=("sessions", "trading"))
    story.look(0, both)
    assert len(story.look(10, both)) == 1


def test_maintenance_holds_up_an_escalation_and_not_the_end() -> None:
    story = Story()
    story.look(0, alert())
    story.look(10, alert())
    story.maintenance = (maintained("trading", 2000),)
    assert story.look(700, alert()) == []
    story.look(701)
    assert story.look(711) == [("resolved", "writer/trading", ("chat", "pager"))]


def test_a_second_writer_is_nobodys_maintenance() -> None:
    story = Story()
    story.maintenance = (maintained("*", 1000),)
    story.look(0, alert("split/trading"))
    assert len(story.look(10, alert("split/trading"))) == 1


def test_without_routes_every_channel_is_told_and_without_a_match_none() -> None:
    story = Story(Notify(after=Seconds(0), channels=CHANNELS))
    assert story.look(0, alert()) == [("fired", "writer/trading", ("chat", "mail", "pager", "phone"))]
    story = Story(Notify(after=Seconds(0), channels=CHANNELS, routes=ROUTES))
    assert story.look(0, alert(severity=Severity.INFO)) == [("fired", "writer/trading", ())]


def test_what_another_controller_told_is_not_told_again() -> None:
    one, two = Story(), Story()
    one.look(0, alert())
    two.look(0, alert())
    one.look(10, alert())
    two.board = replace(two.board, told=one.board.told)
    assert two.look(10, alert()) == []
    assert two.board.waiting == {}


def test_what_another_controller_still_finds_does_not_end() -> None:
    mine, other = Story(), Story()
    mine.look(0, alert())
    mine.look(10, alert())
    for second in range(12, 60, 2):
        board, words = step(replace(other.board, told=mine.board.told), [alert()], NOTIFY, At(T0 + second, "qx-2"))
        mine.board = replace(mine.board, told=board.told)
        assert words == ()
        assert mine.look(second) == []
    assert mine.board.told["writer/trading"].seen_by == "qx-2"
    told = [(second, word) for second in range(60, 90) for word in mine.look(second)]
    assert told == [(58 + 5 + 10, ("resolved", "writer/trading", ("chat", "pager")))]
