"""Three members of etcd, one per region, with its own defaults; where its leader is, and moving it."""

from __future__ import annotations

import json
import shutil
import urllib.request
from typing import TYPE_CHECKING, Any

from bench.failover.net import wait

if TYPE_CHECKING:
    from pathlib import Path

    from bench.failover.net import Process, Region, World

CLIENT, PEER = 2379, 2380
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Etcd:
    def __init__(self, world: World, program: str, place: Path) -> None:
        self._world, self._program, self._place = world, program, place
        place.mkdir(parents=True, exist_ok=True)

    @property
    def endpoints(self) -> list[str]:
        return [_client(region) for region in self._world.regions.values()]

    def start(self) -> None:
        for region in self._world.regions.values():
            shutil.rmtree(self._place / region.name, ignore_errors=True)
        self.revive()
        wait(lambda: self.leader() is not None, 30, "an etcd leader")

    def revive(self) -> None:
        """Starts the members that do not run, with the data they have."""
        peers = ",".join(f"{each.name}={_peer(each)}" for each in self._world.regions.values())
        for region in self._world.regions.values():
            if self.process(region) is None:
                argv = [
                    self._program, "--name", region.name, "--data-dir", str(self._place / region.name),
                    "--listen-client-urls", _client(region), "--advertise-client-urls", _client(region),
                    "--listen-peer-urls", _peer(region), "--initial-advertise-peer-urls", _peer(region),
                    "--initial-cluster", peers, "--log-level", "warn", "--logger", "zap",
                ]  # fmt: skip
                region.launch(argv, self._place / f"{region.name}.log")

    def process(self, region: Region) -> Process | None:
        return next((each for each in region.processes() if each.name == "etcd"), None)

    def leader(self) -> str | None:
        """Its region, as a majority sees it."""
        by_id, votes = {}, []
        for region in self._world.regions.values():
            told = _ask(region, "maintenance/status")
            if told is not None:
                by_id[told["header"]["member_id"]] = region.name
                votes.append(told.get("leader"))
        chosen = next((vote for vote in votes if votes.count(vote) > len(self._world.regions) // 2), None)
        return by_id.get(str(chosen))

    def lead_from(self, regions: list[str]) -> None:
        """Moves the leader into the first of these, unless it is in one of them."""

        def led() -> bool:
            now = self.leader()
            if now is None or now in regions:
                return now is not None
            target = _ask(self._world.regions[regions[0]], "maintenance/status")
            if target is not None:
                member = target["header"]["member_id"]
                _ask(self._world.regions[now], "maintenance/transfer-leadership", {"targetID": member})
            return False

        wait(led, 15, f"etcd to be led from {' or '.join(regions)}")


def _client(region: Region) -> str:
    return f"http://{region.address}:{CLIENT}"


def _peer(region: Region) -> str:
    return f"http://{region.address}:{PEER}"


def _ask(region: Region, what: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    request = urllib.request.Request(f"{_client(region)}/v3/{what}", json.dumps(body or {}).encode())  # noqa: S310 - http
    try:
        with _open(request, timeout=1.0) as answer:
            told: dict[str, Any] = json.load(answer)
    except OSError:
        return None
    return told
