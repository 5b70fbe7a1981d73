"""The daemon's metrics for Prometheus: gauges from the last snapshot when they are scraped, counters as ticks pass.

`take` is for the loop and costs a pass over the topology; `text` may run in a thread. Nothing is asked of any server
by a scrape. Labels are those of `qx.model.metric`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder

from qx.failover.openruns import UNENDED
from qx.failover.skew import skew_of
from qx.model.alert import Severity
from qx.model.journal import RunOutcome
from qx.model.metric import METRICS
from qx.model.observation import Observation, Silence
from qx.model.topology import Role, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric as Family

    from qx.model.platform import Platform
    from qx.model.snapshot import Snapshot
    from qx.ports.clock import Clock

MOVES = ("failover", "failback", "drill")
_BUCKETS = {
    "qx_run_duration_seconds": (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
    "": (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
}
_BY_KIND = {"postgresql": "db_query_duration", "redis": "redis_command_duration",
            "redis-cluster": "redis_command_duration", "endpoint": "http_request_duration"}

Labels = tuple[str, ...]


class Metrics:
    """`version`: the program's own."""

    def __init__(self, platform: Platform, version: str, clock: Clock) -> None:
        self._kinds: dict[str, str] = {name: cluster.kind for name, cluster in platform.clusters.items()}
        self._objectives = {name: cluster.objectives for name, cluster in platform.clusters.items()}
        self._version, self._clock = version, clock
        self._snapshot: Snapshot | None = None
        self._seen: dict[Labels, float] = {}  # (region, kind, subject) -> instant of the last look that was counted
        self._answered: dict[Labels, float] = {}  # ... of the last that was answered
        self._decided: dict[str, float] = {}
        self._false: set[tuple[str, float]] = set()
        self._ended: set[str] = set()
        self._notices: dict[Labels, int] = {}
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside every counter
        registry = CollectorRegistry(auto_describe=False)
        self._counters = {m.name: Counter(m.name, m.help, m.labels, registry=registry)
                          for m in METRICS if m.kind == "counter"}  # fmt: skip
        self._histograms = {
            m.name: Histogram(m.name, m.help, m.labels, buckets=_BUCKETS.get(m.name, _BUCKETS[""]), registry=registry)
            for m in METRICS if m.kind == "histogram"
        }
        registry.register(self)
        ProcessCollector(registry=registry)
        self._registry = registry
        for outcome in RunOutcome:  # so that the first one is an increase
            if outcome is not RunOutcome.OPEN:
                self._counters["qx_runs_total"].labels(outcome.value)
                for intent in MOVES:
                    self._counters["failover_events_total"].labels(intent, outcome.value)

    def take(self, snapshot: Snapshot) -> None:
        """What the tick that has just ended saw and did."""
        self._snapshot = snapshot
        for cluster in snapshot.topology.clusters.values():
            for node in cluster.nodes.values():
                self._looked(node.seen, self._kinds.get(cluster.name, "endpoint"))
        for region in snapshot.topology.regions.values():
            for seen in region.endpoints.values():
                self._looked(seen, "endpoint")
        self._decisions(snapshot)
        self._runs(snapshot)
        for labels, count in snapshot.figures.notices.items():
            self._counters["qx_notices_total"].labels(*labels).inc(count - self._notices.get(labels, 0))
            self._notices[labels] = count
        self._histograms["qx_watch_tick_duration_seconds"].observe(snapshot.figures.tick_s)

    def text(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and exposition, in the form that the scraper accepts."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self._registry)

    def collect(self) -> Iterator[Family]:
        """The gauges, as the registry asks for them."""
        families = {m.name: GaugeMetricFamily(m.name, m.help, labels=m.labels) for m in METRICS if m.kind == "gauge"}
        for name, labels, value in self._gauges():
            families[name].add_metric(labels, value)
        yield from families.values()

    # -- what adds up
    def _looked(self, seen: Observation | Silence, kind: str) -> None:
        key = (seen.region, kind, seen.subject)
        if self._seen.get(key, float("-inf")) >= seen.at:
            return
        self._seen[key] = seen.at
        if isinstance(seen, Silence):
            self._counters["qx_probe_failures_total"].labels(seen.region, kind, seen.reason).inc()
            return
        self._answered[key] = seen.at
        self._histograms["qx_probe_duration_seconds"].labels(seen.region, kind).observe(seen.took_s)
        self._histograms[_BY_KIND[kind]].labels(seen.region).observe(seen.took_s)

    def _decisions(self, snapshot: Snapshot) -> None:
        for each in sorted(snapshot.decided, key=lambda each: each.at):
            if each.at > self._decided.get(each.cluster, snapshot.figures.started_at):
                self._decided[each.cluster] = each.at
                self._counters["qx_decisions_total"].labels(each.cluster, each.verdict).inc()
        false = {(each.cluster, each.at) for each in snapshot.decided if each.false_positive}
        for cluster, at in false - self._false:
            if at > snapshot.figures.started_at:
                self._counters["qx_false_positives_total"].labels(cluster).inc()
        self._false = false

    def _runs(self, snapshot: Snapshot) -> None:
        """Those that ended since the daemon began; what is no longer among the latest ones cannot come again."""
        ended = {run.id for run in snapshot.runs if run.ended_at is not None}
        for run in (run for run in snapshot.runs if run.plan_id):  # a deed is no run of anything
            if run.id in self._ended or run.ended_at is None or run.ended_at < snapshot.figures.started_at:
                continue
            self._counters["qx_runs_total"].labels(run.outcome.value).inc()
            self._histograms["qx_run_duration_seconds"].labels(run.intent).observe(run.ended_at - run.started_at)
            if run.intent in MOVES:
                self._counters["failover_events_total"].labels(run.intent, run.outcome.value).inc()
        self._ended = ended
        for step in snapshot.stepped:
            self._counters["qx_plan_steps_total"].labels(step.action, step.outcome).inc()
            self._histograms["qx_step_duration_seconds"].labels(step.action).observe(step.took_s)

    # -- what is true
    def _gauges(self) -> Iterator[tuple[str, Labels, float]]:
        yield "qx_build_info", (self._version,), 1
        for name, objectives in self._objectives.items():
            yield "qx_rpo_objective_bytes", (name,), objectives.rpo_bytes
            yield "qx_rto_objective_seconds", (name,), objectives.rto
        at = self._snapshot
        if at is None:
            return
        yield from self._views(at)
        yield from self._rights(at)
        figures = at.figures
        since = dict.fromkeys(self._seen, figures.started_at) | self._answered
        for key, answered in since.items():
            yield "qx_observation_age_seconds", key, max(0.0, self._clock.now() - answered)
        yield "qx_runs_open", (), sum(run.outcome in UNENDED and bool(run.plan_id) for run in at.runs)
        for severity in Severity:
            yield "qx_alerts", (severity.value,), sum(told.alert.severity is severity for told in at.told)
        for channel, count in figures.waiting.items():
            yield "qx_notices_waiting", (channel,), count
        for kind, count in figures.connections.items():
            yield "qx_connections", (kind,), count
        yield "qx_watch_start_timestamp_seconds", (), figures.started_at
        yield "qx_watch_tick_timestamp_seconds", (), figures.tick_at
        yield "qx_watch_interval_seconds", (), figures.every_s
        yield "qx_watch_loop_lag_seconds", (), figures.loop_lag_s
        yield "qx_watch_distrust_seconds", (), figures.distrust_s

    def _views(self, at: Snapshot) -> Iterator[tuple[str, Labels, float]]:
        for region in at.topology.regions.values():
            yield "qx_region_verdict", (region.name, region.verdict.value, region.cause.value), 1
        for name, view in at.topology.clusters.items():
            yield "qx_cluster_verdict", (name, view.verdict.value, view.cause.value), 1
            writing = {Role.WRITER, Role.STALE_WRITER}
            yield "qx_writers", (name,), sum(node.role in writing for node in view.nodes.values())
            behind = []
            for place, node in view.nodes.items():
                yield "qx_region_role", (place, name, node.role.value), 1
                if (skew := skew_of(node.seen)) is not None:
                    yield "qx_clock_skew_seconds", (name, place), skew
                if node.role is Role.REPLICA:
                    yield "qx_replica_streaming", (name, place), node.streaming
                if node.lag is not None and node.lag.seconds is not None:
                    yield "qx_replication_lag_seconds", (name, place), node.lag.seconds
                if node.lag is not None and node.lag.bytes is not None:
                    yield "qx_replication_lag_bytes", (name, place), node.lag.bytes
                    behind.append(node.lag.bytes)
            if behind and view.verdict is not Verdict.DOWN:
                yield "qx_rpo_estimate_bytes", (name,), min(behind)
        for name, drill in at.drills.items():
            yield "qx_rto_estimate_seconds", (name,), drill.away_outage_s
            yield "qx_drill_timestamp_seconds", (name,), drill.at

    def _rights(self, at: Snapshot) -> Iterator[tuple[str, Labels, float]]:
        held = {lease.cluster: lease for lease in at.leases}
        for name in at.topology.clusters:
            yield "qx_lease_held", (name,), name in held
            yield "qx_armed", (name,), name in at.armings
        for name, lease in held.items():
            yield "qx_lease_expiry_timestamp_seconds", (name,), lease.until
        for name, (grant, until) in at.grants.items():
            yield "qx_grant_expiry_timestamp_seconds", (name,), until
            yield "qx_grant_guarded", (name,), bool(grant.guard)
        for name, rule in at.rules.items():
            yield "qx_fence_epoch", (name,), rule.epoch
        for window in at.maintenance:
            yield "qx_maintenance", ("all" if window.scope == "*" else window.scope,), 1
