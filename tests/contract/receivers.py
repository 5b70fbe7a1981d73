"""Real receivers of notices on 127.0.0.1: an HTTP site that answers as told, a socket that misbehaves."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Site:
    """`answers`: (status, headers, body) of each request in turn, the last one again and again."""

    url: str
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [(200, {}, b"ok")])


@contextmanager
def http_site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            site.requests.append((self.path, dict(self.headers.items()), self.rfile.read(length)))
            status, headers, body = site.answers.pop(0) if len(site.answers) > 1 else site.answers[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, address: Any) -> None:
            """A client that does not trust us hangs up: nothing to print."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
    site = Site(f"{scheme}://{host}:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A port whose connections are given to `behave`, which ends when the event is set."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            behave(connection, over)

    def accept() -> None:
        with suppress(OSError):
            while not over.is_set():
                connection, _ = listening.accept()
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def drips(beginning: bytes, drop: bytes = b"x") -> Callable[[socket.socket, threading.Event], None]:
    """Says its beginning, then a byte now and then, for ever."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(beginning)
        while not over.wait(0.05):
            connection.sendall(drop)

    return behave


def speaks(*lines: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Says its lines, each after the first when it was spoken to, then hangs up."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.settimeout(10)
        for place, line in enumerate(lines):
            if place:
                connection.recv(65536)
            connection.sendall(line)

    return behave


@dataclass(frozen=True)
class Authority:
    """A certificate authority and a certificate of it for localhost."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def authority(home: Path) -> Authority:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=home, capture_output=True, check=True, timeout=60)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=qx test authority")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (home / "names").write_text("subjectAltName=DNS:localhost\n")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.crt")
    return Authority(home / "ca.crt", home / "server.crt", home / "server.key")
