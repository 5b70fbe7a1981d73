"""`qx status`, `lag` and `check` against a real lab, with things happening to it, as a shell sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.lab import faults
from qx.lab.down import down
from qx.lab.lab import Lab, locked
from qx.lab.up import Wish, up
from tests.integration.lab import look

pytestmark = pytest.mark.integration

US, EU, AP = "us-east", "eu-west", "ap-southeast"
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("lab") / "lab"
    try:
        yield up(directory, Wish(), print)
    finally:
        down(directory)


@contextmanager
def fault(lab: Lab, act: Any, *words: str) -> Iterator[None]:
    """In force inside; healed, and everything in step again, after."""
    with locked(lab.directory):
        lab = _lab_of(act(lab, *words), lab)
    try:
        yield
    finally:
        with locked(lab.directory):
            lab, _ = faults.heal(lab)
        until(lambda: _verdicts(lab) == {"healthy"}, "a healthy lab")


def _verdicts(lab: Lab) -> set[str]:
    return {view["verdict"] for view in status(lab)["clusters"].values()}


def _lab_of(done: Any, lab: Lab) -> Lab:
    return done if isinstance(done, Lab) else lab


def qx(lab: Lab, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qx", *argv],
        env=environment(lab),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment(lab: Lab) -> dict[str, str]:
    return {**os.environ, "QX_CONFIG": str(lab.config), "XDG_STATE_HOME": str(lab.directory.parent / "state")}


def document(lab: Lab, *argv: str) -> Any:
    done = qx(lab, *argv, "-o", "json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def status(lab: Lab) -> Any:
    return document(lab, "status")


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def test_a_healthy_lab(lab: Lab) -> None:
    seen = status(lab)
    assert {view["verdict"] for view in seen["clusters"].values()} == {"healthy"}
    assert {view["verdict"] for view in seen["regions"].values()} == {"healthy"}
    for view in seen["clusters"].values():
        assert view["writer"] == US
        assert {r: node["upstream"] for r, node in view["nodes"].items()} == {US: None, EU: US, AP: US}
    text = qx(lab, "status")
    assert text.stdout.startswith(f"{lab.config} (QX_CONFIG), ")
    assert (text.returncode, text.stderr) == (0, "")


def test_an_idle_writer_makes_no_lag(lab: Lab) -> None:
    _replay_something(lab)
    until(lambda: _age(lab) > 2.0, "the last transaction to be old")
    replica = _replicas(lab)["trading", EU]
    assert (replica["bytes"], replica["seconds"], replica["transactions"]) == (0, 0.0, 0)


def _replay_something(lab: Lab) -> None:
    """A replica that has replayed no transaction since its start cannot date what it shows."""
    look.sql(look.port(lab, US), "CREATE TABLE IF NOT EXISTS idle (n int); INSERT INTO idle VALUES (1)")
    until(lambda: _replicas(lab)["trading", EU]["bytes"] == 0, "the replica to have it")


def _age(lab: Lab) -> float:
    [[age]] = look.sql(look.port(lab, EU), "SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8")
    return float(str(age))


def _replicas(lab: Lab) -> dict[tuple[str, str], Any]:
    return {(each["cluster"], each["region"]): each for each in document(lab, "lag")["replicas"]}


def test_paused_replay_is_lag_that_grows(lab: Lab) -> None:
    _replay_something(lab)
    look.sql(look.port(lab, EU), "SELECT pg_wal_replay_pause()")
    try:
        look.sql(look.port(lab, US), "CREATE TABLE paused AS SELECT generate_series(1, 20000) AS n")
        until(lambda: _replicas(lab)["trading", EU]["bytes"] > 100_000, "the WAL to arrive")
        first = _replicas(lab)["trading", EU]
        assert (first["cause"], first["streaming"], first["transactions"]) == ("replay-paused", True, 1)
        until(lambda: _replicas(lab)["trading", EU]["seconds"] > first["seconds"] + 1, "it to grow")
        check = qx(lab, "check", "lag", "--cluster", "trading", "-w", "100ms", "-c", "1h")
        assert (check.returncode, check.stdout.partition(" - ")[0]) == (1, "QX_LAG WARNING")
        assert qx(lab, "check", "lag", "-w", "1ms", "-c", "100ms").returncode == 2
    finally:
        look.sql(look.port(lab, EU), "SELECT pg_wal_replay_resume()")
    until(lambda: _replicas(lab)["trading", EU]["bytes"] == 0, "it to be replayed")


def test_a_dead_writer_is_dead_by_the_word_of_its_replicas(lab: Lab) -> None:
    with fault(lab, faults.kill, "trading/us-east"):
        until(lambda: status(lab)["clusters"]["trading"]["cause"] == "writer-dead", "its replicas to lose it")
        seen = status(lab)
        assert seen["clusters"]["trading"]["verdict"] == "down"
        assert seen["clusters"]["trading"]["because"].endswith("and none of 2 replicas receives from it")
        assert seen["regions"][US]["verdict"] == "degraded"
        assert {seen["regions"][r]["verdict"] for r in (EU, AP)} == {"healthy"}
        assert seen["clusters"]["sessions"]["verdict"] == "healthy"
        assert qx(lab, "check", "writer").returncode == 2
        assert "next, for trading: qx failover --to " in qx(lab, "status").stdout


def test_a_black_holed_region_costs_its_deadline_and_no_more(lab: Lab) -> None:
    with fault(lab, faults.isolate, US):
        began = time.monotonic()
        seen = status(lab)
        took = time.monotonic() - began
        assert took < 2.0 + 5.0  # the deadline, and what a busy machine may add to a process
        assert seen["regions"][US]["verdict"] in {"isolated", "down"}
        assert {seen["regions"][r]["verdict"] for r in (EU, AP)} == {"healthy"}
        silence = seen["clusters"]["trading"]["nodes"][US]["seen"]
        assert (silence["type"], silence["reason"]) == ("silence", "timeout")
        assert qx(lab, "check", "lag", "--region", EU).returncode == 3


def test_a_writer_that_only_qx_cannot_reach_is_suspect_and_its_positions_are_kept(lab: Lab) -> None:
    def cut(lab: Lab, source: str, target: str) -> None:
        faults.link(lab, source, target, "drop")

    with fault(lab, cut, "ops", US):
        began = time.time()
        view = status(lab)["clusters"]["trading"]
        assert (view["verdict"], view["cause"]) == ("suspect", "writer-silent")
        assert view["because"].endswith("still receive from it")

        def kept() -> set[str]:
            """Told by the replicas, since qx itself hears nothing."""
            status(lab)
            with SqliteStore(lab.directory / "store.db") as store:
                return {sample.region for sample in store.samples("trading", began)}

        until(lambda: kept() == {US}, "a position of the writer, told after it was cut off")


def test_a_redis_replica_that_lost_its_link(lab: Lab) -> None:
    def refuse(lab: Lab, source: str, target: str) -> None:
        faults.link(lab, source, target, "refuse")

    with fault(lab, refuse, EU, US):
        until(lambda: status(lab)["clusters"]["sessions"]["cause"] == "replica-not-streaming", "the link to be down")
        node = status(lab)["clusters"]["sessions"]["nodes"][EU]
        assert node["note"].startswith("lost its link to us-east")
        assert node["lag"]["seconds"] is not None


def told(watching: subprocess.Popen[str]) -> str:
    assert watching.stdout is not None
    return watching.stdout.readline()


def causes(watching: subprocess.Popen[str]) -> Iterator[str]:
    """Of `trading`, line by line, for some lines: on a busy machine another thing may change as well."""
    return (json.loads(told(watching))["clusters"]["trading"]["cause"] for _ in range(6))


def test_watching_into_a_pipe_tells_each_change_in_a_line_of_its_own(lab: Lab) -> None:
    argv = [sys.executable, "-m", "qx", "status", "--watch=0.2", "-o", "ndjson"]
    with subprocess.Popen(argv, env=environment(lab), stdout=subprocess.PIPE, text=True) as watching:
        try:
            first = json.loads(told(watching))
            assert (first["schema"], first["clusters"]["trading"]["cause"]) == ("qx.status/1", "none")
            look.sql(look.port(lab, EU), "SELECT pg_wal_replay_pause()")
            assert "replay-paused" in causes(watching)
            look.sql(look.port(lab, EU), "SELECT pg_wal_replay_resume()")
            assert "none" in causes(watching)
            watching.send_signal(2)
            assert watching.wait(PATIENCE_S) == 0
        finally:
            watching.kill()


def test_another_configuration_than_the_labs_is_pointed_out(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "regions.yaml"
    other.write_text(lab.config.read_text())
    state = tmp_path_factory.mktemp("state")
    (state / "qx").mkdir()
    (state / "qx" / "lab").symlink_to(lab.directory)
    env = {**os.environ, "QX_CONFIG": str(other), "XDG_STATE_HOME": str(state)}
    done = subprocess.run(
        [sys.executable, "-m", "qx", "status"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert f"warning: a lab runs too, and this is not its file: export QX_CONFIG={lab.config}" in done.stdout


def test_doctor_finds_nothing_that_would_stop_a_failover(lab: Lab) -> None:
    found = document(lab, "doctor")["examined"]
    assert [each for each in found if each["status"] == "failed"] == []
    assert {each["group"] for each in found} == {
        "install", "config", "secrets", "clocks", "connectivity", "control", "store", "servers",
    }  # fmt: skip
