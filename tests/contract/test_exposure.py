"""/metrics, /ready and /live as a scraper and a supervisor meet them, over real sockets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from qx.adapters.metrics import Metrics
from qx.app.exposure import Exposure
from qx.app.workbench import Workbench
from qx.failover.judge import judge
from qx.kernel.errors import QxError
from qx.model.alert import Alert, Severity, Told
from qx.model.journal import Run, RunOutcome
from qx.model.lease import Lease, Maintenance, Rule
from qx.model.metric import METRICS
from qx.model.snapshot import Figures, Snapshot, Stepped
from qx.model.standing import Arming, Decided, DrillResult, Grant
from tests.fixtures_servers import free_port
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, US

PLATFORM = v.platform()
RULES = {name: Rule(cluster=name, epoch=3, writer=US, writer_epoch=3) for name in PLATFORM.clusters}
FIGURES = Figures(
    started_at=NOW - 100, tick_at=NOW, tick_s=0.02, every_s=2.0, loop_lag_s=0.001, connections={"postgresql": 3},
    notices={("pager", "delivered"): 2}, waiting={"pager": 1},
)  # fmt: skip
ALERT = Alert(key="x", severity=Severity.CRITICAL, title="x", because="", regions=(), clusters=(), next="", since=NOW)


class Still:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        return self.at

    def elapsed(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def noise(self) -> bytes:
        return bytes(10)


def run(number: int, outcome: RunOutcome, ended: float | None, intent: str = "failover") -> Run:
    return Run(id=f"r{number}", plan_id=f"p{number}", plan_digest="", intent=intent, started_at=NOW - 20, by="ann",
               outcome=outcome, ended_at=ended, clusters=("trading",))  # fmt: skip


def snapshot(**changed: Any) -> Snapshot:
    seen = dict(v.healthy()) | {("sessions", AP): v.silent("sessions", AP, "timeout")}
    seen["trading", EU] = v.observed("trading", EU, v.pg_replica(clock=NOW + 0.5))
    topology = judge(PLATFORM, seen, v.endpoints(), RULES, v.STORE, NOW)
    drill = DrillResult(cluster="trading", source=US, target=EU, at=NOW - 50, away_outage_s=0.4, back_outage_s=0.5,
                        took_s=9.0, lost=0, met=True, runs=("r1",))  # fmt: skip
    made = Snapshot(
        topology=topology, figures=FIGURES, rules=RULES, leases=(Lease("trading", "r9", 3, NOW + 9),),
        grants={"trading": (Grant(cluster="trading", region=US, epoch=3, guard="g", ttl=15, margin=5), NOW + 12)},
        armings={"trading": Arming(cluster="trading", by="ann", reason="r", at=NOW)},
        decided=(Decided(cluster="trading", at=NOW - 5, verdict="would-act", cause="c", because="b"),),
        runs=(run(9, RunOutcome.OPEN, None), run(8, RunOutcome.DONE, NOW - 1), run(7, RunOutcome.DONE, NOW - 200)),
        drills={"trading": drill}, told=(Told(alert=ALERT, at=NOW, by="qx", channels=(), changed_at=NOW, seen_at=NOW,
                                              seen_by="qx"),),
        stepped=(Stepped("Promote", "DONE", 0.2),),
        maintenance=(Maintenance(scope="*", owner="ann", reason="r", since=NOW, until=NOW + 9),),
    )  # fmt: skip
    return replace(made, **changed)


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """(sample, label, value, label, value...) -> value."""
    _, text = metrics.text()
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *(word for pair in sorted(sample.labels.items()) for word in pair)): sample.value
        for family in families for sample in family.samples
    }  # fmt: skip


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(PLATFORM, "1.2.3", Still())


# -- what is exposed -----------------------------------------------------------------------------------------------


def test_every_metric_of_the_table_is_exposed_and_no_other(metrics: Metrics) -> None:
    metrics.take(snapshot(decided=(replace(snapshot().decided[0], false_positive=True),)))
    _, text = metrics.text()
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    own = {name for name in families if not name.startswith("process_")}
    wanted = {metric.name.removesuffix("_total") for metric in METRICS}
    assert own == wanted
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
        assert samples, f"{metric.name} has no sample"
        assert {tuple(sorted(set(s.labels) - {"le"})) for s in samples} == {tuple(sorted(metric.labels))}


def test_names_follow_the_conventions() -> None:
    units = ("_seconds", "_bytes", "_total", "_info")
    counted = {"qx_writers", "qx_runs_open", "qx_alerts", "qx_notices_waiting", "qx_connections"}
    states = {"qx_region_verdict", "qx_cluster_verdict", "qx_region_role", "qx_replica_streaming", "qx_lease_held",
              "qx_grant_guarded", "qx_armed", "qx_maintenance", "qx_fence_epoch"}  # fmt: skip
    known = {"db_query_duration", "redis_command_duration", "http_request_duration", "failover_events_total"}
    for metric in METRICS:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
        assert metric.name.startswith("qx_") or metric.name in known
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert metric.name.endswith(units) or metric.name in counted | states | known
        assert metric.help.endswith(".")
        assert not set(metric.labels) & {"dsn", "address", "id", "run", "host", "le", "quantile"}
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_what_is_true_of_the_last_tick(metrics: Metrics) -> None:
    metrics.take(snapshot())
    found = read(metrics)
    assert found["qx_build_info", "version", "1.2.3"] == 1
    assert found["qx_cluster_verdict", "cause", "none", "cluster", "trading", "verdict", "healthy"] == 1
    assert found["qx_cluster_verdict", "cause", "replica-silent", "cluster", "sessions", "verdict", "degraded"] == 1
    assert found["qx_region_role", "cluster", "trading", "region", US, "role", "writer"] == 1
    assert found["qx_writers", "cluster", "trading"] == 1
    assert found["qx_replication_lag_bytes", "cluster", "trading", "region", EU] == 0
    assert found["qx_lease_held", "cluster", "trading"] == 1
    assert found["qx_lease_held", "cluster", "sessions"] == 0
    assert found["qx_grant_guarded", "cluster", "trading"] == 1
    assert found["qx_fence_epoch", "cluster", "trading"] == 3
    assert found["qx_armed", "cluster", "sessions"] == 0
    assert found["qx_rto_estimate_seconds", "cluster", "trading"] == 0.4
    assert found["qx_maintenance", "scope", "all"] == 1
    assert found["qx_alerts", "severity", "critical"] == 1
    assert found["qx_runs_open",] == 1
    assert 0.0 < found["qx_clock_skew_seconds", "cluster", "trading", "region", EU] <= 0.5
    assert ("qx_clock_skew_seconds", "cluster", "trading", "region", US) not in found, "it does not tell its clock"
    assert found["qx_watch_tick_timestamp_seconds",] == NOW


def test_a_state_that_is_over_leaves_no_series(metrics: Metrics) -> None:
    metrics.take(snapshot())
    topology = judge(PLATFORM, v.healthy(), v.endpoints(), RULES, v.STORE, NOW)
    metrics.take(snapshot(topology=topology))
    found = read(metrics)
    verdicts = [key for key in found if key[0] == "qx_cluster_verdict" and "sessions" in key]
    assert verdicts == [("qx_cluster_verdict", "cause", "none", "cluster", "sessions", "verdict", "healthy")]


def test_a_look_is_counted_once_however_often_it_is_shown(metrics: Metrics) -> None:
    for _ in range(3):
        metrics.take(snapshot())
    found = read(metrics)
    assert found["qx_probe_duration_seconds_count", "kind", "postgresql", "region", US] == 1
    assert found["qx_probe_failures_total", "kind", "redis", "reason", "timeout", "region", AP] == 1
    assert found["db_query_duration_count", "region", US] == 1
    assert found["redis_command_duration_count", "region", US] == 1
    assert found["http_request_duration_count", "region", US] == 1
    assert found["qx_watch_tick_duration_seconds_count",] == 3


def test_the_age_of_an_answer_grows_until_the_next(metrics: Metrics) -> None:
    metrics.take(snapshot())
    metrics._clock.at = NOW + 7  # type: ignore[attr-defined]
    found = read(metrics)
    assert found["qx_observation_age_seconds", "kind", "postgresql", "region", US, "subject", "trading"] == 7
    assert found["qx_observation_age_seconds", "kind", "redis", "region", AP, "subject", "sessions"] == 107


def test_runs_decisions_and_notices_are_counted_once(metrics: Metrics) -> None:
    metrics.take(snapshot())
    metrics.take(snapshot())
    found = read(metrics)
    assert found["qx_runs_total", "outcome", "done"] == 1, "one ended before the daemon began, one is open"
    assert found["qx_runs_total", "outcome", "stuck"] == 0
    assert found["failover_events_total", "intent", "failover", "outcome", "done"] == 1
    assert found["qx_decisions_total", "cluster", "trading", "verdict", "would-act"] == 1
    assert found["qx_notices_total", "channel", "pager", "outcome", "delivered"] == 2
    assert found["qx_plan_steps_total", "action", "Promote", "outcome", "DONE"] == 2, "once for each that was told"
    metrics.take(snapshot(runs=(run(9, RunOutcome.STUCK, NOW),)))
    assert read(metrics)["qx_runs_total", "outcome", "stuck"] == 1
    assert read(metrics)["qx_runs_open",] == 1, "it has not ended, whatever its outcome is called"


def test_a_deed_is_no_run(metrics: Metrics) -> None:
    metrics.take(snapshot(runs=(replace(run(8, RunOutcome.DONE, NOW - 1, intent="arm"), plan_id=""),)))
    assert read(metrics)["qx_runs_total", "outcome", "done"] == 0


# -- how it is served ----------------------------------------------------------------------------------------------


def bench_of(directory: Path, listen: str) -> Workbench:
    document = {
        "version": 1, "platform": "test", "regions": {US: {"title": "US", "jurisdictions": ["US"]}}, "clusters": {},
        "watch": {"metrics": {"listen": listen}},
    }  # fmt: skip
    (directory / "regions.yaml").write_text(json.dumps(document))
    bench = Workbench({}, str(directory / "regions.yaml"))
    bench.clock = Still()
    return bench


@asynccontextmanager
async def exposed(directory: Path) -> AsyncIterator[tuple[Exposure, int, Still]]:
    port = free_port()
    bench = bench_of(directory, f"127.0.0.1:{port}")
    exposure = Exposure(bench, "1.2.3")
    assert await exposure.open() == f"127.0.0.1:{port}"
    try:
        yield exposure, port, bench.clock  # type: ignore[misc]
    finally:
        await exposure.close()


async def asked(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(30):
        data = await reader.read()
    writer.close()
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


def get(path: str, accept: str = "*/*") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode()


async def test_a_scrape(tmp_path: Path) -> None:
    async with exposed(tmp_path) as (exposure, port, _):
        exposure.take(snapshot())
        status, headers, body = await asked(port, get("/metrics?x=1"))
        assert status == 200
        assert headers["Content-Type"].startswith("text/plain; version=")
        assert int(headers["Content-Length"]) == len(body)
        assert b'qx_build_info{version="1.2.3"} 1.0' in body
        assert b"process_resident_memory_bytes" in body
        _, headers, body = await asked(port, get("/metrics", "application/openmetrics-text;version=1.0.0"))
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert body.endswith(b"# EOF\n")


async def test_ready_and_live(tmp_path: Path) -> None:
    async with exposed(tmp_path) as (exposure, port, clock):

        async def told(path: str) -> tuple[int, Any]:
            status, _, body = await asked(port, get(path))
            return status, json.loads(body)

        assert await told("/live") == (503, {"schema": "qx.live/1", "live": False, "because": "no tick has ended yet"})
        exposure.take(snapshot())
        assert (await told("/live"))[0] == (await told("/ready"))[0] == 200
        exposure.take(snapshot(figures=replace(FIGURES, ready=False, because="the store does not answer")))
        assert (await told("/live"))[0] == 200
        assert (await told("/ready")) == (
            503, {"schema": "qx.ready/1", "ready": False, "because": "the store does not answer"},
        )  # fmt: skip
        clock.at = NOW + 11
        assert (await told("/live")) == (
            503, {"schema": "qx.live/1", "live": False, "because": "the last tick ended 11 s ago"},
        )  # fmt: skip


@pytest.mark.parametrize(("request_", "status"), [
    (get("/"), 404), (get("/../etc/passwd"), 404), (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
    (b"HEAD /live HTTP/1.1\r\n\r\n", 503), (b"\r\n\r\n", 404),
])  # fmt: skip
async def test_what_is_not_there(tmp_path: Path, request_: bytes, status: int) -> None:
    async with exposed(tmp_path) as (_, port, _clock):
        got, _, body = await asked(port, request_)
        assert got == status
        assert not request_.startswith(b"HEAD") or body == b""


async def test_clients_that_say_too_much_or_too_little_hold_up_nobody(tmp_path: Path) -> None:
    async with exposed(tmp_path) as (exposure, port, _):
        exposure.take(snapshot())
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 100_000)
        async with asyncio.timeout(30):
            with suppress(ConnectionError):  # hung up on, with or without a farewell
                assert await reader.read() == b""
        assert (await asked(port, get("/live")))[0] == 200
        for _, each in (*silent, (reader, writer)):
            each.transport.abort()


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async with exposed(tmp_path) as (_, port, _clock):
        with pytest.raises(QxError, match="already in use") as caught:
            await Exposure(bench_of(tmp_path, f"127.0.0.1:{port}"), "1").open()
        assert caught.value.code == "QX-OBS-004"


async def test_without_a_listener_nothing_is_imported(tmp_path: Path) -> None:
    exposure = Exposure(bench_of(tmp_path, ""), "1")
    assert await exposure.open() == ""
    exposure.take(snapshot())
    await exposure.close()
