"""`notify` and `watch.metrics`: what is well, and every fault with its place and the way out; no secret is repeated."""

from __future__ import annotations

import pytest

from qx.config.document import veiled
from qx.model.notify import CommandChannel, EmailChannel, SlackChannel, WebhookChannel
from tests.unit.config.base import BASE, errors_of, platform_of

NOTIFY = """
notify:
  after: 5s
  contacts: {ops: "+44 20 7946 0000"}
  channels:
    pager:
      driver: webhook
      url: https://events.example.com/qx
      headers: {Authorization: "env:TOKEN"}
      secret: env:KEY
      ca_file: /etc/ssl/ca.pem
    chat: {driver: slack, url: "env:SLACK"}
    mail:
      driver: email
      host: mail.example.com
      port: 587
      tls: starttls
      user: qx
      password: env:MAIL
      from: qx@example.com
      to: [ann@example.com]
    phone: {driver: command, argv: [/bin/call, --team, trading]}
  routes:
    - match: {severities: [critical], regions: [us-east], clusters: [trading]}
      channels: [pager]
      escalate_after: 10m
      then: [phone]
    - channels: [chat, mail]
watch:
  metrics: {listen: "127.0.0.1:9480"}
"""


def faults(*changes: tuple[str, str]) -> list[str]:
    text = BASE + NOTIFY
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    found = errors_of(text)
    assert all(error.hint for error in found)
    assert "hunter2" not in "".join(f"{error}{error.hint}{error.place and error.place.text}" for error in found)
    return [f"{error.code} {error.message}" for error in found]


def test_every_driver() -> None:
    notify = platform_of(BASE + NOTIFY).notify
    kinds = (WebhookChannel, SlackChannel, EmailChannel, CommandChannel)
    assert tuple(map(type, notify.channels.values())) == kinds
    assert notify.routes[0].escalate_after == 600.0
    assert (notify.timeout, notify.give_up) == (10.0, 900.0)
    mail = notify.channels["mail"]
    assert isinstance(mail, EmailChannel)
    assert mail.sender == "qx@example.com"


def test_without_the_section_nobody_is_told_and_nothing_listens() -> None:
    platform = platform_of(BASE)
    assert (platform.notify.channels, platform.watch.metrics.listen) == ({}, "")


@pytest.mark.parametrize(("old", "new", "fault"), [
    ("url: https://events.example.com/qx", "url: https://u:hunter2@example.com", "pager.url: holds a password"),
    ("url: https://events.example.com/qx", "url: ftp://example.com", "pager.url: is not a secret reference"),
    ("url: https://events.example.com/qx", "url: https://", "pager.url: names no host"),
    ('Authorization: "env:TOKEN"', 'Authorization: "Bearer hunter2"', "Authorization: is not a secret reference"),
    ('Authorization: "env:TOKEN"', '"X Y": "env:TOKEN"', "headers.X Y: is not the name of a header"),
    ("secret: env:KEY", "secret: hunter2", "pager.secret: is not a secret reference"),
    ("ca_file: /etc/ssl/ca.pem", "ca_file: ca.pem", "pager.ca_file: is not an absolute path"),
    ('url: "env:SLACK"', 'url: "https://hooks.slack.com/hunter2"', "chat.url: is not a secret reference"),
    ('url: "env:SLACK"', 'url: ""', "chat.url: is empty"),
    ("port: 587", "port: 0", "mail.port: 0 is not a port"),
    ("host: mail.example.com", "host: smtp://mail", "mail.host: is not the name of a host"),
    ("from: qx@example.com", "from: QX <qx@example.com>", "mail.from: is not an address"),
    ("to: [ann@example.com]", "to: []", "mail.to: wants at least one address"),
    ("to: [ann@example.com]", "to: [ann]", "mail.to[0]: is not an address"),
    ("password: env:MAIL", "password: hunter2", "mail.password: is not a secret reference"),
    ("tls: starttls", "tls: none", "mail.tls: would send the password in the clear"),
    ("      user: qx\n      password: env:MAIL", "      password: env:MAIL", "mail.user: is missing"),
    ("      password: env:MAIL\n", "", "mail.password: is missing"),
    ("argv: [/bin/call, --team, trading]", "argv: []", "phone.argv: wants a program and its arguments"),
    ("after: 5s", "timeout: 0s", "notify.timeout: must be longer than 0 s"),
    ("driver: slack", "driver: slak", "chat.driver: 'slak' is not known here"),
    ("channels: [pager]", "channels: [pagre]", "routes[0].channels[0]: no channel 'pagre'"),
    ("channels: [pager]", "channels: []", "routes[0].channels: wants at least one"),
    ("then: [phone]", "then: [fone]", "routes[0].then[0]: no channel 'fone'"),
    ("      then: [phone]\n", "", "routes[0].then: is missing"),
    ("      escalate_after: 10m\n", "", "routes[0].escalate_after: is missing"),
    ("regions: [us-east]", "regions: [us-aest]", "match.regions[0]: no region 'us-aest'"),
    ("clusters: [trading]", "clusters: [tradign]", "match.clusters[0]: no cluster 'tradign'"),
    ("severities: [critical]", "severities: [fatal]", "match.severities[0]: 'fatal' is not known here"),
    ("127.0.0.1:9480", "0.0.0.0:9480", "watch.metrics.listen: '0.0.0.0' is not this machine alone"),
    ("127.0.0.1:9480", "9480", "watch.metrics.listen: "),
])  # fmt: skip
def test_what_is_wrong_is_named(old: str, new: str, fault: str) -> None:
    [found] = faults((old, new))
    assert fault in found


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    text = (BASE + NOTIFY).replace("channels: [pager]", "channels: [pagre]")
    assert [error.hint for error in errors_of(text)] == ["did you mean 'pager'?"]


@pytest.mark.parametrize(("line", "shown"), [
    ("url: https://hooks.slack.com/services/T0/B0/hunter2", "url: https://hooks.slack.com/***"),
    ("headers: {Authorization: Bearer hunter2}", "headers: {Authorization: ***"),
    ("headers: {Authorization: env:TOKEN}", "headers: {Authorization: env:TOKEN}"),
])  # fmt: skip
def test_a_source_line_shows_no_secret(line: str, shown: str) -> None:
    assert veiled(line) == shown
