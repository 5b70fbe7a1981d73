"""Patroni on etcd: its defaults, and tuned as far as it allows (a ttl below 20 s is refused)."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from bench.failover.net import wait
from bench.failover.postgres import HBA, PORT, SETTINGS, USER

if TYPE_CHECKING:
    from pathlib import Path

    from bench.failover.net import Process, Region
    from bench.failover.systems.system import Site

DEFAULT: dict[str, Any] = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}
TUNED: dict[str, Any] = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "primary_start_timeout": 0}
SCOPE, REST = "bench", 8008


class Patroni:
    def __init__(self, site: Site, dynamic: dict[str, Any]) -> None:
        self._site, self._dynamic = site, dynamic

    def start(self) -> None:
        self._site.etcd.start()
        first, *others = self._site.world.regions.values()
        self._launch(first)
        servers = self._site.servers
        wait(lambda: any(each.writes for each in servers.look()), 60, "Patroni's first writer")
        for region in others:
            self._launch(region)

    def is_ready(self, writer: str) -> bool:
        return all(self.controllers(region) for region in self._site.world.regions.values())

    def routes(self) -> dict[str, str]:
        return {}

    def planned(self, source: str, target: str) -> None:
        argv = [
            f"{self._site.programs.patroni}/patronictl", "-c", str(self._config(self._site.world.regions[source])),
            "switchover", SCOPE, "--leader", source, "--candidate", target, "--force",
        ]  # fmt: skip
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=_env())
        if done.returncode:
            raise RuntimeError(f"patronictl switchover: {done.stdout}{done.stderr}")

    def repair(self) -> None:
        self._site.etcd.revive()
        for region in self._site.world.regions.values():
            if not self.controllers(region):
                self._launch(region)

    def stop(self) -> None:
        return

    def controllers(self, region: Region) -> list[Process]:
        return [each for each in region.processes() if each.name == "patroni"]

    def _launch(self, region: Region) -> None:
        config = self._config(region)
        config.write_text(json.dumps(self._settings(region), indent=1))  # JSON is YAML
        argv = [*self._site.ground.run_as, f"{self._site.programs.patroni}/patroni", str(config)]
        region.launch(argv, config.parent / "patroni.log", _env())

    def _config(self, region: Region) -> Path:
        return self._site.servers.directory(region) / "patroni.yml"

    def _settings(self, region: Region) -> dict[str, Any]:
        place, ground = self._site.servers.directory(region), self._site.ground
        user = {"username": USER}
        return {
            "scope": SCOPE,
            "name": region.name,
            "restapi": {"listen": f"{region.address}:{REST}", "connect_address": f"{region.address}:{REST}"},
            "etcd3": {"hosts": [endpoint.removeprefix("http://") for endpoint in self._site.etcd.endpoints]},
            "bootstrap": {
                "dcs": {
                    **self._dynamic,
                    "maximum_lag_on_failover": 1048576,
                    "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": SETTINGS},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, {"auth": "trust"}, "data-checksums", "no-sync"],
            },
            "postgresql": {
                "listen": f"{region.address}:{PORT}",
                "connect_address": f"{region.address}:{PORT}",
                "data_dir": str(self._site.servers.data(region)),
                "bin_dir": str(ground.bin_dir),
                "pgpass": str(place / "pgpass"),
                "authentication": {"superuser": user, "replication": user, "rewind": user},
                "parameters": {"unix_socket_directories": str(place)},
                "pg_hba": list(HBA),
            },
        }


def _env() -> dict[str, str]:
    """Its own interpreter's, without ours."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
