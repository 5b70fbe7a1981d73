"""Every metric of the daemon: name, kind, labels, meaning. What is exposed, documented and alerted on is this table.

Names: prefix `qx_`, base units as suffix, `_total` on counters only. The four without the prefix are those that
dashboards of the platform know. Values of labels come from regions.yaml or from enums of the model: never an address,
an id or anybody's words.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """`kind`: a gauge is what it was at the last tick; counters and histograms begin at 0 with the daemon."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    help: str


def _gauge(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 - the library's word
    return Metric(name, "gauge", labels, help)


def _counter(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 - as above
    return Metric(name, "counter", labels, help)


def _histogram(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 - as above
    return Metric(name, "histogram", labels, help)


METRICS: tuple[Metric, ...] = (
    _gauge("qx_build_info", "1; the label says which version watches.", "version"),
    # -- what is true
    _gauge("qx_region_verdict", "1 for the verdict and cause that are in force of a region.",
           "region", "verdict", "cause"),
    _gauge("qx_cluster_verdict", "1 for the verdict and cause that are in force of a cluster.",
           "cluster", "verdict", "cause"),
    _gauge("qx_region_role", "1 for the role that a region has in a cluster.", "region", "cluster", "role"),
    _gauge("qx_writers", "Nodes that take writes; more than 1 must not be.", "cluster"),
    _gauge("qx_replication_lag_seconds", "How far a replica is behind; none where it is not known.",
           "cluster", "region"),
    _gauge("qx_replication_lag_bytes", "The same in bytes.", "cluster", "region"),
    _gauge("qx_replica_streaming", "1 while the replica receives from its writer, else 0.", "cluster", "region"),
    _gauge("qx_rpo_estimate_bytes", "What would be lost if the writer died now and its best replica were promoted.",
           "cluster"),
    _gauge("qx_rto_estimate_seconds", "The write outage that the cluster's last drill measured.", "cluster"),
    _gauge("qx_rpo_objective_bytes", "What may be lost unasked: objectives.rpo_bytes.", "cluster"),
    _gauge("qx_rto_objective_seconds", "How long clients may be unable to write: objectives.rto.", "cluster"),
    _gauge("qx_drill_timestamp_seconds", "When the cluster's last drill was.", "cluster"),
    _gauge("qx_observation_age_seconds", "Since a node or endpoint last answered; since the daemon's start where it "
           "never did.", "region", "kind", "subject"),
    _gauge("qx_clock_skew_seconds", "How far a server's clock is ahead of the daemon's; below 0: behind.",
           "cluster", "region"),
    # -- how it was seen
    _histogram("qx_probe_duration_seconds", "Time that answers took.", "region", "kind"),
    _counter("qx_probe_failures_total", "Looks that got no answer.", "region", "kind", "reason"),
    _histogram("db_query_duration", "Seconds that looks at PostgreSQL nodes took.", "region"),
    _histogram("redis_command_duration", "Seconds that looks at Redis nodes took.", "region"),
    _histogram("http_request_duration", "Seconds that looks at endpoints took.", "region"),
    # -- who may act
    _gauge("qx_lease_held", "1 while a run holds the cluster, else 0.", "cluster"),
    _gauge("qx_lease_expiry_timestamp_seconds", "When the run's lease ends.", "cluster"),
    _gauge("qx_grant_expiry_timestamp_seconds", "When the writer's own lease ends if it is not renewed.", "cluster"),
    _gauge("qx_grant_guarded", "1 when a guard would kill the writer at the end of its lease, else 0.", "cluster"),
    _gauge("qx_fence_epoch", "The last epoch granted.", "cluster"),
    _gauge("qx_armed", "1 when qx may move the cluster unasked, else 0.", "cluster"),
    _gauge("qx_maintenance", "1 while maintenance covers it.", "scope"),
    # -- what was done
    _counter("qx_decisions_total", "Decisions of the daemon.", "cluster", "verdict"),
    _counter("qx_false_positives_total", "Of these, those whose writer came back by itself.", "cluster"),
    _counter("qx_runs_total", "Runs that ended.", "outcome"),
    _counter("failover_events_total", "Moves of the write role that ended.", "intent", "outcome"),
    _histogram("qx_run_duration_seconds", "Time that runs took.", "intent"),
    _counter("qx_plan_steps_total", "Attempts at steps, and at undoing them, of runs that ended.", "action", "outcome"),
    _histogram("qx_step_duration_seconds", "Time that steps took, each attempt by itself.", "action"),
    _gauge("qx_runs_open", "Runs that have not ended, stuck ones included."),
    # -- alerts
    _gauge("qx_alerts", "Alerts that stand.", "severity"),
    _counter("qx_notices_total", "Attempts to deliver a notice, and notices given up.", "channel", "outcome"),
    _gauge("qx_notices_waiting", "Notices that the channel has not taken yet.", "channel"),
    # -- the daemon itself
    _gauge("qx_watch_start_timestamp_seconds", "When the daemon began."),
    _gauge("qx_watch_tick_timestamp_seconds", "When its last tick ended."),
    _gauge("qx_watch_interval_seconds", "What should lie between two ticks."),
    _histogram("qx_watch_tick_duration_seconds", "Time that ticks took."),
    _gauge("qx_watch_loop_lag_seconds", "How late its event loop was at the last tick."),
    _gauge("qx_watch_distrust_seconds", "For how long it still only watches, because it stood still."),
    _gauge("qx_connections", "Connections that it keeps open.", "kind"),
)
