"""What regions.yaml says of being told: channels, who is told what through which of them, and when somebody else is.

Every secret (a header, a password, an address that is one) is a reference, resolved when a message is sent.
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from qx.kernel.spans import Seconds
from qx.model.file import File


class WebhookChannel(File, frozen=True, kw_only=True, tag="webhook", tag_field="driver"):
    """POSTs the document `qx.notice/1`; any answer of 200 to 299 is a receipt."""

    url: str  # http:// or https://, or a reference where the address itself is secret
    headers: dict[str, str] = field(default_factory=dict)  # name -> a reference to its value
    secret: str = ""  # a reference: signs the body (HMAC-SHA256) in X-Qx-Signature
    ca_file: str = ""  # certificates to trust; empty: the system's


class SlackChannel(File, frozen=True, kw_only=True, tag="slack", tag_field="driver"):
    """An incoming webhook of Slack, or of what takes the same messages (Mattermost, Rocket.Chat)."""

    url: str  # a reference: whoever knows the address can post
    ca_file: str = ""  # certificates to trust; empty: the system's


class EmailChannel(File, frozen=True, kw_only=True, tag="email", tag_field="driver"):
    host: str  # the mail server that takes it
    port: int = 587  # its port
    tls: Literal["starttls", "implicit", "none"] = "starttls"  # required, never merely tried
    user: str = ""  # empty: no login
    password: str = ""  # a reference
    sender: str = field(name="from")  # address
    to: tuple[str, ...]  # addresses
    ca_file: str = ""  # certificates to trust; empty: the system's


class CommandChannel(File, frozen=True, kw_only=True, tag="command", tag_field="driver"):
    """A program, without a shell: the document `qx.notice/1` on its stdin; exit 0 is a receipt."""

    argv: tuple[str, ...]  # the program and its arguments


Channel = WebhookChannel | SlackChannel | EmailChannel | CommandChannel


class AlertMatch(File, frozen=True, kw_only=True):
    """Which alerts; what is left out matches all."""

    severities: tuple[Literal["info", "warning", "critical"], ...] = ()  # one of them
    regions: tuple[str, ...] = ()  # the alert concerns one of them
    clusters: tuple[str, ...] = ()  # the alert concerns one of them


class AlertRoute(File, frozen=True, kw_only=True):
    """Every route that matches an alert adds its channels."""

    match: AlertMatch = AlertMatch()  # which alerts
    channels: tuple[str, ...]  # told when it begins, changes and ends
    escalate_after: Seconds = Seconds(0)  # a critical alert that nobody acknowledged for so long; 0s: never
    then: tuple[str, ...] = ()  # goes to these too


class Notify(File, frozen=True, kw_only=True):
    """Who is told what the daemon sees. Without routes every channel is told everything."""

    after: Seconds = Seconds(10)  # a cause must stand for so long before it is told, and be gone for so long to be over
    timeout: Seconds = Seconds(10)  # one attempt at one channel takes no longer
    give_up: Seconds = Seconds(900)  # a message that could not be delivered for so long is kept and reported
    channels: dict[str, Channel] = field(default_factory=dict)  # ways out
    routes: tuple[AlertRoute, ...] = ()  # who is told what
    contacts: dict[str, str] = field(default_factory=dict)  # name -> how to reach: told with every notice
