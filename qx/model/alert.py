"""Alert: one cause, what it takes down, and the command that helps. Told, Notice: what was said of it, and to whom.

An alert's key names the cause and stays the same for as long as it is the same trouble; everything else about it may
change from look to look. No field holds a secret.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct


class Severity(StrEnum):
    INFO = "info"  # worth knowing
    WARNING = "warning"  # something is wrong, clients still write
    CRITICAL = "critical"  # clients cannot write, two servers may, or a hard limit of risk is broken

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Alert(Struct, frozen=True, kw_only=True):
    """`since`: when it was first found, in Unix seconds."""

    key: str  # names the cause: `region/us-east`, `writer/trading`, `link/us-east/eu-west`, `risk/PORTFOLIO`
    severity: Severity  # how bad it is
    title: str  # one line
    because: str  # what was seen
    regions: tuple[str, ...]  # where it is, and where it is felt
    clusters: tuple[str, ...]  # that it concerns
    next: str  # the command that helps, or ''
    since: float  # when it was first found
    parts: tuple[str, ...] = ()  # keys of alerts that there would be if this cause did not explain them
    decision: str = ""  # what the daemon makes of it: act, asks, would-act, veto, blocked, ended; or ''
    decided_at: float = 0.0  # when it decided so
    run: str = ""  # that acts on it


class Told(Struct, frozen=True, kw_only=True):
    """An alert that stands, as it was last told. Key: the alert's. All controllers of one store see it."""

    KIND: ClassVar[str] = "alert"
    alert: Alert  # as it was last told
    at: float  # when it was first told
    by: str  # the controller that told it
    channels: tuple[str, ...]  # that were told
    changed_at: float  # when it was last told
    seen_at: float  # when a controller last found it so severe, to a few seconds
    seen_by: str  # which
    critical_at: float | None = None  # since when it is critical


class Heard(Struct, frozen=True, kw_only=True):
    """A person has seen the alert: it does not escalate any more. Key: the alert's."""

    KIND: ClassVar[str] = "alert-ack"
    key: str  # the alert's
    by: str  # who
    at: float  # when
    reason: str = ""  # said with it


class Happening(StrEnum):
    FIRED = "fired"
    CHANGED = "changed"  # it got worse or better, reaches further, or the daemon decided something
    ESCALATED = "escalated"  # nobody acknowledged it
    RESOLVED = "resolved"
    TEST = "test"  # `qx alerts test`


class Notice(Struct, frozen=True, kw_only=True):
    """One message: what happened to which alert. `id` is the same in every attempt to deliver it."""

    id: str  # the same in every attempt
    happening: Happening  # what happened to the alert
    at: float  # when
    platform: str  # whose
    alert: Alert  # as it is now
    lasted_s: float | None = None  # of one that is resolved
    contacts: dict[str, str] = {}  # whom to reach how: notify.contacts


class Delivery(Struct, frozen=True, kw_only=True):
    """A notice on its way through one channel. Key: notice/channel. It is gone when the channel took it."""

    KIND: ClassVar[str] = "delivery"
    KEPT_S: ClassVar[float] = 7 * 86400.0
    notice: Notice  # the message
    channel: str  # through which
    by: str  # the controller that sends it
    attempts: int = 0  # so far
    error: str = ""  # of the last one
    gave_up: bool = False  # nobody tries any more

    @property
    def key(self) -> str:
        return f"{self.notice.id}/{self.channel}"
