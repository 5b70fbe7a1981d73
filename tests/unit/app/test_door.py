"""The webhook: signed by a submitter over this body, lately, once, and small; over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qx.adapters.ed25519 import Signer, signed_by
from qx.adapters.inbox import Inbox, Said
from qx.app.compliance import Desk
from qx.app.door import AHEAD_S, WINDOW_S, Door, statement
from qx.app.review import Review
from qx.app.watch import PATH, _taker
from qx.kernel.errors import QxError
from qx.model.approving import Submitter
from tests.fakes.remembered import StandingClock
from tests.unit.app.test_review import MINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.candidate import Submission

NOW = 1_795_338_000
BODY = MINE.encode()
LEGAL, OTHER = (Signer(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)) for number in (1, 2))


def signed(body: bytes = BODY, at: int = NOW, by: str = "legal", signer: Signer = LEGAL) -> dict[str, str]:
    return {"qx-submitter": by, "qx-timestamp": str(at), "qx-signature": signer.sign(statement(at, body))}


class Gate:
    def __init__(self, home: Path, cache: Path) -> None:
        env = {"XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(cache)}
        self.clock = StandingClock(float(NOW))
        self.review = Review(Desk(env, cwd=Path("/nonexistent")), env, self.clock)
        self.came: list[Submission] = []
        submitters = {"legal": Submitter(key=base64.b64encode(LEGAL.public).decode(), accounts=("lena",))}
        self.door = Door(self.review, submitters, self.clock, signed_by, self.came.append)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def gate(tmp_path: Path, cache: Path) -> Gate:
    return Gate(tmp_path, cache)


def test_what_is_signed_is_taken_into_review(gate: Gate) -> None:
    found = gate.door.take(signed(), BODY)
    assert (found.submitted_by, found.source, found.sound) == ("legal", "webhook", True)
    assert gate.came == [found] == list(gate.review.candidates())


@pytest.mark.parametrize(("headers", "body"), [
    ({}, BODY),
    (signed(signer=OTHER), BODY),
    (signed(by="nobody"), BODY),
    (signed(), BODY + b" "),
    ({**signed(), "qx-timestamp": str(NOW + 1)}, BODY),
    ({**signed(), "qx-signature": "no base64"}, BODY),
    (signed(at=NOW - WINDOW_S - 1), BODY),
    (signed(at=NOW + AHEAD_S + 1), BODY),
    ({**signed(), "qx-timestamp": "soon"}, BODY),
    ({**signed(), "qx-timestamp": "9" * 400}, BODY),
], ids=["bare", "key", "name", "body", "stamp", "form", "old", "ahead", "no count", "long count"])  # fmt: skip
def test_what_is_not_is_turned_away_and_nothing_is_kept(gate: Gate, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(QxError) as error:
        gate.door.take(headers, body)
    assert error.value.code == "QX-RULE-004"
    assert gate.review.candidates() == ()


def test_the_same_message_is_not_taken_twice(gate: Gate) -> None:
    gate.door.take(signed(), BODY)
    with pytest.raises(QxError, match="came before"):
        gate.door.take(signed(), BODY)
    gate.clock.at += WINDOW_S + 1
    with pytest.raises(QxError, match="old"):
        gate.door.take(signed(), BODY)
    again = gate.door.take(signed(at=NOW + WINDOW_S), BODY)
    assert [again] == list(gate.review.candidates()), "signed anew it is the same candidate"
    assert len(gate.came) == 1


# -- over HTTP


def ask(port: int, body: bytes, headers: dict[str, str], method: str = "POST", path: str = PATH) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


async def served(gate: Gate, most: int, asked: Callable[[int], Any]) -> Any:
    inbox = Inbox("127.0.0.1:0", PATH, most, gate.door.admit, _taker(gate.door))
    port = int((await inbox.open()).rpartition(":")[2])
    try:
        return await asyncio.to_thread(asked, port)
    finally:
        await inbox.close()


async def test_a_candidate_arrives_over_http(gate: Gate) -> None:
    status, said = await served(gate, len(BODY), lambda port: ask(port, BODY, signed()))
    assert (status, said["schema"], said["holds"], said["state"]) == (202, "qx.candidate/1", "mine", "waiting")
    assert [each.name for each in gate.review.candidates()] == [said["name"]]


@pytest.mark.parametrize(("body", "headers", "method", "path", "expected"), [
    (BODY, {}, "POST", PATH, 401), (BODY + b"x", signed(), "POST", PATH, 413), (b"", signed(), "GET", PATH, 405),
    (BODY, signed(), "POST", "/elsewhere", 404), (BODY, signed(signer=OTHER), "POST", PATH, 401),
    (BODY, {**signed(), "Transfer-Encoding": "chunked"}, "POST", PATH, 411),
])  # fmt: skip
async def test_what_it_does_not_take(
    gate: Gate, body: bytes, headers: dict[str, str], method: str, path: str, expected: int
) -> None:
    status, said = await served(gate, len(BODY), lambda port: ask(port, body, headers, method, path))
    assert (status, said["error"]["code"]) == (expected, "QX-RULE-004")
    assert gate.review.candidates() == ()


async def test_a_body_is_not_read_before_its_headers_were_found_good(gate: Gate) -> None:
    """Nobody who is not admitted makes it wait for a body."""
    inbox = Inbox("127.0.0.1:0", PATH, 1 << 20, gate.door.admit, lambda *_: Said(202, {}))
    port = int((await inbox.open()).rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())
        line = await asyncio.wait_for(reader.readline(), 5)
        assert b" 401 " in line
    finally:
        writer.close()
        await inbox.close()


async def test_an_address_that_is_taken_is_told() -> None:
    first = Inbox("127.0.0.1:0", PATH, 1, lambda _: None, lambda *_: Said(202, {}))
    at = await first.open()
    try:
        with pytest.raises(QxError, match="in use") as error:
            await Inbox(at, PATH, 1, lambda _: None, lambda *_: Said(202, {})).open()
        assert error.value.code == "QX-RULE-005"
    finally:
        await first.close()
