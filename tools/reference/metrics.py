"""Every metric of the daemon, from the table that it exposes."""

from __future__ import annotations

from qx.model.metric import METRICS
from tools.reference.markdown import code, plain, table

HEAD = """\
What `qx daemon` shows under `/metrics` when `watch.metrics.listen` is set. A gauge is what it was at the last tick; a
state that is not in force has no series. Counters and histograms begin with the daemon. Values of labels come from
regions.yaml, or from the words of these pages. Besides: `process_*`, as the client library measures the process."""


def body() -> str:
    rows = [
        [code(metric.name), metric.kind, ", ".join(map(code, metric.labels)), plain(metric.help)] for metric in METRICS
    ]
    return "\n\n".join([HEAD, table(["metric", "kind", "labels", "meaning"], rows)])
