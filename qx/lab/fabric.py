"""The fabric: the network between the regions of one lab, as one process: `python -m qx.lab.fabric STATE_DIR`.

It reads STATE_DIR/fabric.json (a FabricSpec), listens on 127.0.0.1 and on STATE_DIR/fabric.sock, and speaks
`qx.adapters.fabric` there. Invariants: a link's state is one `Way`, shared by every relay that uses the link; a request
is answered after it is in force. It keeps nothing on disk: a fabric that died has no faults, and its routes are closed.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from qx.adapters import fabric as wire
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.lab.lab import FABRIC_SOCKET, FABRIC_SPEC
from qx.lab.layout import PEER, FabricSpec, RelaySpec
from qx.lab.proxy import Proxy
from qx.lab.relay import Relay, to_port
from qx.lab.route import Route
from qx.lab.sockets import LOOPBACK
from qx.lab.way import Way

if TYPE_CHECKING:
    from collections.abc import Callable


class Fabric:
    def __init__(self, spec: FabricSpec) -> None:
        """Everything listens when this returns. Raises OSError when a port is taken."""
        self._ways: dict[tuple[str, str], Way] = {}
        for relay in spec.relays:
            self._ways.setdefault((relay.source, relay.target), Way())
            self._ways.setdefault((relay.target, relay.source), Way())
        self._relays = {(relay.source, relay.target, relay.service): self._relay(relay) for relay in spec.relays}
        self._routes = {name: Route(name, port, dial_address) for name, port in spec.routes.items()}
        self._proxies = [Proxy(port, self._peers_of(region, spec)) for region, port in spec.proxies.items()]

    def close(self) -> None:
        parts: list[Relay | Route | Proxy] = [*self._relays.values(), *self._routes.values(), *self._proxies]
        for part in parts:
            part.close()

    def perform(self, request: wire.Request) -> wire.State:
        """Puts `request` in force. Raises QX-OBS-001, QX-OBS-002, QX-NODE-002, QX-ROUTE-001."""
        match request:
            case wire.Show():
                pass
            case wire.SetLink():
                self._way(request.source, request.target).change(request.mode, request.delay_s)
            case wire.Isolate():
                for way in self._ways_of(request.region):
                    way.change("drop", way.delay_s)
            case wire.Heal():
                for way in self._ways_of(request.region):
                    way.change("pass")
            case wire.SetRoute():
                _check_target(request)
                self._route(request.cluster).set(
                    request.epoch, request.target, hold=request.hold, ttl_s=request.ttl_s
                )
        return self._state()

    def _relay(self, spec: RelaySpec) -> Relay:
        forth, back = self._ways[spec.source, spec.target], self._ways[spec.target, spec.source]
        dial = to_port(spec.port) if spec.port is not None else _answer(f"qx-control {spec.target}\n".encode())
        return Relay(spec.listen, dial, forth, back)

    def _peers_of(self, region: str, spec: FabricSpec) -> dict[str, Relay]:
        return {address: self._relays[region, peer, PEER] for address, peer in spec.peers.items() if peer != region}

    def _way(self, source: str, target: str) -> Way:
        try:
            return self._ways[source, target]
        except KeyError:
            links = {f"{a} -> {b}" for a, b in self._ways}
            raise _no_such("QX-OBS-001", "link", f"{source} -> {target}", links) from None

    def _ways_of(self, place: str | None) -> list[Way]:
        ways = [way for ends, way in self._ways.items() if place is None or place in ends]
        if not ways:
            raise _no_such("QX-OBS-001", "place", str(place), {end for ends in self._ways for end in ends})
        return ways

    def _route(self, cluster: str) -> Route:
        try:
            return self._routes[cluster]
        except KeyError:
            raise _no_such("QX-OBS-002", "cluster", cluster, set(self._routes)) from None

    def _state(self) -> wire.State:
        return wire.State(
            pid=os.getpid(),
            links=tuple(
                wire.LinkState(source=source, target=target, mode=way.mode, delay_s=way.delay_s)
                for (source, target), way in sorted(self._ways.items())
                if way.mode != "pass" or way.delay_s
            ),
            routes=tuple(route.state() for route in self._routes.values()),
        )


def _no_such(code: str, noun: str, name: str, known: set[str]) -> QxError:
    return QxError(code, f"the lab's network has no {noun} '{name}'", hint=did_you_mean(name, known))


def _check_target(request: wire.SetRoute) -> None:
    host, _, port = (request.target or f"{LOOPBACK}:0").rpartition(":")
    if host != LOOPBACK or not port.isdigit() or (request.hold and request.target):
        raise QxError(
            "QX-ROUTE-001",
            f"the route of {request.cluster} cannot lead to {request.target} (hold: {request.hold})",
            hint=f"a target is {LOOPBACK}:PORT; a route that holds has no target",
        )


async def dial_address(address: str) -> socket.socket:
    return await to_port(int(address.rpartition(":")[2]))()


def _answer(line: bytes) -> Callable[[], asyncio.Future[socket.socket]]:
    """A service that says `line` to everyone and nothing else."""

    def dial() -> asyncio.Future[socket.socket]:
        ours, theirs = socket.socketpair()
        theirs.sendall(line)
        theirs.shutdown(socket.SHUT_WR)
        weakref.finalize(ours, theirs.close)  # until then, what the client says is held, not answered with a reset
        ours.setblocking(False)
        answered: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        answered.set_result(ours)
        return answered

    return dial


async def serve(spec: FabricSpec, control: Path, stopped: asyncio.Event) -> None:
    """Runs the fabric until `stopped`."""
    fabric = Fabric(spec)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(_reply(fabric, line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line without end
            pass
        finally:
            writer.close()

    with wire.short_path(control) as name:
        server = await asyncio.start_unix_server(converse, name, limit=wire.MAX_LINE)
    try:
        await stopped.wait()
    finally:
        server.close()
        fabric.close()


def _reply(fabric: Fabric, line: bytes) -> wire.Answer:
    try:
        return wire.Answer(state=fabric.perform(msgspec.json.decode(line, type=wire.Request)))
    except QxError as error:
        return wire.Answer(error=wire.Failure(code=error.code, message=error.message, hint=error.hint))
    except msgspec.DecodeError as error:
        return wire.Answer(error=wire.Failure(code="QX-LAB-006", message=f"not a request of the fabric: {error}"))


async def _main(directory: Path) -> None:
    os.chdir(directory)  # `lab down` finds it there, whatever else was lost
    spec = msgspec.json.decode((directory / FABRIC_SPEC).read_bytes(), type=FabricSpec)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    (directory / FABRIC_SOCKET).unlink(missing_ok=True)
    await serve(spec, directory / FABRIC_SOCKET, stopped)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_main(Path(sys.argv[1])))
