"""The demo: three regions, clients that keep a ledger, and the main job done on them, measured by those clients.

Every qx command runs as a process of its own, exactly as an operator would type it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from qx.kernel.errors import QxError
from qx.lab.ledger import Ledger, Path, prepare_postgres, stored
from qx.render.paint import PLAIN, Palette
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qx.lab.status import LabStatus

RATE, WORKERS, PINNED_RATE = 200.0, 4, 20.0
SETTLE_WRITES = 40  # acknowledged after a move before it counts as over
ROUTE = "route"


class ClusterResult(Struct, frozen=True, kw_only=True):
    """What the clients of one cluster saw of one phase."""

    cluster: str
    kind: str
    writer: str
    write_outage_s: float
    acked: int
    lost: int
    stale_acks: (
        int  # acknowledged to a pinned client by a node other than the writer, after clients wrote again
    )


class Phase(Struct, frozen=True, kw_only=True):
    """`write_outage_s`, `acked`, `lost` are PostgreSQL's `trading`; `verified` says what was checked and found true."""

    name: str
    command: str
    took_s: float
    write_outage_s: float
    acked: int
    lost: int
    verified: tuple[str, ...]
    clusters: tuple[ClusterResult, ...]


class Demo(Struct, frozen=True, kw_only=True, tag_field="schema", tag="qx.demo/1"):
    phases: tuple[Phase, ...]
    took_s: float


def demo_text(demo: Demo, palette: Palette = PLAIN, width: int | None = None) -> str:
    """A row per phase and cluster, as the clients saw it."""
    rows: list[list[Cell | str]] = [
        [
            phase.name if number == 0 else "",
            result.cluster,
            result.writer,
            f"{result.write_outage_s:.3f} s",
            str(result.acked),
            Cell(str(result.lost), "warn" if result.lost else "good"),
        ]
        for phase in demo.phases
        for number, result in enumerate(phase.clusters)
    ]
    columns = [
        Column("phase"),
        Column("cluster"),
        Column("writer"),
        Column("write outage", right=True),
        Column("acked", right=True),
        Column("lost", right=True),
    ]
    return (
        table(columns, rows, width=width, palette=palette)
        + f"\n\n{demo.took_s:.0f} s without the start of the lab"
    )


class _Said(NamedTuple):
    exit: int
    document: dict[str, Any]


