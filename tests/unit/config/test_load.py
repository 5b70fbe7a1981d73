"""A file on disk -> Platform, or everything that is wrong with it, in order, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.config import diagnose
from qx.config.load import MAX_BYTES, load, load_marked
from qx.kernel.errors import Problems
from qx.kernel.spans import Bytes, Seconds
from qx.model.platform import CommandControl, FileRoute, LocalControl
from tests.unit.config.base import BASE, but, errors_of, platform_of


def test_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "regions.yaml"
    path.write_text(BASE)
    platform, document = load_marked(path)
    assert load(path) == platform
    assert document.file == str(path)
    trading = platform.clusters["trading"]
    assert (trading.objectives.rpo, trading.objectives.rpo_bytes) == (Seconds(5), Bytes(65536))
    assert type(trading.objectives.write_outage) is Seconds
    assert trading.objectives.write_outage == Seconds(90)
    assert isinstance(trading.nodes["us-east"].control, LocalControl)
    assert trading.nodes["us-east"].password == "env:TRADING_PASSWORD"
    control = trading.nodes["eu-west"].control
    assert isinstance(control, CommandControl)
    assert control.argv[-1] == "{verb}"
    assert isinstance(trading.routes[0], FileRoute)
    assert platform.approvals[0].granted == "2026-01-15"
    assert list(platform.regions) == ["us-east", "eu-west", "bahrain"]


@pytest.mark.parametrize("content", [None, b"x" * (MAX_BYTES + 1)])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "regions.yaml"
    if content:
        path.write_bytes(content)
    with pytest.raises(Problems) as caught:
        load(path)
    assert caught.value.code == "QX-CFG-001"
    assert str(path) in caught.value.message


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Problems, match="Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "# all of it commented out\n", "null\n", "[]\n", "word\n", "3\n"])
def test_what_is_no_mapping_at_all(text: str) -> None:
    (error,) = errors_of(text)
    assert error.code == "QX-CFG-004"
    assert error.message.startswith("the file: wants a mapping")
    assert error.place is not None
    assert error.place.line == 1


def test_all_errors_at_once_in_the_order_of_their_places() -> None:
    errors = errors_of(but(
        ("platform: demo", "platform: Demo!"),
        ("    aliases: [dublin]", "    aliases: [virginia]\n    aliases: [x]"),
        ("kind: redis", "kind: reddis"),
        ("rpo: 5s", "rpo: soon"),
        ("verdict: allowed", "verdict: maybe"),
        ("expires: 2027-01-15", "expires: tomorrow"),
    ))  # fmt: skip
    assert [(error.code, error.place and error.place.line) for error in errors] == [
        ("QX-CFG-004", 2), ("QX-CFG-008", 14), ("QX-CFG-007", 15), ("QX-CFG-004", 24), ("QX-CFG-004", 51),
        ("QX-CFG-004", 59), ("QX-CFG-004", 69),
    ]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [
    ("    kind: redis\n", "    kind: 5\n"),  # nothing about the scheme of its nodes or its sentinels
    ("regions:\n", "regoins:\n"),  # nothing about the names that are now unknown
    ("    nodes:\n      us-east: {url", "    ndoes:\n      us-east: {url"),  # nothing about a home without a node
    ("    sentinels: [cache1.example:26379]", "    sentinels: 7"),  # nothing about a name without sentinels
    ("    granted: 2026-01-15", "    granted: 2026"),  # nothing about the order of dates
    ("  lag_critical: 1m", "  lag_critical: x"),
])  # fmt: skip
def test_what_rests_on_a_broken_value_is_not_told_as_well(old: str, new: str) -> None:
    assert len(errors_of(but((old, new)))) == 1


def test_a_misspelt_key_is_one_error_and_its_content_is_judged() -> None:
    nodes = ("    nodes:\n      us-east:\n", "    ndoes:\n      us-east:\n")
    errors = errors_of(but(nodes, ("priority: 100", "priority: x")))
    assert [error.code for error in errors] == ["QX-CFG-003", "QX-CFG-004"]
    assert errors[1].message == "clusters.trading.ndoes.us-east.priority: wants a whole number, has text"


def test_a_fault_behind_an_alias_is_told_once() -> None:
    errors = errors_of(but(
        ("objectives: {rpo_bytes", "objectives: &tight {rpo_byte"),
        ("    data_classes: [session]", "    data_classes: [session]\n    objectives: *tight"),
    ))  # fmt: skip
    assert [(error.code, error.place and error.place.line) for error in errors] == [("QX-CFG-003", 23)]


@pytest.mark.parametrize(("old", "new", "message"), [
    ('{url: "redis://cache1.example:6379/0"}', '{url: "redis://cache1", control: ssh}', "has text"),
    ("driver: local", "driver: [local]", "wants a name, has a list"),
    ("      - driver: file\n        path: /var/lib/qx/trading.dsn", "      - ~", "is empty"),
])  # fmt: skip
def test_what_is_no_member_of_a_union(old: str, new: str, message: str) -> None:
    (error,) = errors_of(but((old, new)))
    assert error.code == "QX-CFG-004"
    assert error.message.endswith(message)


def test_what_the_decoder_alone_refuses_is_told_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "diagnose", lambda tree, _: diagnose.Diagnosis(tree, [], []))
    (error,) = errors_of(but(("priority: 100", "priority: high")))
    assert (error.code, error.place and error.place.line) == ("QX-CFG-004", 1)
    assert "$.clusters[...].nodes[...].priority" in error.message


def test_names_are_compared_as_an_operator_speaks_them() -> None:
    assert errors_of(but(("aliases: [virginia, us]", "aliases: [US East, us_east]"))) == []
    assert len(errors_of(but(("aliases: [dublin]", "aliases: [us east]")))) == 1


def test_localhost_has_one_address_under_three_names() -> None:
    first = ("qx@db1.example:5432", "qx@localhost:5432")
    (error,) = errors_of(but(first, ("qx@db2.example/", "qx@[::1]/")))
    assert error.code == "QX-CFG-008"
    assert errors_of(but(first, ("qx@db2.example/", "qx@127.0.0.1:5433/"))) == []


def test_numbers_are_durations_and_sizes_too() -> None:
    platform = platform_of(but(("{rpo_bytes: 64KiB, rpo: 5s,", "{rpo_bytes: 1024, rpo: 0.5,")))
    objectives = platform.clusters["trading"].objectives
    assert (objectives.rpo_bytes, objectives.rpo) == (Bytes(1024), Seconds(0.5))


@pytest.mark.parametrize("value", [".inf", "-1", "1e400", "9" * 50, f"{'9' * 400}s", "[1]", "true", "~", "{}", "''"])
@pytest.mark.parametrize(("key", "now"), [("rpo_bytes", "64KiB"), ("rpo", "5s")])
def test_what_is_no_duration_or_size(key: str, now: str, value: str) -> None:
    (error,) = errors_of(but((f"{key}: {now},", f"{key}: {value},")))
    assert error.code == "QX-CFG-004"
