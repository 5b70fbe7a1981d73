"""repmgr, tuned: three attempts one second apart. It brings no former writer back: its operator clones it anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.failover.net import wait
from bench.failover.postgres import PORT, USER

if TYPE_CHECKING:
    from bench.failover.net import Process, Region
    from bench.failover.systems.system import Site

SETTINGS = {"shared_preload_libraries": "repmgr"}
_REMOTE = Path(__file__).with_name("remote.py")


class Repmgr:
    def __init__(self, site: Site) -> None:
        self._site, self._servers = site, site.servers
        self._regions = site.world.regions
        self._tools = site.place / "tools"

    def start(self) -> None:
        self._install()
        first, *others = self._regions.values()
        self._servers.create(first, SETTINGS)
        self._servers.start(first)
        with self._servers.connect(first.name) as link:
            link.execute("CREATE DATABASE repmgr")
        self._launch_remote(first)
        self._repmgr(first, "primary", "register")
        self._watch(first)
        for region in others:
            self._launch_remote(region)
            self._follow(region, first)

    def is_ready(self, writer: str) -> bool:
        return all(self.controllers(region) for region in self._regions.values())

    def routes(self) -> dict[str, str]:
        return {}

    def planned(self, source: str, target: str) -> None:
        self._repmgr(self._regions[target], "standby", "switchover", "--siblings-follow")

    def repair(self) -> None:
        """Its operator's work: whoever is not, or does not follow, the newest writer is cloned from it."""
        for region in self._regions.values():
            self._launch_remote(region)
        found: list[str] = []

        def promoted() -> bool:
            writers = [each for each in self._servers.look() if each.writes]
            found.extend([max(writers, key=lambda each: each.timeline).region] if writers else [])
            return bool(found)

        wait(promoted, 30, "a writer")
        writer = self._regions[found[-1]]
        for region in self._regions.values():
            if region is not writer and not self._follows(region, writer):
                region.end()
                self._launch_remote(region)
                self._follow(region, writer)
            elif not self.controllers(region):
                self._watch(region)

    def stop(self) -> None:
        return

    def controllers(self, region: Region) -> list[Process]:
        return [each for each in region.processes() if each.name == "repmgrd"]

    def _follows(self, region: Region, writer: Region) -> bool:
        """Whether it streams, or begins to within some seconds."""

        def streams() -> bool:
            with self._servers.connect(writer.name) as link:
                row = link.execute(
                    "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND client_addr = %s::inet",
                    (region.address,),
                ).fetchone()
            return row is not None and row[0] == 1

        try:
            wait(streams, 8, f"{region.name} to stream", every=0.2)
        except TimeoutError:
            return False
        return True

    def _follow(self, region: Region, writer: Region) -> None:
        self._servers.clone(region, writer, SETTINGS)
        self._servers.start(region)
        self._repmgr(region, "standby", "register", "--force", "--wait-sync=20")
        self._watch(region)

    def _watch(self, region: Region) -> None:
        self._pid_file(region).unlink(missing_ok=True)  # of one that was killed
        argv = [
            *self._site.ground.run_as, str(self._site.ground.bin_dir / "repmgrd"), "-f", str(self._config(region)),
            "--daemonize=false",
        ]  # fmt: skip
        region.launch(argv, self._servers.directory(region) / "repmgrd.log", self._env())

    def _repmgr(self, region: Region, *words: str) -> None:
        program = str(self._site.ground.bin_dir / "repmgr")
        argv = region.within(*self._site.ground.run_as, program, "-f", str(self._config(region)), *words)
        log = self._servers.directory(region) / "repmgr.log"
        with log.open("ab") as out:  # not a pipe: the server that it starts would hold it open
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False, timeout=90, env=self._env(),
                cwd="/",
            )
        if done.returncode:
            last = log.read_text(errors="replace").strip().splitlines()[-4:]
            raise RuntimeError(f"{region.name}: repmgr {' '.join(words)}: {' | '.join(last)}")

    def _install(self) -> None:
        """The program that stands for ssh, and every region's configuration."""
        self._site.ground.directory(self._tools)
        ssh = self._tools / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec {sys.executable} -S {_REMOTE} ask {self._tools} "$@"\n')
        ssh.chmod(0o755)
        for number, region in enumerate(self._regions.values(), start=1):
            program = f"{self._site.ground.bin_dir}/repmgr -f {self._config(region)}"
            start = f"{self._site.ground.bin_dir}/pg_ctl start -w -D {self._servers.data(region)}"
            settings = {
                "node_id": str(number),
                "node_name": region.name,
                "conninfo": f"host={region.address} port={PORT} user={USER} dbname=repmgr connect_timeout=2",
                "data_directory": str(self._servers.data(region)),
                "pg_bindir": str(self._site.ground.bin_dir),
                "failover": "automatic",
                "promote_command": f"{program} standby promote",
                "follow_command": f"{program} standby follow --upstream-node-id=%n",
                "reconnect_attempts": "3",
                "reconnect_interval": "1",
                "monitor_interval_secs": "1",
                "repmgrd_pid_file": str(self._pid_file(region)),
                "service_start_command": f"{start} -s -l {self._servers.directory(region)}/server.log",
            }
            self._config(region).write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))

    def _launch_remote(self, region: Region) -> None:
        path = self._tools / f"{region.address}.sock"
        if any(each.name.startswith("python") for each in region.processes()):
            return
        path.unlink(missing_ok=True)
        argv = [*self._site.ground.run_as, sys.executable, "-S", str(_REMOTE), "serve", str(path)]
        region.launch(argv, self._tools / "remote.log", self._env())
        wait(path.exists, 10, "the far end of ssh")

    def _pid_file(self, region: Region) -> Path:
        return self._servers.directory(region) / "repmgrd.pid"

    def _config(self, region: Region) -> Path:
        return self._servers.directory(region) / "repmgr.conf"

    def _env(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self._tools}:{os.environ.get('PATH', '/usr/bin:/bin')}"}
