"""Every way in which a server does not answer, for every adapter: the reason is right, and the deadline holds."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from qx.adapters.clock import SystemClock
from qx.adapters.http import HttpEndpoint
from qx.adapters.postgres.server import PostgresServer
from qx.adapters.redis.server import RedisNode
from qx.adapters.tcp import TcpEndpoint
from qx.model.observation import EndpointFacts, Observation, Silence
from qx.ports.servers import Prober
from tests.fakes import wires

DEADLINE = 0.5
BOUND = 1.5  # the deadline, on a busy machine

Make = Callable[[str], Prober]
Fault = Callable[[], AbstractAsyncContextManager[int]]


def postgres(where: str) -> Prober:
    return PostgresServer("c", "r", "o", f"postgresql://u:hush@{where}/db", lambda: "hush hush", SystemClock())


def postgres_plain(where: str) -> Prober:
    return PostgresServer("c", "r", "o", f"postgresql://u@{where}/db?sslmode=disable", str, SystemClock())


def postgres_tls(where: str) -> Prober:
    return PostgresServer("c", "r", "o", f"postgresql://u@{where}/db?sslmode=require", str, SystemClock(), "run/1")


def redis(where: str) -> Prober:
    return RedisNode("c", "r", "o", f"redis://{where}/0", str, SystemClock())


def redis_auth(where: str) -> Prober:
    return RedisNode("c", "r", "o", f"redis://u:hush@{where}/0", lambda: "hush hush", SystemClock(), "run/1")


def redis_tls(where: str) -> Prober:
    return RedisNode("c", "r", "o", f"rediss://{where}/0", str, SystemClock())


def http(where: str) -> Prober:
    return HttpEndpoint("c", "r", "o", f"http://{where}/health?deep=1", 200, SystemClock())


def https(where: str) -> Prober:
    return HttpEndpoint("c", "r", "o", f"https://{where}/health", 200, SystemClock())


def tcp(where: str) -> Prober:
    return TcpEndpoint("c", "r", "o", f"tcp://{where}", SystemClock())


PLAIN = (postgres, postgres_plain, redis, redis_auth, http)
TLS = (postgres_tls, redis_tls, https)
DRIPS = {"postgres_plain": b"R\x00\x00\x01\x00", "redis": b"$900\r\n", "redis_auth": b"+OK", "http": b"HTTP/1.1 200"}


async def silence_of(make: Make, where: str) -> Silence:
    prober = make(where)
    began = time.monotonic()
    seen = await prober.observe(DEADLINE)
    await prober.close()
    took = time.monotonic() - began
    assert took < BOUND
    assert isinstance(seen, Silence), seen
    assert (seen.subject, seen.region, seen.observer) == ("c", "r", "o")
    assert abs(time.time() - seen.at) < 60
    assert seen.detail
    assert "\n" not in seen.detail
    assert "hush" not in seen.detail
    return seen


@pytest.mark.parametrize("make", [*PLAIN, *TLS, tcp])
async def test_refused(make: Make) -> None:
    async with wires.refused() as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == "refused"


@pytest.mark.parametrize("make", [*PLAIN, *TLS])
async def test_deaf(make: Make) -> None:
    async with wires.deaf() as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == "timeout"


@pytest.mark.parametrize("make", [*PLAIN, *TLS, tcp])
async def test_a_black_hole(make: Make) -> None:
    async with wires.black_hole() as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == "timeout"


@pytest.mark.parametrize("make", [postgres_plain, redis, redis_auth, http])
async def test_dripping(make: Make) -> None:
    async with wires.dripping(DRIPS[make.__name__]) as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == "timeout"


@pytest.mark.parametrize("make", TLS)
async def test_dripping_into_a_handshake(make: Make) -> None:
    """A TLS record of 16 kB, one byte each 100 ms; before it, PostgreSQL's yes to TLS."""
    record = b"\x16\x03\x03\x40\x00\x02\x00"
    async with wires.dripping(b"S" + record if make is postgres_tls else record) as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == "timeout"


@pytest.mark.parametrize("make", [*PLAIN, *TLS])
async def test_garbage(make: Make) -> None:
    async with wires.garbage() as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == "protocol"


@pytest.mark.parametrize("make", PLAIN)
async def test_hanging_up(make: Make) -> None:
    async with wires.hanging_up() as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == "refused"


@pytest.mark.parametrize("fault", [wires.deaf, wires.garbage, wires.hanging_up])
async def test_what_accepts_is_well_for_tcp(fault: Fault) -> None:
    async with fault() as port:
        seen = await tcp(f"127.0.0.1:{port}").observe(DEADLINE)
    assert isinstance(seen, Observation)
    assert seen.facts == EndpointFacts(True, "tcp")


def _pg_error(state: str, words: str) -> bytes:
    fields = f"SFATAL\0VFATAL\0C{state}\0M{words}\0\0".encode()
    return b"E" + (len(fields) + 4).to_bytes(4, "big") + fields


