"""The fabric in this process, over its control socket: links, isolation, the control service, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qx.adapters.fabric import Heal, Isolate, LinkState, Request, SetLink, SetRoute, Show, State, ask_async
from qx.kernel.errors import QxError, Unsure
from qx.lab.fabric import serve
from qx.lab.layout import FabricSpec, RelaySpec
from tests.unit.lab import net

PLACES = ("ops", "us-east", "eu-west")


class Lab:
    """Two regions with one echo service each, `ops`, and one route."""

    def __init__(self, control: Path, ports: dict[tuple[str, str, str], int], route: int) -> None:
        self.control, self.ports, self.route = control, ports, route

    async def ask(self, request: Request) -> State:
        return await ask_async(self.control, request)

    async def reaches(self, source: str, target: str) -> bool:
        async with net.client(self.ports[source, target, "echo"]) as client:
            client.send(b"x")
            return not await client.silent()


@asynccontextmanager
async def lab(directory: Path) -> AsyncIterator[Lab]:
    async with net.server() as one, net.server() as other:
        own = {"us-east": one.port, "eu-west": other.port}
        relays = [
            RelaySpec(source=source, target=target, service=service, listen=net.free_port(), port=port)
            for target in own
            for source in PLACES
            if source != target
            for service, port in (("echo", own[target]), ("control", None))
        ]
        route = net.free_port()
        stopped = asyncio.Event()
        spec = FabricSpec(relays=tuple(relays), routes={"trading": route})
        task = asyncio.create_task(serve(spec, directory / "fabric.sock", stopped))
        await net.until(lambda: (directory / "fabric.sock").exists() or task.done())
        ports = {(relay.source, relay.target, relay.service): relay.listen for relay in relays}
        try:
            yield Lab(directory / "fabric.sock", ports, route)
        finally:
            stopped.set()
            await task


async def test_isolation_cuts_every_link_of_the_region_and_no_other(tmp_path: Path) -> None:
    async with lab(tmp_path) as it:
        state = await it.ask(Isolate(region="eu-west"))
        assert {(link.source, link.target, link.mode) for link in state.links} == {
            ("ops", "eu-west", "drop"),
            ("eu-west", "ops", "drop"),
            ("us-east", "eu-west", "drop"),
            ("eu-west", "us-east", "drop"),
        }
        assert not await it.reaches("ops", "eu-west")
        assert not await it.reaches("eu-west", "us-east")
        assert await it.reaches("ops", "us-east")
        assert (await it.ask(Heal(region="eu-west"))).links == ()
        assert await it.reaches("eu-west", "us-east")


async def test_the_control_service_answers_for_its_region_over_the_same_link(tmp_path: Path) -> None:
    async with lab(tmp_path) as it:
        async with net.client(it.ports["ops", "eu-west", "control"]) as client:
            client.send(b"whatever\n")
            assert await client.reader.readline() == b"qx-control eu-west\n"
        await it.ask(SetLink(source="eu-west", target="ops", mode="drop"))
        async with net.client(it.ports["ops", "eu-west", "control"]) as client:
            assert await client.silent()


async def test_links_show_what_is_wrong_with_them_and_a_general_heal_clears_all(tmp_path: Path) -> None:
    async with lab(tmp_path) as it:
        await it.ask(SetLink(source="us-east", target="eu-west", mode="pass", delay_s=0.1))
        state = await it.ask(SetLink(source="ops", target="us-east", mode="refuse"))
        assert state.links == (
            LinkState(source="ops", target="us-east", mode="refuse", delay_s=0),
            LinkState(source="us-east", target="eu-west", mode="pass", delay_s=0.1),
        )
        assert (await it.ask(Heal())).links == ()


async def test_a_route_is_set_over_the_socket(tmp_path: Path) -> None:
    async with lab(tmp_path) as it:
        target = f"127.0.0.1:{it.ports['ops', 'us-east', 'echo']}"
        state = await it.ask(SetRoute(cluster="trading", epoch=3, target=target, ttl_s=30))
        assert (state.routes[0].epoch, state.routes[0].target) == (3, target)
        async with net.client(it.route) as client:
            assert await client.say(b"x") == b"x"
            await it.ask(Isolate(region="us-east"))
            client.send(b"y")
            assert await client.silent(), "the route's clients stand where ops stands"


@pytest.mark.parametrize(
    ("request_", "code", "hint"),
    [
        (SetRoute(cluster="tradin", epoch=9, hold=True), "QX-OBS-002", "did you mean 'trading'?"),
        (SetRoute(cluster="trading", epoch=1, hold=True), "QX-NODE-002", ""),
        (SetRoute(cluster="trading", epoch=9, target="example.org:5432"), "QX-ROUTE-001", "127.0.0.1:PORT"),
        (SetRoute(cluster="trading", epoch=9, target="127.0.0.1:1", hold=True), "QX-ROUTE-001", "127.0.0.1:PORT"),
        (Isolate(region="eu-wst"), "QX-OBS-001", "did you mean 'eu-west'?"),
        (SetLink(source="ops", target="ops", mode="drop"), "QX-OBS-001", ""),
    ],
)
async def test_refusals_keep_their_code_and_hint(tmp_path: Path, request_: Request, code: str, hint: str) -> None:
    async with lab(tmp_path) as it:
        await it.ask(SetRoute(cluster="trading", epoch=5, hold=True))
        with pytest.raises(QxError) as caught:
            await it.ask(request_)
        assert caught.value.code == code
        assert hint in caught.value.hint
        assert (await it.ask(Show())).routes[0].epoch == 5


async def test_a_fabric_in_a_deep_directory_and_one_that_is_not_there(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-directory-with-a-long-name"] * 6)
    deep.mkdir(parents=True)
    async with lab(deep) as it:
        assert (await it.ask(Show())).links == ()
    with pytest.raises(QxError, match="QX-ROUTE-001"):
        await ask_async(tmp_path / "fabric.sock", Show())


async def test_no_answer_is_unknown_not_failed(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_unix_server(hang_up, tmp_path / "fabric.sock")
    with pytest.raises(Unsure):
        await ask_async(tmp_path / "fabric.sock", Heal())
    server.close()
