"""One network namespace per region, and the world between them, where the clients stand.

The world is this process's own namespace, which reaches nothing outside. It forwards between the regions; a region is
isolated by telling the world to forward nothing from or to it, silently, while the world itself still reaches it.
Invariants: nothing of a namespace outlives the process of `inside` (its PID namespace ends with it); a server listens
on its region's address only.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

REGIONS = ("us-east", "eu-west", "ap-southeast")
RULE = "10"  # its preference: before the routing tables, after `local`, so that the world's own packets pass


class Process(NamedTuple):
    pid: int
    parent: int
    name: str
    state: str


class Region:
    """`address`: of its servers. `number` makes up the addresses: 10.77.NUMBER.0/24."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address, self.gateway = f"10.77.{number}.2", f"10.77.{number}.1"
        self.net, self.link = f"10.77.{number}.0/24", f"to-{number}"
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._namespace = f"/proc/{self._holder.pid}/ns/net"
        own = _inode("/proc/self/ns/net")
        wait(lambda: _inode(self._namespace) not in (None, own), 5, "a network namespace")
        self._inode = _inode(self._namespace)
        _run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", str(self._holder.pid))
        _run("ip", "address", "add", f"{self.gateway}/24", "dev", self.link)
        _run("ip", "link", "set", self.link, "up")
        for words in (
            "link set lo up", f"address add {self.address}/24 dev eth0", "link set eth0 up",
            f"route add default via {self.gateway}",
        ):  # fmt: skip
            _run(*self.within("ip", *words.split()))

    def within(self, *argv: str) -> list[str]:
        """`argv`, run in this region. The program keeps the process that is started for it."""
        return ["nsenter", f"--net={self._namespace}", *argv]

    def launch(self, argv: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        """Starts a server of the region: no child of ours, so that it leaves no zombie when it is killed."""
        with log.open("ab") as out:
            subprocess.run(
                ["setsid", "--fork", *self.within(*argv)], check=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=env, cwd=log.parent,
            )  # fmt: skip

    def processes(self) -> list[Process]:
        """All that live in the region, but for what holds the namespace."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and entry.name != str(self._holder.pid):
                process = _process(entry)
                if process is not None and process.state != "Z" and _inode(f"{entry}/ns/net") == self._inode:
                    found.append(process)
        return found

    def postmaster(self) -> Process | None:
        """The server's first process."""
        servers = {each.pid: each for each in self.processes() if each.name == "postgres"}
        return next((each for each in servers.values() if each.parent not in servers), None)

    def end(self) -> None:
        """Kills everything in it, until nothing lives there."""

        def ended() -> bool:
            for process in self.processes():
                signalled(process.pid, signal.SIGKILL)
            return not self.processes()

        wait(ended, 20, f"the processes of {self.name} to end")


class World:
    def __init__(self) -> None:
        _run("ip", "link", "set", "lo", "up")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self.regions = {name: Region(name, number) for number, name in enumerate(REGIONS, start=1)}
        self._cut: set[str] = set()

    def isolate(self, name: str) -> None:
        """From the other regions; the world still reaches it."""
        for rule in self._rules(name):
            _run("ip", "rule", "add", *rule)
        self._cut.add(name)

    def heal(self) -> None:
        for name in self._cut:
            for rule in self._rules(name):
                _run("ip", "rule", "delete", *rule)
        self._cut.clear()

    def _rules(self, name: str) -> list[list[str]]:
        region = self.regions[name]
        others = [other for other in self.regions.values() if other is not region]
        out = [["pref", RULE, "iif", region.link, "blackhole"]]
        return out + [["pref", RULE, "iif", other.link, "to", region.net, "blackhole"] for other in others]

    def region_at(self, address: str) -> Region:
        return next(region for region in self.regions.values() if region.address == address)


def signalled(pid: int, number: signal.Signals) -> None:
    """A process that has just ended needs no signal."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait(condition: Callable[[], object], seconds: float, what: str, every: float = 0.05) -> None:
    """Until `condition()` holds. Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        select.select([], [], [], every)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.stderr.strip()}")


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - a namespace, not a file
    except OSError:
        return None


def _process(entry: Path) -> Process | None:
    try:
        text = (entry / "stat").read_text()
    except OSError:
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    state, parent = text[text.rindex(")") + 2 :].split()[:2]
    return Process(int(entry.name), int(parent), name, state)
