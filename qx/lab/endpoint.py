"""A region's health endpoint: `python -m qx.lab.endpoint --region R --port P`; GET /health says 200 and who it is.

Listens on 127.0.0.1 only; keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import os
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOPBACK = "127.0.0.1"
IDLE_S = 10  # a client that says nothing is let go


class Endpoint(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, region: str, port: int) -> None:
        self.body = json.dumps({"region": region, "status": "ok"}).encode()
        super().__init__((LOOPBACK, port), _Health)


class _Health(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: Endpoint

    def do_GET(self) -> None:
        found = self.path.partition("?")[0] == "/health"
        body = self.server.body if found else b'{"error": "only /health is here"}'
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Health checks come every second: no line for each."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="qx.lab.endpoint")
    parser.add_argument("--region", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, default=Path(), help="where it works")
    options = parser.parse_args()
    os.chdir(options.directory)
    with Endpoint(options.region, options.port) as endpoint:
        endpoint.serve_forever()
