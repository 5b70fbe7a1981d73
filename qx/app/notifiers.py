"""Channels of regions.yaml -> notifiers. Drivers are imported here, late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.notify import CommandChannel, EmailChannel, SlackChannel

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.notify import Channel
    from qx.ports.notifier import Notifier


def notifiers(bench: Workbench) -> dict[str, Notifier]:
    """Each channel by name; the caller closes them. Nothing is resolved or connected yet."""
    return {name: _notifier(bench, name, channel) for name, channel in bench.platform.notify.channels.items()}


def notifier(bench: Workbench, name: str) -> Notifier:
    """Raises QX-ALERT-003."""
    channels = bench.platform.notify.channels
    if name not in channels:
        hint = did_you_mean(name, channels) or "describe one under notify.channels in regions.yaml"
        raise QxError("QX-ALERT-003", f"no channel '{name}'", hint=hint)
    return _notifier(bench, name, channels[name])


def _notifier(bench: Workbench, name: str, channel: Channel) -> Notifier:
    if isinstance(channel, SlackChannel):
        from qx.adapters.notify.slack import SlackNotifier

        return SlackNotifier(name, channel, bench.secret)
    if isinstance(channel, EmailChannel):
        from qx.adapters.notify.email import EmailNotifier

        return EmailNotifier(name, channel, bench.secret)
    if isinstance(channel, CommandChannel):
        from qx.adapters.notify.command import CommandNotifier

        return CommandNotifier(name, channel)
    from qx.adapters.notify.webhook import WebhookNotifier

    return WebhookNotifier(name, channel, bench.secret)
