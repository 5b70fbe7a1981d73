"""One daemon over many nodes: a sweep of all of them beside a bare loop that asks the same, from 10 to 1,000 nodes.

    python -m bench.sweep [--runs N] [--nodes 10,100,1000]

The nodes are many addresses of a few real servers: the lab's three of PostgreSQL and three of Valkey. A sweep is the
daemon's own code: its eyes look at every node over the connections that they keep, then one tick judges it all and
keeps what must be kept. The bare loop is psycopg's and redis-py's own asyncio connections, kept open too, with the very
same questions and nothing made of the answers. Both by turns, in one process. The targets: at most twice the bare
loop; per node no dearer at 1,000 than at 10; every node seen in every sweep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import redis.asyncio
from msgspec import Struct

from qx.adapters.postgres.observe import SETTINGS
from qx.adapters.postgres.query import FACTS
from qx.adapters.redis.observe import QUESTIONS
from qx.app.workbench import Workbench
from qx.daemon.daemon import Post
from qx.daemon.log import Log
from qx.lab.down import down
from qx.lab.status import status
from qx.lab.up import Wish, up
from qx.model.observation import Silence
from qx.model.platform import Cluster, Defaults, Node, Platform, Region, StoreAt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.lab.lab import Lab
    from qx.lab.status import NodeStatus

TWICE = 2.0
CONNECTIONS = 500  # of one PostgreSQL server: its share of the nodes, twice, and some
NOISE = 1.25  # by so much two medians of the same thing may differ


class Took(Struct, frozen=True, kw_only=True):
    """Seconds of one sweep."""

    wall: float
    cpu: float


class Row(Struct, frozen=True, kw_only=True):
    nodes: int
    connect_s: float  # qx's first sweep, which connects
    bare: list[Took]
    look: list[Took]  # qx's eyes
    tick: list[Took]  # judged, kept, considered
    unseen: int  # nodes that a sweep did not see
    descriptors: int

    @property
    def ratios(self) -> list[float]:
        """Each turn by itself: the machine's noise is about the same within one."""
        return [(look.wall + tick.wall) / bare.wall for look, tick, bare in zip(self.look, self.tick, self.bare,
                                                                               strict=True)]  # fmt: skip


