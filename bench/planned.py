"""Planned failover, floor and qx by turns, as clients at 200 writes/s through the route see it.

    python -m bench.planned [--runs N] [-o FILE]

Each turn goes from us-east to eu-west and back, so that every tool starts from the same place. Printed per tool:
write outage minimum, median, maximum; acknowledged writes lost; and the machine's noise: load, and the longest gap
between two acknowledgements while nothing was done.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.floor import Floor
from qx.lab.down import down
from qx.lab.ledger import Ledger, prepare_postgres, stored
from qx.lab.ledger import Path as Client
from qx.lab.status import LabStatus, status
from qx.lab.up import Wish, up

if TYPE_CHECKING:
    from collections.abc import Callable

RATE, WORKERS = 200.0, 4
AWAY, HOME = "eu-west", "us-east"


class Bench:
    def __init__(self, lab: LabStatus, env: dict[str, str]) -> None:
        self.lab, self.env = lab, {**env, "QX_CONFIG": lab.config}
        self.kinds = {node.cluster: node.kind for node in lab.nodes}
        self.direct = {(node.cluster, node.region): node.dsn for node in lab.nodes}
        self.routes = {route.cluster: route.dsn for route in lab.routes}
        self.floor = Floor(lab, env)
        self.rows: dict[tuple[str, str], list[dict[str, float]]] = {}
        self.gone: dict[str, set[int]] = {cluster: set() for cluster in self.kinds}

    def run(self, runs: int) -> None:
        prepare_postgres(self.routes["trading"])
        clients = [Client(c, kind, self.routes[c], RATE, WORKERS) for c, kind in self.kinds.items()]
        with Ledger(clients) as self.ledger:
            for cluster in self.kinds:
                self.ledger.wait_for_writes(cluster, 0.0, 100, 20)
            for turn in range(runs):
                for source, target in ((HOME, AWAY), (AWAY, HOME)):
                    self._timed(
                        "floor",
                        "trading",
                        target,
                        partial(self.floor.postgres, "trading", source, target),
                    )
                    self._timed(
                        "floor",
                        "sessions",
                        target,
                        partial(self.floor.redis, "sessions", source, target),
                    )
                for target in (AWAY, HOME):
                    for cluster in self.kinds:
                        self._timed("qx", cluster, target, partial(self._qx, target, cluster))
                print(f"turn {turn + 1} of {runs} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)

    def _qx(self, target: str, cluster: str) -> None:
        argv = [
            sys.executable,
            "-m",
            "qx",
            "failover",
            "--to",
            target,
            "--cluster",
            cluster,
            "--yes",
            "-o",
            "json",
        ]
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise SystemExit(
                f"{' '.join(argv[2:])} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )

    def _timed(self, tool: str, cluster: str, writer: str, act: Callable[[], None]) -> None:
        client = self.ledger.paths[cluster]
        quiet = time.monotonic()
        self.ledger.wait_for_writes(cluster, quiet, 100, 20)
        since = time.monotonic()
        noise = client.longest_gap(quiet, since)
        act()
        ended = time.monotonic()
        self.ledger.wait_for_writes(cluster, ended, 100, 20)
        until = time.monotonic()
        acked = {ack.seq for ack in client.acked_between(0.0, until)}
        lost = acked - stored(self.kinds[cluster], self.direct[cluster, writer], cluster) - self.gone[cluster]
        self.gone[cluster] |= lost
        row = {
            "write_outage_s": client.longest_gap(since, until),
            "wall_s": ended - since,
            "lost": len(lost),
            "noise_s": noise,
        }
        self.rows.setdefault((tool, cluster), []).append(row)

    def summary(self) -> list[dict[str, Any]]:
        out = []
        for (tool, cluster), rows in sorted(self.rows.items(), key=lambda item: (item[0][1], item[0][0])):
            outages = [row["write_outage_s"] for row in rows]
            out.append(
                {
                    "tool": tool,
                    "cluster": cluster,
                    "kind": self.kinds[cluster],
                    "runs": len(rows),
                    "write_outage_s": {
                        "min": min(outages),
                        "median": statistics.median(outages),
                        "max": max(outages),
                    },
                    "command_s": statistics.median(row["wall_s"] for row in rows),
                    "acknowledged_lost": int(sum(row["lost"] for row in rows)),
                    "noise_gap_s": {
                        "median": statistics.median(r["noise_s"] for r in rows),
                        "max": max(r["noise_s"] for r in rows),
                    },
                }
            )
        return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=int, default=int(os.environ.get("RUNS", "10")), help="turns there and back"
    )
    parser.add_argument("--pg", type=int, default=16, choices=(16, 18))
    parser.add_argument("-o", "--output", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qx-bench-") as directory:
        place = Path(directory, "lab")
        try:
            bench = Bench(
                status(up(place, Wish(regions=3, pg=options.pg), lambda line: print(line, file=sys.stderr))),
                dict(os.environ),
            )
            bench.run(options.runs)
        finally:
            down(place)
    rows = bench.summary()
    print(
        f"planned failover, {RATE:.0f} writes/s per cluster through the route,"
        f" PostgreSQL {options.pg}, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'':22}{'runs':>5}{'outage min':>12}{'median':>9}{'max':>9}"
        f"{'command':>10}{'lost':>6}{'noise gap':>11}{'max':>8}"
    )
    for row in rows:
        outage, noise = row["write_outage_s"], row["noise_gap_s"]
        print(
            f"{row['kind']:<12}{row['tool']:<10}{row['runs']:>5}{outage['min']:>11.3f}s{outage['median']:>8.3f}s{outage['max']:>8.3f}s"
            f"{row['command_s']:>9.2f}s{row['acknowledged_lost']:>6}{noise['median']:>10.3f}s{noise['max']:>7.3f}s"
        )
    if options.output:
        options.output.write_text(json.dumps({"schema": "qx.bench-planned/1", "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
