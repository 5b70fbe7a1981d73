"""qx: a controller per region on etcd, every server under its guard, drilled and armed; clients also have a Route.

Profile `fast` is what is measured against the targets; the default profile stands beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.failover.net import wait
from bench.failover.postgres import PORT, USER, dsn
from qx.adapters.fabric import SetRoute, ask
from qx.app.workbench import Workbench
from qx.engine.records import read
from qx.kernel.errors import QxError
from qx.lab.layout import slot_name
from qx.model.standing import Grant, Renewal, Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.failover.net import Process, Region
    from bench.failover.systems.system import Site
    from qx.ports.store import Store

CLUSTER = "trading"
ROUTE_PORT = 6432
WORLD = "world"
ROOT = Path(__file__).parents[3]


class Qx:
    def __init__(self, site: Site, profile: str, durability: str = "async") -> None:
        self._site, self._servers = site, site.servers
        self._regions = site.world.regions
        self._profile, self._durability = profile, durability
        self._route: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._site.etcd.start()
        self._start_route()
        first, *others = self._regions.values()
        for region in self._regions.values():
            self._site.ground.directory(self._home(region.name))
            self._control_file(region).write_text(json.dumps(self._control(region)))
            self._config(region.name).write_text(json.dumps(self._platform(region.name)))  # JSON is YAML
        self._home(WORLD).mkdir()
        self._config(WORLD).write_text(json.dumps(self._platform(WORLD)))
        self._servers.create(first, {})
        self._launch(first)
        for region in others:
            self._servers.clone(region, first, {}, slot_name(region.name))
            self._launch(region)
        for region in self._regions.values():
            self._watch(region)
        wait(self._is_watched, 60, "every region's controller to watch", every=0.5)
        self._say("drill", "--cluster", CLUSTER, "--yes")
        self._say("arm", CLUSTER, "--reason", "bench")

    def is_ready(self, writer: str) -> bool:
        """Its lease stands: every controller runs, and one of them extends it."""
        def stands(store: Store) -> bool:
            grant = read(store, Grant, CLUSTER)
            return grant is not None and grant.region == writer and store.record(Renewal.KIND, CLUSTER) is not None

        return all(self.controllers(region) for region in self._regions.values()) and self._told(stands)

    def _told(self, says: Callable[[Store], bool]) -> bool:
        """Whether the store answers, and says so."""
        bench = Workbench(self._env(WORLD))
        try:
            return says(bench.store)
        except QxError:
            return False
        finally:
            bench.store.shut()

    def _all_speak(self) -> bool:
        return self._told(lambda store: len(store.records(Witness.KIND)) == len(self._regions))

    def routes(self) -> dict[str, str]:
        return {"route": dsn(["127.0.0.1"], ROUTE_PORT)}

    def planned(self, source: str, target: str) -> None:
        self._say("failover", "--cluster", CLUSTER, "--to", target, "--yes")

    def repair(self) -> None:
        """Supervisors start etcd and the controllers; an operator acknowledges the run and, once every controller is
        heard again, lets nodes rejoin.
        """
        self._site.etcd.revive()
        for region in self._regions.values():
            if not self.controllers(region):
                self._watch(region)
        wait(lambda: any(each.writes for each in self._servers.look()), 30, "a writer")
        self._say("runs", "ack", "--reason", "bench")
        if self._servers.writer() is None:
            wait(self._all_speak, 30, "every region's controller to be heard")
            self._say("rejoin", "--yes")

    def stop(self) -> None:
        if self._route is not None:
            self._route.kill()
            self._route.wait()

    def controllers(self, region: Region) -> list[Process]:
        return [each for each in region.processes() if b"daemon" in words(each)]

    def _is_watched(self) -> bool:
        """Whether a drill would be accepted: that wants every controller."""
        return self._asked("drill", "--cluster", CLUSTER, "--dry-run").returncode == 0

    # -- what stands where

    def _home(self, place: str) -> Path:
        return self._site.place / place

    def _config(self, place: str) -> Path:
        return self._home(place) / "regions.yaml"

    def _control_file(self, region: Region) -> Path:
        return self._home(region.name) / "control.json"

    @property
    def _socket(self) -> Path:
        return self._site.place / "route.sock"

    def _platform(self, place: str) -> dict[str, Any]:
        """regions.yaml as it stands at `place`: etcd's nearest member comes first."""
        endpoints = self._site.etcd.endpoints
        if place in self._regions:
            own = list(self._regions).index(place)
            endpoints = endpoints[own:] + endpoints[:own]
        return {
            "version": 1,
            "platform": "bench",
            "defaults": {"cooldown": "0s"},
            "regions": {name: {"title": name, "jurisdictions": ["XX"]} for name in self._regions},
            "clusters": {
                CLUSTER: {
                    "kind": "postgresql",
                    "home": next(iter(self._regions)),
                    "data_classes": ["market_data"],
                    "mode": "auto",
                    "durability": self._durability,
                    "objectives": {"rpo": "1m", "rpo_bytes": "64MiB"},
                    "nodes": {name: self._node(region) for name, region in self._regions.items()},
                    "routes": [
                        {"driver": "lab", "socket": str(self._socket), "address": f"127.0.0.1:{ROUTE_PORT}"}
                    ],
                }
            },
            "residency": [
                {"data_class": "*", "source": "*", "to": "*", "verdict": "allowed", "because": "all of it is made up"}
            ],
            "watch": {"profile": self._profile, "moves_per_day": 1000},
            "store": {"etcd": {"endpoints": endpoints}},
        }

    def _node(self, region: Region) -> dict[str, Any]:
        url = f"postgresql://{USER}@{region.address}:{PORT}/postgres"
        return {"url": url, "control": self._control(region)}

    def _control(self, region: Region) -> dict[str, Any]:
        directory = self._servers.directory(region)
        return {
            "driver": "local",
            "data_dir": str(self._servers.data(region)),
            "bin_dir": str(self._site.ground.bin_dir),
            "port": PORT,
            "run_as": list(self._site.ground.run_as),
            "log_file": str(directory / "server.log"),
            "socket_dir": str(directory),
            "guard": True,
        }

    # -- its processes

    def _launch(self, region: Region) -> None:
        """The server under its guard, as its control starts it."""
        module = "bench.failover.systems.launch"
        argv = region.within(sys.executable, "-m", module, str(self._control_file(region)), CLUSTER, region.name)
        log = self._home(region.name) / "launch.log"
        with log.open("ab") as out:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False, timeout=90, cwd=ROOT
            )
        if done.returncode:
            raise RuntimeError(f"{region.name}: its server did not start: {log.read_text()[-400:]}")

    def _watch(self, region: Region) -> None:
        argv = [sys.executable, "-m", "qx", "daemon", "--region", region.name]
        region.launch(argv, self._home(region.name) / "daemon.log", self._env(region.name))

    def _start_route(self) -> None:
        module = "bench.failover.systems.route"
        argv = [sys.executable, "-m", module, CLUSTER, str(ROUTE_PORT), str(self._socket)]
        self._route = subprocess.Popen(argv, cwd=ROOT)
        wait(self._socket.exists, 20, "the route")
        target = f"{next(iter(self._regions.values())).address}:{PORT}"
        ask(self._socket, SetRoute(cluster=CLUSTER, epoch=0, target=target))

    def _say(self, *argv: str) -> None:
        done = self._asked(*argv)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-600:]
            raise RuntimeError(f"qx {' '.join(argv)} ended with {done.returncode}: {said}")

    def _asked(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "qx", *argv], env=self._env(WORLD), capture_output=True, text=True, check=False,
            timeout=150,
        )  # fmt: skip

    def _env(self, place: str) -> dict[str, str]:
        own = {"QX_CONFIG": str(self._config(place)), "XDG_STATE_HOME": str(self._home(place)), "PYTHONPATH": str(ROOT)}
        return {**os.environ, **own}


def words(process: Process) -> list[bytes]:
    """Of its command line."""
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
