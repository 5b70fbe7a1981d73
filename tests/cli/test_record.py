"""`qx runs`, `qx audit`, `qx control show`, `qx maintenance`: over a store that was written before."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.engine.chain import export
from qx.kernel.exits import Exit
from tests.fakes.record import DONE, ORPHANED, T0, UNDONE, write_record
from tests.fakes.runs import a_plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx, Result

REGIONS = """
version: 1
platform: main
regions:
  us-east: {title: US East, jurisdictions: [us], aliases: [virginia]}
  eu-west: {title: EU West, jurisdictions: [eu]}
clusters:
  trading:
    kind: postgresql
    home: us-east
    data_classes: [trade_record]
    nodes:
      us-east: {url: "postgresql://qx@127.0.0.1:5401/trading"}
      eu-west: {url: "postgresql://qx@127.0.0.1:5402/trading"}
"""


class Platform:
    """A directory with a regions.yaml and a store, and `qx` called with both."""

    def __init__(self, qx: Qx, directory: Path) -> None:
        self.directory, self._qx = directory, qx
        self.config = directory / "regions.yaml"
        self.config.write_text(REGIONS)
        self.path = directory / "state" / "qx" / "main.db"

    def __call__(self, *argv: str, width: int | None = None) -> Result:
        env = {"QX_CONFIG": str(self.config), "XDG_STATE_HOME": str(self.directory / "state"), "NO_COLOR": "1"}
        if width is not None:
            env["COLUMNS"] = str(width)
        return self._qx(*argv, env=env, terminal=width is not None)

    def tamper(self, *statements: str) -> None:
        db = sqlite3.connect(self.path)
        try:
            for statement in statements:
                db.execute(statement)
            db.commit()
        finally:
            db.close()


@pytest.fixture
def empty(qx: Qx, tmp_path: Path) -> Platform:
    return Platform(qx, tmp_path)


@pytest.fixture
def platform(empty: Platform) -> Platform:
    with SqliteStore(empty.path) as store:
        write_record(store)
    return empty


# -- runs

def test_the_list_names_the_file_the_runs_and_what_must_be_resumed(platform: Platform) -> None:
    lines = platform("runs", "list").out.splitlines()
    assert lines[0] == f"main ({platform.config})"
    assert [(line.split()[0], line.split()[4]) for line in lines[3:6]] == [
        (ORPHANED, "orphaned"), (UNDONE, "undone"), (DONE, "done"),
    ]
    assert lines[-1] == f"not finished: qx runs resume {ORPHANED}"


def test_the_list_as_json(platform: Platform) -> None:
    document = platform("runs", "list", "-o", "json", "-n", "3").json
    assert document["schema"] == "qx.runs/1"
    assert [run["id"] for run in document["runs"]][1:] == [ORPHANED, UNDONE]
    assert document["runs"][2] == {
        "id": UNDONE, "plan_id": f"plan-of-{UNDONE}", "plan_digest": a_plan(f"plan-of-{UNDONE}").digest,
        "intent": "failover", "started_at": T0 + 60, "by": "ops", "outcome": "undone",
        "ended_at": pytest.approx(T0 + 63.065), "clusters": ["trading"], "standing": "undone",
        "took_s": pytest.approx(3.065, abs=1e-5),
    }


def test_no_run_yet(empty: Platform) -> None:
    assert empty("runs", "list").out.splitlines()[1] == "no run yet"
    assert empty("runs", "list", "-o", "json").json == {"schema": "qx.runs/1", "runs": [], "waiting": []}
    missing = empty("runs", "show")
    assert (missing.exit, missing.out) == (Exit.USAGE, "")
    assert "QX-RUN-004" in missing.err


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize(
    "argv",
    [["runs", "list"], ["runs", "show", DONE], ["runs", "show", UNDONE], ["runs", "show", ORPHANED], ["runs", "show"],
     ["control", "show"], ["audit", "verify"], ["maintenance", "list"]],
    ids=" ".join,
)
def test_it_fits_the_terminal(platform: Platform, argv: list[str], width: int) -> None:
    lines = platform(*argv, width=width).out.splitlines()
    assert max(len(line) for line in lines if str(platform.directory) not in line) <= width  # a path is never cut


def test_show_tells_each_act_its_bar_and_its_proof(platform: Platform) -> None:
    text = platform("runs", "show", DONE, width=80).out
    (promote,) = [line for line in text.splitlines() if "trading.promote" in line]
    assert promote.split()[:2] == ["+24", "ms"]
    assert "110 ms" in promote
    assert promote.split()[-2] == "█" * len(promote.split()[-2])
    assert promote.endswith("done")
    assert 'seen.by ["a", "b"] · timeline 2' in text
    assert "trading: us-east → eu-west" in text


def test_show_tells_what_was_settled_and_undone_with_the_errors_inline(platform: Platform) -> None:
    lines = platform("runs", "show", UNDONE, width=80).out.splitlines()
    place = next(n for n, line in enumerate(lines) if "settle trading.drain" in line)
    assert lines[place].endswith("failed")
    assert lines[place + 1].strip() == "QX-RUN-006: the target did not replay 0/3000148 in time"
    assert lines[place + 2].strip() == "help: Its link is slow or cut: `qx lag`."
    assert any("undo trading.close-route" in line and line.endswith("undone") for line in lines)
    assert any("interrupted before its point of no return" in line for line in lines)
    assert any("expelled.trading/us-east 2" in line for line in lines)


def test_show_of_an_orphan_claims_nothing_and_names_what_resumes_it(platform: Platform) -> None:
    text = platform("runs", "show", ORPHANED).out
    assert any("trading.promote" in line and line.endswith("open") for line in text.splitlines())
    assert "stays in" not in text
    assert text.splitlines()[-1].endswith(f"qx runs resume {ORPHANED}")


def test_show_takes_a_prefix_and_no_name_is_the_latest(platform: Platform) -> None:
    assert platform("runs", "show", DONE[:6], "-o", "json").json["id"] == DONE
    latest = platform("runs", "show", "-o", "json").json
    assert (latest["intent"], latest["acts"], latest["results"]) == ("adopt", [], [])
    several = platform("runs", "show", DONE[:5])
    assert several.exit == Exit.USAGE
    assert "several runs" in several.err


def test_show_as_json_has_acts_and_every_entry(platform: Platform) -> None:
    document = platform("runs", "show", UNDONE, "-o", "json").json
    assert document["schema"] == "qx.run/1"
    assert [(act["verb"], act["step"], act["outcome"], act["took_s"]) for act in document["acts"]] == [
        ("do", "trading.close-route", "DONE", 0.02), ("do", "trading.drain", "UNKNOWN", 2.0),
        ("settle", "trading.drain", "FAILED", 1.0), ("undo", "trading.close-route", "UNDONE", 0.02),
    ]
    assert [entry["seq"] for entry in document["entries"]] == list(range(1, 13))
    assert set(document["entries"][0]) == {
        "run", "seq", "at", "event", "step", "outcome", "epoch", "proof", "error", "previous", "digest",
    }


# -- watch

@pytest.mark.parametrize(("run", "code"), [(DONE, Exit.DONE), (UNDONE, Exit.FAILED), (ORPHANED, Exit.UNKNOWN)])
def test_watch_ends_with_the_exit_of_the_run(platform: Platform, run: str, code: Exit) -> None:
    assert platform("runs", "watch", run).exit == code


def test_watch_as_lines_and_as_one_document(platform: Platform) -> None:
    lines = [json.loads(line) for line in platform("runs", "watch", DONE, "-o", "ndjson").out.splitlines()]
    assert {line["schema"] for line in lines} == {"qx.entry/1"}
    assert [line["seq"] for line in lines] == list(range(1, 10))
    assert platform("runs", "watch", DONE, "-o", "json").json["schema"] == "qx.run/1"
    orphan = platform("runs", "watch", ORPHANED, "-o", "json")
    assert orphan.json["error"]["code"] == "QX-RUN-002"


def test_watch_of_a_run_that_goes_on_ends_at_its_timeout(platform: Platform) -> None:
    with SqliteStore(platform.path) as store:
        store.acquire(("trading",), ORPHANED, 600.0)
        result = platform("runs", "watch", ORPHANED, "--timeout", "300ms")
        assert " running " in platform("runs", "list").out
    assert result.exit == Exit.TIMEOUT
    assert "QX-RUN-010" in result.err


# -- audit

def test_a_record_that_holds_is_verified(platform: Platform) -> None:
    assert "verified: the whole store, 28 entries" in platform("audit", "verify").out
    document = platform("audit", "verify", "-o", "json").json
    assert (document["schema"], document["verified"], document["count"]) == ("qx.audit/1", True, 28)
    assert (document["breaks"], document["name"]) == ([], str(platform.path))


def test_an_empty_record_is_verified_and_exported(empty: Platform, tmp_path: Path) -> None:
    assert empty("audit", "verify").exit == Exit.DONE
    file = str(tmp_path / "x.ndjson")
    assert empty("audit", "export", file).exit == Exit.DONE
    assert empty("audit", "verify", file).exit == Exit.DONE


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE entries SET body = json_set(body, '$.at', 1.5) WHERE position = 3", "digest"),
        ("DELETE FROM entries WHERE position = 3", "previous"),
        ("UPDATE plans SET body = replace(body, 'clients wait', 'clients weep')", "plan"),
        (f"UPDATE runs SET outcome = 'done' WHERE id = '{UNDONE}'", "outcome"),
    ],
)
def test_a_record_that_was_changed_is_broken(platform: Platform, statement: str, what: str) -> None:
    platform.tamper(*(f"DROP TRIGGER kept_{n}" for n in range(6)), statement)
    result = platform("audit", "verify", "-o", "json")
    assert result.exit == Exit.FAILED
    assert not result.json["verified"]
    assert what in {each["what"] for each in result.json["breaks"]}
    text = platform("audit", "verify", width=80)
    assert "BROKEN" in text.out
    assert "QX-STORE-004" in text.err


def test_an_export_is_verified_anywhere(platform: Platform, qx: Qx, tmp_path: Path) -> None:
    file = tmp_path / "kept.ndjson"
    assert "28 entries" in platform("audit", "export", str(file)).out
    assert file.stat().st_mode & 0o777 == 0o600
    alone = qx("audit", "verify", str(file), env={"HOME": str(tmp_path)})
    assert (alone.exit, alone.err) == (Exit.DONE, "")
    assert platform("audit", "export").out == file.read_text()
    file.write_text(file.read_text().replace("trading.promote", "trading.demote"))
    changed = qx("audit", "verify", str(file), "-o", "json", env={"HOME": str(tmp_path)})
    assert changed.exit == Exit.FAILED
    assert {each["what"] for each in changed.json["breaks"]} == {"digest"}


def test_one_run_is_exported_alone(platform: Platform, tmp_path: Path) -> None:
    file = str(tmp_path / "one.ndjson")
    assert platform("audit", "export", "--run", UNDONE, file).exit == Exit.DONE
    assert f"run {UNDONE}, 12 entries" in platform("audit", "verify", file).out
    document = platform("audit", "export", "--run", UNDONE, "-o", "json").json
    assert (document["schema"], document["run"], len(document["entries"])) == ("qx.audit-export/1", UNDONE, 12)


def test_an_export_is_never_written_over_another(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "kept.ndjson"
    file.write_text("precious")
    refused = platform("audit", "export", str(file))
    assert refused.exit == Exit.USAGE
    assert "QX-STORE-007" in refused.err
    assert file.read_text() == "precious"


def test_a_store_that_was_cut_is_found_against_an_export(platform: Platform, tmp_path: Path) -> None:
    file = str(tmp_path / "kept.ndjson")
    platform("audit", "export", file)
    assert f"every entry of {file} stands in it" in platform("audit", "verify", "--against", file).out
    platform.tamper("DROP TRIGGER kept_1", "DELETE FROM entries WHERE position > 26")
    assert platform("audit", "verify", "-o", "json").json["breaks"][0]["what"] == "outcome"  # of a run without entries
    platform.tamper("DROP TRIGGER kept_4", "DELETE FROM runs WHERE intent = 'adopt'")
    assert platform("audit", "verify").exit == Exit.DONE  # by itself, a record that was cut whole still holds
    result = platform("audit", "verify", "--against", file, "-o", "json")
    assert result.exit == Exit.FAILED
    assert len(result.json["missing"]) == 2
    assert "2 digests" in platform("audit", "verify", "--against", file, width=80).out


def test_exports_of_other_stores_and_files_that_are_none_are_refused(platform: Platform, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "other.db") as other:
        write_record(other)
        (tmp_path / "other.ndjson").write_text("".join(f"{line}\n" for line in export(other.store_id, other.chain())))
    foreign = platform("audit", "verify", "--against", str(tmp_path / "other.ndjson"))
    assert foreign.exit == Exit.USAGE
    assert "exported from store" in foreign.err
    assert platform("audit", "verify", str(tmp_path / "nothing")).exit == Exit.USAGE
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    (tmp_path / "y").write_text("hello\n")
    for name in ("x", "y"):
        assert "QX-STORE-004" in platform("audit", "verify", str(tmp_path / name)).err


# -- control

def test_control_shows_what_the_store_rules(platform: Platform) -> None:
    with SqliteStore(platform.path) as store:
        (lease,) = store.acquire(("trading",), DONE, 600.0)
        store.record_writer(lease, "eu-west", "7/2", 1772334000.0)
        text, document = platform("control", "show").out, platform("control", "show", "-o", "json").json
        assert document["store_id"] == store.store_id
    assert (document["schema"], document["store"]) == ("qx.control/1", str(platform.path))
    trading, sessions = document["clusters"]
    assert (trading["rule"]["writer"], trading["rule"]["epoch"], trading["lease"]["holder"]) == ("eu-west", 1, DONE)
    assert (sessions["configured"], sessions["rule"]["epoch"], sessions["lease"]) == (False, 8, None)
    assert "sessions (not in regions.yaml)" in text
    assert f"run {DONE} for" in text
    assert "2026-03-01 03:00:00Z" in text


# -- maintenance

def test_maintenance_is_declared_listed_and_ended(platform: Platform) -> None:
    declared = platform("maintenance", "on", "virginia", "--for", "2h", "--reason", "kernel", "-o", "json")
    assert declared.exit == Exit.DONE
    (window,) = declared.json["windows"]
    assert (window["scope"], window["reason"], window["until"] - window["since"]) == ("us-east", "kernel", 7200.0)
    assert platform("maintenance", "list", "-o", "json").json == declared.json
    assert "us-east" in platform("maintenance", "list").out
    nothing = platform("maintenance", "off", "trading")
    assert (nothing.exit, nothing.err) == (Exit.DONE, "there was no maintenance of trading\n")
    assert platform("maintenance", "off", "us-east", "-o", "json").json == {"schema": "qx.maintenance/1", "windows": []}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["on", "tradng", "--for", "2h", "--reason", "x"], "did you mean 'trading'?"),
        (["on", "trading", "--for", "soon", "--reason", "x"], "forms: 250ms"),
        (["on", "trading", "--for", "0s", "--reason", "x"], "--for 2h"),
        (["on", "trading", "--for", "2h", "--reason", " "], "--reason TEXT"),
        (["on", "trading", "--reason", "x"], "--for"),
        (["off", "nowhere"], "neither a cluster nor a region"),
    ],
)
def test_maintenance_that_cannot_be_declared_says_why(platform: Platform, argv: list[str], said: str) -> None:
    result = platform("maintenance", *argv)
    assert result.exit == Exit.USAGE
    assert said in result.err
    assert platform("maintenance", "list", "-o", "json").json["windows"] == []
