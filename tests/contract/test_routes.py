"""The Route port, once for every driver."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qx.adapters.routes.file import FileRoute
from qx.adapters.routes.lab import LabRoute
from qx.kernel.errors import QxError, Refused
from qx.lab.fabric import serve
from qx.lab.layout import FabricSpec
from qx.ports.routes import Route
from tests.unit.lab import net

US, EU = "us-east", "eu-west"
SOON = 5.0


@asynccontextmanager
async def lab_route(directory: Path) -> AsyncIterator[Route]:
    control, stopped = directory / "fabric.sock", asyncio.Event()
    spec = FabricSpec(relays=(), routes={"trading": net.free_port()})
    fabric = asyncio.create_task(serve(spec, control, stopped))
    await net.until(control.exists)
    try:
        yield LabRoute("trading", control, {US: "127.0.0.1:7001", EU: "127.0.0.1:7002"})
    finally:
        stopped.set()
        await fabric


@asynccontextmanager
async def file_route(directory: Path) -> AsyncIterator[Route]:
    yield FileRoute("trading", directory / "dsn", {region: f"postgresql://app@{region}/db" for region in (US, EU)})


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.fixture(params=[lab_route, file_route], ids=["lab", "file"])
async def route(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Route]:
    async with request.param(tmp_path) as it:
        yield it


async def test_it_is_closed_until_it_is_opened(route: Route) -> None:
    assert await route.target(SOON) is None
    await route.open(1, US, SOON)
    assert await route.target(SOON) == US


async def test_it_follows_each_change(route: Route) -> None:
    await route.open(1, US, SOON)
    await route.close(2, SOON)
    assert await route.target(SOON) is None
    await route.open(2, EU, SOON)
    assert await route.target(SOON) == EU


async def test_a_repetition_changes_nothing(route: Route) -> None:
    for _ in range(2):
        await route.open(3, EU, SOON)
        assert await route.target(SOON) == EU
    for _ in range(2):
        await route.close(3, SOON)
        assert await route.target(SOON) is None


async def test_a_lower_epoch_is_refused_and_changes_nothing(route: Route) -> None:
    await route.open(5, EU, SOON)
    with pytest.raises(QxError, match="refuses 4") as refusal:
        await route.open(4, US, SOON)
    assert refusal.value.code == "QX-NODE-002"
    with pytest.raises(QxError) as refusal:
        await route.close(4, SOON)
    assert refusal.value.code == "QX-NODE-002"
    assert await route.target(SOON) == EU


async def test_a_closing_is_remembered_as_well(route: Route) -> None:
    await route.close(7, SOON)
    with pytest.raises(QxError):
        await route.open(6, US, SOON)
    assert await route.target(SOON) is None


# -- what only one of them can do -------------------------------------------------------------------------------------


async def test_the_lab_says_when_its_network_is_down(tmp_path: Path) -> None:
    route = LabRoute("trading", tmp_path / "fabric.sock", {US: "127.0.0.1:7001"})
    for act in (route.open(1, US, SOON), route.target(SOON)):
        with pytest.raises(QxError) as failure:
            await act
        assert failure.value.code == "QX-ROUTE-001"


async def test_the_lab_of_another_configuration_is_no_route(tmp_path: Path) -> None:
    async with lab_route(tmp_path):
        stranger = LabRoute("sessions", tmp_path / "fabric.sock", {US: "127.0.0.1:7001"})
        with pytest.raises(QxError, match="no route for sessions"):
            await stranger.target(SOON)


async def test_the_file_holds_the_dsn_and_is_empty_when_closed(tmp_path: Path) -> None:
    async with file_route(tmp_path) as route:
        await route.open(1, US, SOON)
        assert (tmp_path / "dsn").read_text() == "postgresql://app@us-east/db\n"
        (tmp_path / "dsn").chmod(0o640)
        await route.close(2, SOON)
        assert (tmp_path / "dsn").read_text() == ""
        assert (tmp_path / "dsn").stat().st_mode & 0o777 == 0o640
        assert int((tmp_path / "dsn.epoch").read_text()) == 2
        assert names(tmp_path) == {"dsn", "dsn.epoch"}


async def test_the_files_epoch_outlives_the_process(tmp_path: Path) -> None:
    async with file_route(tmp_path) as route:
        await route.open(9, US, SOON)
    async with file_route(tmp_path) as route:
        with pytest.raises(Refused):
            await route.open(8, EU, SOON)


async def test_a_reader_never_sees_a_part_of_the_file(tmp_path: Path) -> None:
    async with file_route(tmp_path) as route:
        await route.open(1, US, SOON)
        seen: set[str] = set()
        writing = asyncio.create_task(_back_and_forth(route))
        while not writing.done():
            seen.add((tmp_path / "dsn").read_text())
            await asyncio.sleep(0)
        await writing
    assert seen <= {"postgresql://app@us-east/db\n", "postgresql://app@eu-west/db\n", ""}


async def _back_and_forth(route: Route) -> None:
    for epoch in range(2, 30):
        await route.open(epoch, EU if epoch % 2 else US, SOON)


async def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    route = FileRoute("trading", tmp_path / "absent" / "dsn", {US: "postgresql://app@us-east/db"})
    with pytest.raises(QxError, match="No such file") as failure:
        await route.open(1, US, SOON)
    assert failure.value.code == "QX-ROUTE-001"


async def test_a_locked_file_is_not_waited_for_beyond_the_deadline(tmp_path: Path) -> None:
    async with file_route(tmp_path) as route:
        await route.open(1, US, SOON)
        with (tmp_path / "dsn.epoch").open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(QxError) as failure:
                await route.open(2, EU, 0.1)
        assert failure.value.code == "QX-ROUTE-001"
        assert await route.target(SOON) == US