def wider(lab: Lab) -> None:
    """More connections than the lab's own setting; standbys first, which must not allow less than their writer."""
    postgres = [cluster for cluster in lab.layout.clusters if cluster.kind == "postgresql"]
    for node in (node for cluster in postgres for node in reversed(lab.layout.nodes_of(cluster))):
        with node.config_file.open("a") as file:
            file.write(f"max_connections = {CONNECTIONS}\n")
        argv = [*lab.ground.run_as, str(lab.ground.bin_dir / "pg_ctl"), "restart", "--wait", "--silent", "--mode",
                "fast", "--pgdata", str(node.data_dir), "--log", str(node.log_file)]  # fmt: skip
        nowhere = subprocess.DEVNULL
        subprocess.run(argv, check=True, timeout=120, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def platform(servers: list[NodeStatus], count: int, store: Path) -> Platform:
    """`count` nodes in clusters of three, PostgreSQL and Redis by turns, each with its writer where the lab's is."""
    by_kind: dict[str, list[NodeStatus]] = {"postgresql": [], "redis": []}
    for server in servers:
        by_kind[server.kind].append(server)
    clusters: dict[str, Cluster] = {}
    left = count
    while left:
        kind = ("postgresql", "redis")[len(clusters) % 2]
        some = by_kind[kind][: min(left, 3)]
        left -= len(some)
        clusters[f"c{len(clusters):03}"] = Cluster(
            kind=kind, home=some[0].region, data_classes=("market_data",),  # type: ignore[arg-type]  # one of the two
            nodes={server.region: Node(url=server.dsn) for server in some},
        )  # fmt: skip
    return Platform(
        version=1, platform=f"sweep-{count}", clusters=clusters, store=StoreAt(path=str(store)),
        regions={server.region: Region(title=server.region, jurisdictions=("XX",)) for server in servers},
        defaults=Defaults(),
    )  # fmt: skip


class Bare:
    """The loop that anybody would write: one open connection per node, all asked at once."""

    def __init__(self) -> None:
        self._asks: list[Callable[[], Awaitable[Any]]] = []
        self._stack = AsyncExitStack()

    async def open(self, at: Platform) -> None:
        for cluster in at.clusters.values():
            for node in cluster.nodes.values():
                if cluster.kind == "postgresql":
                    self._asks.append(await self._postgres(node.url))
                else:
                    self._asks.append(await self._redis(node.url))

    async def _postgres(self, url: str) -> Callable[[], Awaitable[Any]]:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c jit=off")
        self._stack.push_async_callback(connection.close)

        async def ask() -> Any:
            return await (await connection.execute(FACTS, (list(SETTINGS),))).fetchall()

        return ask

    async def _redis(self, url: str) -> Callable[[], Awaitable[Any]]:
        client = redis.asyncio.Redis.from_url(
            url, single_connection_client=True, decode_responses=True, socket_timeout=None, socket_connect_timeout=None
        )
        await client.initialize()
        self._stack.push_async_callback(client.aclose)

        async def ask() -> Any:
            pipe = client.pipeline(transaction=False)
            for question in QUESTIONS:
                pipe.execute_command(*question)
            return await pipe.execute()

        return ask

    async def sweep(self) -> None:
        await asyncio.gather(*(ask() for ask in self._asks))

    async def close(self) -> None:
        await self._stack.aclose()


async def timed(act: Callable[[], Awaitable[Any]]) -> Took:
    wall, cpu = time.monotonic(), time.process_time()
    await act()
    return Took(wall=time.monotonic() - wall, cpu=time.process_time() - cpu)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def measure(servers: list[NodeStatus], count: int, runs: int, place: Path) -> Row:
    config = place / f"sweep-{count}.yaml"
    config.write_text("version: 1\n")  # named in what is told; the platform is made here
    bench = Workbench({**os.environ, "XDG_STATE_HOME": str(place)}, str(config))
    bench.__dict__["platform"] = at = platform(servers, count, place / f"sweep-{count}.db")
    quiet = (place / f"sweep-{count}.log").open("w")
    post = Post(bench, Log(quiet, bench.clock, as_json=True))
    bare = Bare()

    async def tick() -> None:
        await post.watchman.tick()
        await post.watchman.settle()

    try:
        first = await timed(post.eyes.look)
        await tick()
        await bare.open(at)
        acts = {"bare": bare.sweep, "look": post.eyes.look, "tick": tick}
        found: dict[str, list[Took]] = {name: [] for name in acts}
        unseen = 0
        for turn in range(runs + 1):  # the first warms up
            order = ("bare", "look", "tick") if turn % 2 else ("look", "tick", "bare")
            took = {name: await timed(acts[name]) for name in order}
            if turn:
                for name, each in took.items():
                    found[name].append(each)
                unseen += sum(isinstance(seen, Silence) for seen in post.eyes.seen.values())
        descriptors = open_files()
        return Row(nodes=count, connect_s=first.wall, unseen=unseen, descriptors=descriptors, **found)
    finally:
        await bare.close()
        await bench.close()
        quiet.close()


def told(rows: list[Row]) -> bool:
    """Prints the table; whether every target was met."""
    print(f"{'nodes':>6}{'connect':>10}{'bare':>10}{'eyes':>10}{'tick':>10}{'ratio min':>11}{'median':>8}{'max':>7}"
          f"{'ms/node':>9}{'cpu bare':>10}{'cpu qx':>9}{'unseen':>8}{'fds':>7}")  # fmt: skip
    for row in rows:
        bare, look, tick = (statistics.median(t.wall for t in each) for each in (row.bare, row.look, row.tick))
        cpu_bare = statistics.median(took.cpu for took in row.bare)
        cpu_qx = statistics.median(look.cpu + tick.cpu for look, tick in zip(row.look, row.tick, strict=True))
        print(f"{row.nodes:>6}{row.connect_s:>9.2f}s{bare:>9.3f}s{look:>9.3f}s{tick:>9.3f}s"
              f"{min(row.ratios):>11.2f}{statistics.median(row.ratios):>8.2f}{max(row.ratios):>7.2f}"
              f"{(look + tick) / row.nodes * 1000:>9.2f}{cpu_bare:>9.3f}s{cpu_qx:>8.3f}s"
              f"{row.unseen:>8}{row.descriptors:>7}")  # fmt: skip
    first, last = rows[0], rows[-1]
    bare_grew = statistics.median(t.wall for t in last.bare) / statistics.median(t.wall for t in first.bare)
    bare_grew *= first.nodes / last.nodes
    per_node = [
        statistics.median(look.wall + tick.wall for look, tick in zip(row.look, row.tick, strict=True)) / row.nodes
        for row in (first, last)
    ]
    grew = per_node[1] / per_node[0]
    ratio = statistics.median(last.ratios)
    unseen = sum(row.unseen for row in rows)
    print(f"{last.nodes} nodes: {ratio:.2f} times the bare loop (at most {TWICE:.0f}); per node {grew:.2f} times that"
          f" of {first.nodes} (at most 1, {NOISE} with noise; the bare loop {bare_grew:.2f} times its own: the servers'"
          f" share); nodes not seen: {unseen}")  # fmt: skip
    return ratio <= TWICE and grew <= NOISE and not unseen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS", "7")), help="after one to warm up")
    parser.add_argument("--nodes", default=os.environ.get("NODES", "10,100,1000"), help="how many, by commas")
    parser.add_argument("-o", "--output", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = []
    with tempfile.TemporaryDirectory(prefix="qx-bench-") as directory:
        place = Path(directory, "lab")
        try:
            lab = up(place, Wish(regions=3), lambda line: print(line, file=sys.stderr))
            wider(lab)
            servers = status(lab).nodes
            print(f"a sweep by one daemon and by a bare loop, {options.runs} turns, {os.cpu_count()} cores,"
                  f" load {os.getloadavg()[0]:.1f}")  # fmt: skip
            for count in map(int, options.nodes.split(",")):
                rows.append(asyncio.run(measure(list(servers), count, options.runs, Path(directory))))
                print(f"{count} nodes done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        finally:
            down(place)
    met = told(rows)
    if options.output:
        import msgspec

        document = {"schema": "qx.bench-sweep/1", "met": met, "rows": msgspec.to_builtins(rows)}
        options.output.write_text(json.dumps(document, indent=2) + "\n")
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
