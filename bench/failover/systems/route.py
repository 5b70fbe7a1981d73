"""qx's Route in the bench: the lab's own, standing with the clients, leading to servers in their regions.

    python -m bench.failover.systems.route CLUSTER PORT SOCKET

Speaks `qx.adapters.fabric` at SOCKET, and knows of its requests `show` and `route`.
"""

from __future__ import annotations

import asyncio
import socket
import sys

import msgspec

from qx.adapters import fabric as wire
from qx.kernel.errors import QxError
from qx.lab.route import Route


async def _dial(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    link = socket.socket()
    link.setblocking(False)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await asyncio.get_running_loop().sock_connect(link, (host, int(port)))
    except BaseException:
        link.close()
        raise
    return link


def _perform(route: Route, line: bytes) -> wire.Answer:
    try:
        request = msgspec.json.decode(line, type=wire.Request)
        if isinstance(request, wire.SetRoute):
            route.set(request.epoch, request.target, hold=request.hold, ttl_s=request.ttl_s)
    except QxError as error:
        return wire.Answer(error=wire.Failure(code=error.code, message=error.message, hint=error.hint))
    return wire.Answer(state=wire.State(pid=0, links=(), routes=(route.state(),)))


async def _main(cluster: str, port: int, path: str) -> None:
    route = Route(cluster, port, _dial)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(msgspec.json.encode(_perform(route, line)) + b"\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(converse, path) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