ANSWERS: tuple[tuple[Make, bytes, str], ...] = (
    (postgres_plain, _pg_error("57P03", "the database system is starting up"), "starting"),
    (postgres_plain, _pg_error("57P03", "the database system is shutting down"), "starting"),
    (postgres_plain, _pg_error("57P03", "the database system is in recovery mode"), "starting"),
    (postgres_plain, _pg_error("57P03", "the database system is not yet accepting connections"), "starting"),
    (postgres_plain, _pg_error("28P01", 'password authentication failed for user "u"'), "auth"),
    (postgres_plain, _pg_error("28000", 'no pg_hba.conf entry for host "h", user "u"'), "auth"),
    (postgres_plain, _pg_error("28000", 'role "u" does not exist'), "auth"),
    (postgres_plain, _pg_error("28000", 'role "u" is not permitted to log in'), "auth"),
    (postgres_plain, _pg_error("42501", 'permission denied for database "db"'), "auth"),
    (postgres_plain, _pg_error("53300", "sorry, too many clients already"), "protocol"),
    (postgres_plain, _pg_error("3D000", 'database "db" does not exist'), "protocol"),
    (postgres_tls, b"N", "protocol"),
    (redis, b"+OK\r\n-LOADING Redis is loading the dataset in memory\r\n" + b"-LOADING x\r\n" * 6, "starting"),
    (redis, b"-NOAUTH Authentication required.\r\n" * 8, "auth"),
    (redis, b"+OK\r\n-NOPERM this user has no permissions\r\n" + b"-NOPERM x\r\n" * 6, "auth"),
    (redis, b"-ERR max number of clients reached\r\n", "protocol"),
    (redis, b"+OK\r\n$4\r\na:b\n\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n", "protocol"),
    (redis_auth, b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "auth"),
)


@pytest.mark.parametrize(("make", "answer", "reason"), ANSWERS)
async def test_what_a_server_says_instead(make: Make, answer: bytes, reason: str) -> None:
    async with wires.scripted(answer) as port:
        assert (await silence_of(make, f"127.0.0.1:{port}")).reason == reason


HTTP_ANSWERS = (
    (b"HTTP/1.1 200 OK\r\n", EndpointFacts(True, "200 OK")),
    (b"HTTP/1.0 200\r\n\r\nbody", EndpointFacts(True, "200")),
    (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n", EndpointFacts(False, "503 Service Unavailable")),
    (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", EndpointFacts(False, "302 Found")),
)


@pytest.mark.parametrize(("answer", "facts"), HTTP_ANSWERS)
async def test_what_http_says(answer: bytes, facts: EndpointFacts) -> None:
    async with wires.scripted(answer) as port:
        seen = await http(f"127.0.0.1:{port}").observe(DEADLINE)
    assert isinstance(seen, Observation)
    assert seen.facts == facts


@pytest.mark.parametrize("answer", [b"HTTP/1.1 OK\r\n", b"HTTP/1.1\r\n", b"220 smtp.example ESMTP\r\n", b"x" * 9000])
async def test_what_is_not_http(answer: bytes) -> None:
    async with wires.scripted(answer) as port:
        assert (await silence_of(http, f"127.0.0.1:{port}")).reason == "protocol"


async def test_the_request_names_host_and_path_and_no_credentials() -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoint = HttpEndpoint("c", "r", "o", f"http://me:hush@localhost:{port}/a/b?c=d", 204, SystemClock())
    seen = await endpoint.observe(DEADLINE)
    server.close()
    assert isinstance(seen, Observation)
    assert seen.facts == EndpointFacts(True, "204 No Content")
    assert got[0].startswith(f"GET /a/b?c=d HTTP/1.1\r\nHost: localhost:{port}\r\n".encode())
    assert b"hush" not in got[0]


@pytest.mark.parametrize("make", [*PLAIN, *TLS, tcp])
async def test_a_name_that_does_not_resolve(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert (await silence_of(make, "db.nowhere.invalid:5432")).reason == "unreachable"


@pytest.mark.parametrize("make", [postgres, redis, http, tcp])
async def test_a_name_server_that_does_not_answer(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look ends at its deadline, and the thread that still waits is none that the event loop would join."""
    answer = threading.Event()

    def slow(*_args: Any, **_kwargs: Any) -> Any:
        answer.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        assert (await silence_of(make, "db.nowhere.invalid:5432")).reason == "timeout"
        waiting = [thread for thread in threading.enumerate() if thread.name.startswith("resolve")]
        assert waiting
        assert all(thread.daemon for thread in waiting)
    finally:
        answer.set()
        for thread in threading.enumerate():
            if thread.name.startswith("resolve"):
                await asyncio.to_thread(thread.join, 10)


@pytest.mark.parametrize("make", [postgres, redis, http, tcp])
async def test_no_route(make: Make) -> None:
    """TCP knows no broadcast."""
    assert (await silence_of(make, "255.255.255.255:9")).reason == "unreachable"
