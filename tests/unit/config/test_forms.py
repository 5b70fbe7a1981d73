"""The grammars of small values: references, URLs, addresses; and a machine without time zones."""

from __future__ import annotations

import zoneinfo
from typing import NoReturn

import pytest

from qx.config.address import parse_host_port, parse_url
from qx.config.reference import command, parse_reference
from tests.unit.config.base import BASE, but, errors_of


@pytest.mark.parametrize("text", [
    "env:PG_PASSWORD", "file:/run/secrets/pg", "cmd:pass show qx/pg", "keyring:qx/admin", "keyring:qx/a/b",
])  # fmt: skip
def test_a_reference_says_itself(text: str) -> None:
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize("text", [
    "hunter2", "hunter2:x", "env:", "env:hunter-2", "env:2hunter", "file:", "file:hunter2", "file:~/hunter2", "cmd:",
    "cmd:  ", "cmd:'hunter2", "keyring:hunter2", "keyring:/hunter2", "keyring:hunter2/", "vault:hunter2", "",
])  # fmt: skip
def test_what_is_no_reference_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?!.*hunter)(?!.*vault)") as caught:
        parse_reference(text)
    assert "hunter" not in str(caught.value)
    assert "vault" not in str(caught.value)


def test_a_command_is_split_without_a_shell() -> None:
    assert command("vault kv get -field='pass word' $HOME") == ["vault", "kv", "get", "-field=pass word", "$HOME"]


@pytest.mark.parametrize(("url", "socket"), [
    ("postgresql://qx@DB.Example:6432/x", ("db.example", 6432)),
    ("postgres://db", ("db", 5432)),
    ("rediss://cache/0", ("cache", 6379)),
    ("https://api.example/health?x=1", ("api.example", 443)),
    ("http://[::1]:8080", ("127.0.0.1", 8080)),
    ("tcp://[2001:db8::1]:1883", ("2001:db8::1", 1883)),
    ("tcp://localhost:1", ("127.0.0.1", 1)),
])  # fmt: skip
def test_a_url_names_one_socket(url: str, socket: tuple[str, int]) -> None:
    assert parse_url(url).socket == socket


@pytest.mark.parametrize(("url", "why"), [
    ("db:5432", "not a URL"), ("", "not a URL"), ("postgresql://", "no host"), ("redis://:6379", "no host"),
    ("postgresql://a,b/x", "several hosts"), ("postgresql://db:x/y", "a port that is not a number"),
    ("tcp://db", "wants a port"), ("tcp://db:0", "wants a port"), ("tcp://db:65536", "a port that is not a number"),
    ("postgresql://d b/x", "a space"), ("postgresql://[::1/x", "brackets"), ("postgresql://[x]/y", "brackets"),
])  # fmt: skip
def test_what_is_no_url(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_url(url)


@pytest.mark.parametrize("url", [
    "postgresql://u:hunter2@db/x", "postgresql://u:@db/x", "postgresql://db/x?password=hunter2", "redis://:hunter2@db",
    "postgresql://db/x?sslmode=verify-full&sslpassword=hunter2", "redis://db/0?PASSWORD=",
])  # fmt: skip
def test_a_password_in_a_url_is_noticed(url: str) -> None:
    assert parse_url(url).password


@pytest.mark.parametrize("text", ["db", "db:", "db:0", "tcp://db:1", "u@db:1", "db:1/x", ":1", "[::1]", ""])
def test_what_is_no_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match=r"wants|names|has"):
        parse_host_port(text)


def test_host_and_port() -> None:
    assert parse_host_port("DB.example:1").socket == ("db.example", 1)
    assert parse_host_port("[::1]:1").socket == ("127.0.0.1", 1)


def test_a_machine_without_time_zones_cannot_say_that_one_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> NoReturn:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", nothing)
    assert errors_of(BASE) == []
    assert errors_of(but(("America/New_York", "America/New_Yrok"))) == []


@pytest.mark.parametrize("zone", ["America", "../../etc/passwd", "/etc/localtime", "''"])
def test_what_is_no_time_zone(zone: str) -> None:
    (error,) = errors_of(but(("America/New_York", zone)))
    assert error.hint.startswith(("use a name", "did you mean"))
