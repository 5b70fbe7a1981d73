"""`qx alerts list|ack|test`: over a store that a daemon wrote, and through a real program and a real HTTP site."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.model.alert import Alert, Delivery, Happening, Notice, Severity, Told
from tests.contract.receivers import http_site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx, Result

T0 = 1_700_000_000.0
ALERT = Alert(
    key="region/us-east", severity=Severity.CRITICAL, title="region us-east does not answer", because="refused",
    regions=("us-east",), clusters=("trading",), next="qx failover --to eu-west --from us-east --dry-run", since=T0,
)  # fmt: skip
TOLD = Told(alert=ALERT, at=T0, by="qx-1", channels=("phone",), changed_at=T0, seen_at=T0, seen_by="qx-1")
NOTICE = Notice(id="n-1", happening=Happening.FIRED, at=T0, platform="main", alert=ALERT)


class Desk:
    """A regions.yaml with two channels, its store, and `qx` called with both."""

    def __init__(self, qx: Qx, directory: Path, url: str = "http://127.0.0.1:9/") -> None:
        self._qx, self.directory = qx, directory
        self.letter = directory / "letter"
        write = f"import sys; open({str(self.letter)!r}, 'w').write(sys.stdin.read())"
        document = {
            "version": 1, "platform": "main", "regions": {"us-east": {"title": "US", "jurisdictions": ["US"]}},
            "clusters": {}, "store": {"path": str(directory / "main.db")},
            "notify": {"channels": {
                "phone": {"driver": "command", "argv": [sys.executable, "-c", write]},
                "pager": {"driver": "webhook", "url": url, "headers": {"Authorization": "env:TOKEN"}},
            }},
        }  # fmt: skip
        (directory / "regions.yaml").write_text(json.dumps(document))

    def __call__(self, *argv: str) -> Result:
        return self._qx(*argv, env={"QX_CONFIG": str(self.directory / "regions.yaml"), "TOKEN": "hunter2"})

    def told(self) -> None:
        with SqliteStore(self.directory / "main.db") as store:
            store.put(Told.KIND, ALERT.key, msgspec.to_builtins(TOLD))
            lost = Delivery(notice=NOTICE, channel="pager", by="qx-1", error="it answered 500", gave_up=True)
            store.put(Delivery.KIND, lost.key, msgspec.to_builtins(lost))


@pytest.fixture
def desk(qx: Qx, tmp_path: Path) -> Desk:
    return Desk(qx, tmp_path)


def test_nothing_stands(desk: Desk) -> None:
    assert desk("alerts", "list").out.splitlines()[1:] == ["no alert stands"]


def test_the_list_names_what_stands_what_helps_and_what_nobody_took(desk: Desk) -> None:
    desk.told()
    out = desk("alerts", "list").out
    assert "region/us-east" in out
    assert "critical" in out
    assert "next, for region/us-east: qx failover --to eu-west --from us-east --dry-run\n" in out
    assert "not delivered: fired region/us-east of 2023-11-14 22:13:20Z through pager: it answered 500" in out
    document = desk("alerts", "list", "-o", "json").json
    assert document["alerts"][0]["alert"]["clusters"] == ["trading"]
    assert document["alerts"][0]["acknowledged"] is None
    assert document["undelivered"][0]["channel"] == "pager"


def test_an_acknowledgement_is_kept_with_its_name(desk: Desk) -> None:
    desk.told()
    out = desk("alerts", "ack", "region/us-east", "--reason", "on it").out
    assert out.startswith("region/us-east acknowledged by ")
    assert "on it" in desk("alerts", "list").out
    assert desk("alerts", "list", "-o", "json").json["alerts"][0]["acknowledged"]["reason"] == "on it"
    wrong = desk("alerts", "ack", "region/us-esat")
    assert (wrong.exit, "did you mean 'region/us-east'?" in wrong.err) == (2, True)


def test_a_channel_is_tried(desk: Desk) -> None:
    result = desk("alerts", "test", "phone")
    assert (result.exit, result.out.startswith("phone took it: exit 0, after ")) == (0, True)
    assert json.loads(desk.letter.read_text())["happening"] == "test"


def test_a_channel_that_refuses_and_one_that_is_not_there(
    qx: Qx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with http_site() as site:
        desk = Desk(qx, tmp_path, site.url)
        assert desk("alerts", "test", "pager").exit == 0
        site.answers = [(403, {}, b"who is hunter2?")]
        result = desk("alerts", "test", "pager")
    assert result.exit == 1
    assert "error[QX-ALERT-002]: pager: it answered 403 Forbidden: who is ***?" in result.err
    missing = desk("alerts", "test", "pagre")
    assert (missing.exit, "did you mean 'pager'?" in missing.err) == (2, True)
