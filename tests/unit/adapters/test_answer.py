from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from qx.adapters.answer import Declined, LostAnswer, NoAnswer, reason_of, ruled, without
from qx.adapters.look import View, look
from qx.adapters.names import resolves
from qx.adapters.poll import until
from qx.kernel.errors import QxError, Unsure
from qx.model.observation import EndpointFacts, Marker, Observation, Silence

VIEW = View("api", "us-east", "here")


class VirtualClock:
    """Time passes by sleeping only."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def elapsed(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds

    def noise(self) -> bytes:
        return bytes(10)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "refused"),
        (ConnectionResetError("no number"), "refused"),
        (BrokenPipeError(errno.EPIPE, "x"), "refused"),
        (TimeoutError(), "timeout"),
        (OSError(errno.ETIMEDOUT, "x"), "timeout"),
        (OSError(errno.EHOSTUNREACH, "x"), "unreachable"),
        (OSError(errno.ENETUNREACH, "x"), "unreachable"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "unreachable"),
        (ssl.SSLCertVerificationError(1, "x"), "auth"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "protocol"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] Connect"), "refused"),
        (OSError("whatever"), "unreachable"),
    ],
)
def test_what_an_os_error_means(error: OSError, reason: str) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "self-signed certificate"
    told, detail = reason_of(error)
    assert told == reason
    assert detail


def test_secrets_are_taken_out() -> None:
    text = "connect to postgresql://u:p%40ss@h failed: password=p@ss host=h, password = 'it''s', also p@ss"
    clean = without("p@ss", text)
    assert "p@ss" not in clean
    assert "p%40ss" not in clean
    assert "it'" not in clean
    assert "host=h" in clean
    assert without("", "nothing to hide") == "nothing to hide"


def test_who_may_not_replace_a_marker() -> None:
    mine = Marker("mine", 5, "us-east")
    assert ruled("n", mine, "theirs", 3, force=False).code == "QX-STORE-003"
    assert ruled("n", mine, "theirs", 9, force=True).code == "QX-STORE-006"
    assert ruled("n", mine, "mine", 6, force=False).code == "QX-STORE-006"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoAnswer("n", "refused", "x"), "refused"),
        (LostAnswer("n", "timeout", "x"), "timeout"),
        (Declined("n", "42501", "x"), "auth"),
        (Declined("n", "57P03", "x"), "starting"),
        (Declined("n", "NOAUTH", "x"), "auth"),
        (Declined("n", "XX000", "x"), "protocol"),
        (QxError("QX-SEC-002", "x"), "secret"),
        (QxError("QX-STORE-002", "x"), "protocol"),
    ],
)
async def test_looking_never_raises_for_a_servers_condition(error: QxError, reason: str) -> None:
    async def fails() -> EndpointFacts:
        raise error

    seen = await look(VIEW, VirtualClock(), fails())
    assert seen == Silence(subject="api", region="us-east", observer="here", at=100.0, reason=reason, detail="x")  # type: ignore[arg-type]


async def test_an_observation_is_dated_when_it_was_asked_for() -> None:
    clock = VirtualClock()

    async def slow() -> EndpointFacts:
        await clock.sleep(3)
        return EndpointFacts(True, "200")

    seen = await look(VIEW, clock, slow())
    assert isinstance(seen, Observation)
    assert (seen.at, seen.took_s) == (100.0, 3.0)


async def test_a_bug_is_no_silence() -> None:
    async def buggy() -> EndpointFacts:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await look(VIEW, VirtualClock(), buggy())


async def test_polling_asks_until_there_is_an_answer() -> None:
    clock, answers = VirtualClock(), [None, NoAnswer("n", "refused", "x"), None, 0]

    async def ask(left: float) -> int | None:
        assert 0 < left <= 10
        answer = answers.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    assert await until("n", clock, 110.0, 0.5, ask, "pending") == 0
    assert clock.at == 101.5


async def test_polling_ends_unsure_and_says_what_was_pending() -> None:
    async def refused(_left: float) -> int | None:
        raise NoAnswer("n", "refused", "connection refused")

    clock = VirtualClock()
    with pytest.raises(Unsure) as caught:
        await until("n", clock, 101.0, 0.3, refused, "promotion was asked for")
    assert "promotion was asked for" in caught.value.message
    assert "connection refused" in caught.value.message
    assert clock.at == pytest.approx(101.0)


async def test_polling_does_not_go_on_when_the_server_says_no() -> None:
    async def declined(_left: float) -> int | None:
        raise Declined("n", "42501", "permission denied")

    with pytest.raises(Declined):
        await until("n", VirtualClock(), 101.0, 0.3, declined, "pending")


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1", "[2001:db8::1]", "fe80::1%eth0", "/var/run/postgresql"])
async def test_what_is_no_name_is_not_asked_for(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    await resolves(host)


async def test_a_name_that_cannot_be_one() -> None:
    for host in ("a" * 64 + ".example", "a..b"):
        with pytest.raises(OSError):
            await resolves(host)


def test_the_number_of_an_error_is_told_in_words() -> None:
    assert reason_of(OSError(errno.EHOSTUNREACH, "x"))[1] == os.strerror(errno.EHOSTUNREACH).lower()