class Stage:
    """One demo on one running lab. `tell` gets a line for the person who watches."""

    def __init__(self, lab: LabStatus, env: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._lab, self._tell = lab, tell
        self._env = {**env, "QX_CONFIG": lab.config}
        self._kinds = {node.cluster: node.kind for node in lab.nodes}
        self._direct = {(node.cluster, node.region): node.dsn for node in lab.nodes}
        self._routes = {route.cluster: route.dsn for route in lab.routes}
        self._phases: list[Phase] = []
        self._lost = 0  # writes of `trading` that the unplanned failover lost
        self._lost_before: dict[str, set[int]] = {name: set() for name in self._kinds}

    def play(self) -> Demo:
        began = time.monotonic()
        prepare_postgres(self._routes["trading"])
        with Ledger([*self._paths()]) as self.ledger:
            for cluster in self._kinds:
                self.ledger.wait_for_writes(f"{cluster}/{ROUTE}", 0.0, SETTLE_WRITES, 20)
            self._show("status")
            self._show("lag")
            self._move("planned-failover", ["failover", "--to", "eu-west", "--yes"], "eu-west")
            self._show("lag")
            accepted = ["--accept-loss", "64MiB", "--reason", "eu-west is dead"]
            away = ["failover", "--to", "ap-southeast", "--yes", *accepted]
            self._move("unplanned-failover", away, "ap-southeast", self._strike)
            self._fault("heal")
            self._move("rejoin", ["rejoin", "--yes"], "ap-southeast")
            self._move("planned-failback", ["failback", "--yes"], "us-east")
            self._show("status")
        return Demo(phases=tuple(self._phases), took_s=time.monotonic() - began)

    def _paths(self) -> list[Path]:
        paths = [
            Path(f"{cluster}/{ROUTE}", kind, self._routes[cluster], RATE, WORKERS)
            for cluster, kind in self._kinds.items()
        ]
        for (cluster, region), dsn in self._direct.items():
            paths.append(Path(f"{cluster}/{region}", self._kinds[cluster], dsn, PINNED_RATE, 1))
        return paths

    def _strike(self) -> None:
        """The writer's region loses its replicas, then dies: what it acknowledged in between is nowhere else."""
        for other in ("us-east", "ap-southeast"):
            self._fault("cut", "eu-west", other)
        self._fault("kill", "eu-west")

    def _fault(self, *words: str) -> None:
        self._tell("$ qx lab fault " + " ".join(words))
        self._qx(["lab", "fault", *words, "--dir", self._lab.directory])

    def _move(self, name: str, command: list[str], writer: str, before: Callable[[], None] | None = None) -> None:
        since = time.monotonic()
        if before:
            before()
        self._tell("$ qx " + " ".join(command))
        started = time.monotonic()
        said = self._qx([*command, "-o", "json"])
        took = time.monotonic() - started
        if said.exit != 0:
            raise QxError(
                "QX-LAB-008",
                f"`qx {' '.join(command)}` ended with {said.exit}: {json.dumps(said.document)[:2000]}",
            )
        done = time.monotonic()
        for cluster in self._kinds:
            self.ledger.wait_for_writes(f"{cluster}/{ROUTE}", done, SETTLE_WRITES, 20)
        until = time.monotonic()
        results = tuple(self._result(cluster, writer, since, done, until) for cluster in self._kinds)
        trading = next(result for result in results if result.cluster == "trading")
        phase = Phase(
            name=name,
            command="qx " + " ".join(command),
            took_s=took,
            write_outage_s=trading.write_outage_s,
            acked=trading.acked,
            lost=trading.lost,
            verified=self._verified(name, results, said.document),
            clusters=results,
        )
        self._phases.append(phase)
        for result in results:
            self._tell(
                f"  {result.cluster:<9} writer {result.writer:<13} write outage {result.write_outage_s:6.3f} s   "
                f"acknowledged {result.acked:5d}   lost {result.lost}   stale acks {result.stale_acks}"
            )
        self._tell("\n".join(f"  verified: {each}" for each in phase.verified) + "\n")

    def _result(self, cluster: str, writer: str, since: float, done: float, until: float) -> ClusterResult:
        path, kind = self.ledger.paths[f"{cluster}/{ROUTE}"], self._kinds[cluster]
        acked = {ack.seq for ack in path.acked_between(0.0, until)}
        lost = acked - stored(kind, self._direct[cluster, writer], path.name) - self._lost_before[cluster]
        self._lost_before[cluster] |= lost
        pinned = [
            self.ledger.paths[f"{cluster}/{region}"]
            for name, region in self._direct
            if name == cluster and region != writer
        ]
        return ClusterResult(
            cluster=cluster,
            kind=kind,
            writer=writer,
            write_outage_s=path.longest_gap(since, until),
            acked=len(path.acked_between(since, until)),
            lost=len(lost),
            stale_acks=sum(len(one.acked_between(done, until)) for one in pinned),
        )

    def _verified(
        self, name: str, results: tuple[ClusterResult, ...], document: dict[str, Any]
    ) -> tuple[str, ...]:
        """What holds; what does not is an error, not an omission."""
        found = []
        stale = [result.cluster for result in results if result.stale_acks]
        if stale:
            raise QxError(
                "QX-LAB-008", f"{name}: a node that is not the writer acknowledged writes: {', '.join(stale)}"
            )
        found.append("no node but the writer acknowledges")
        lost = {result.cluster: result.lost for result in results if result.lost}
        if lost and name != "unplanned-failover":
            raise QxError("QX-LAB-008", f"{name}: acknowledged writes were lost: {lost}")
        if not lost:
            found.append("every acknowledged write is there")
        found += self._losses(lost, document)
        view = self._qx(["status", "-o", "json"]).document["clusters"]
        for result in results:
            seen = view[result.cluster]
            if seen["writer"] != result.writer:
                raise QxError(
                    "QX-LAB-008", f"{name}: status says that {result.cluster} writes in {seen['writer']}"
                )
            streaming = sorted(region for region, node in seen["nodes"].items() if node["streaming"])
            found.append(
                f"{result.cluster}: {', '.join(streaming) or 'nobody'} streaming from {result.writer}"
            )
        return (
            *found,
            f"journal: run {document['run']} {document['outcome']}" if "run" in document else "journal",
        )

    def _losses(self, lost: dict[str, int], document: dict[str, Any]) -> list[str]:
        """What was announced beforehand and what the salvage measured, against what the clients count."""
        found = []
        for stage in document.get("clusters", []):
            cluster, announced = stage["cluster"], stage["estimated_loss"]
            if stage["kind"] == "postgresql" and cluster in lost and announced:
                low, high = announced["transactions_low"], announced["transactions_high"]
                if high is not None and lost[cluster] > high:
                    raise QxError("QX-LAB-008", f"{cluster}: {lost[cluster]} writes lost, at most {high} announced")
                self._lost = lost[cluster]
                found.append(f"{cluster}: {self._lost} writes lost, {low} to {high} transactions were announced")
            for salvaged in stage["measured_loss"]:
                if not salvaged["commits"]:
                    continue
                if salvaged["commits"] < self._lost:
                    raise QxError("QX-LAB-008", f"{cluster}: the salvage holds fewer than the {self._lost} lost writes")
                found.append(f"{salvaged['node']}: {salvaged['commits']} transactions beyond the fork kept as rows")
        return found

    def _show(self, command: str) -> None:
        self._tell(f"$ qx {command}")
        shown = subprocess.run(
            [sys.executable, "-m", "qx", command],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self._tell(shown.stdout + shown.stderr)

    def _qx(self, words: list[str]) -> _Said:
        argv = [sys.executable, "-m", "qx", *words]
        if "-o" not in words:
            argv += ["-o", "json"]
        done = subprocess.run(argv, env=self._env, capture_output=True, text=True, check=False, timeout=300)
        try:
            return _Said(done.returncode, json.loads(done.stdout))
        except json.JSONDecodeError as error:
            raise QxError(
                "QX-LAB-008",
                f"`qx {' '.join(words)}` said no JSON: {done.stdout[-500:]}{done.stderr[-1500:]}",
            ) from error
