"""A KYC provider on 127.0.0.1: answers from its records, or misbehaves as told, one way for each request in turn."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

Way = Literal["answer", "slow", "dies", "hangs up", "garbage", "huge", "endless", "packed", "text", "deep", "other"]


class Status(NamedTuple):
    code: int
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


@dataclass
class Sandbox:
    """`ways`: of each request in turn, the last one again and again. `most`: requests at the same time."""

    url: str
    records: list[dict[str, Any]] = field(default_factory=list)
    ways: list[Way | Status] = field(default_factory=lambda: ["answer"])
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    gate: threading.Event | None = None  # answers wait for it
    open: int = 0
    most: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, party: dict[str, Any]) -> dict[str, Any] | None:
        by = ("lei", "registrationNo", "name")
        return next((r for key in by for r in self.records if key in party and r.get(key) == party[key]), None)


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            party = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with site.lock:
                site.asked.append(party)
                site.headers.append(dict(self.headers.items()))
                way = site.ways.pop(0) if len(site.ways) > 1 else site.ways[0]
                site.open += 1
                site.most = max(site.most, site.open)
            try:
                if site.gate is not None:
                    site.gate.wait(30)
                self.answer(way, json.dumps({"record": site.record(party)}).encode())
            finally:
                with site.lock:
                    site.open -= 1

        def answer(self, way: Way | Status, right: bytes) -> None:
            if isinstance(way, Status):
                self.send(way.code, b'{"detail": "no"}', **way.headers)
            elif way == "slow":
                site.over.wait(30)
            elif way == "dies":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{")
                self.close_connection = True
            elif way == "hangs up":
                self.close_connection = True
            elif way == "endless":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                with suppress(OSError):
                    while not site.over.is_set():
                        self.wfile.write(b" " * 65536)
                self.close_connection = True
            elif way == "packed":
                self.send(200, gzip.compress(right), **{"Content-Encoding": "gzip"})
            elif way == "text":
                self.send(200, right, **{"Content-Type": "text/html"})
            else:
                bodies = {"garbage": b"\xff{]", "huge": right + b" " * 70_000, "deep": b"[" * 50_000,
                          "other": b'{"record": {"name": "Somebody Else", "status": "verified"}}'}  # fmt: skip
                self.send(200, bodies.get(way, right))

        def send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, address: Any) -> None:
            """Who asked has hung up: nothing to print."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    site = Sandbox(f"http://127.0.0.1:{server.server_port}/look")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
