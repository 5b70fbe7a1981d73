"""Every way out, against real receivers: taken, refused, put off, broken, dripping; nothing secret in any message."""

from __future__ import annotations

import asyncio
import email
import hashlib
import hmac
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qx.adapters.notify.command import CommandNotifier
from qx.adapters.notify.email import EmailNotifier
from qx.adapters.notify.slack import SlackNotifier
from qx.adapters.notify.webhook import WebhookNotifier
from qx.model.alert import Alert, Happening, Notice, Severity
from qx.model.notify import CommandChannel, EmailChannel, SlackChannel, WebhookChannel
from qx.ports.notifier import Notifier, NotTaken
from tests.contract.receivers import Authority, Site, authority, drips, http_site, raw, speaks
from tests.fixtures_servers import lives

T0 = 1_800_000_000.0
SHORT, LONG = 0.5, 20.0
SECRETS = {"env:HOOK": "", "env:TOKEN": "Bearer hunter2", "env:KEY": "k3y-hunter2", "env:MAIL": "hunter2", "": ""}
ALERT = Alert(
    key="region/us-east", severity=Severity.CRITICAL, title="region us-east does not answer <!channel>",
    because="none of its 5 services answers\nBcc: evil@example.com", regions=("us-east",), clusters=("trading",),
    next="qx failover --to eu-west --from us-east --dry-run", since=T0 - 60,
)  # fmt: skip
NOTICE = Notice(id="n-1", happening=Happening.FIRED, at=T0, platform="demo", alert=ALERT)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with: apt install openssl")
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture
def site() -> Iterator[Site]:
    with http_site() as made:
        yield made


def secret(**found: str) -> Callable[[str], str]:
    return lambda reference: (SECRETS | {f"env:{name}": value for name, value in found.items()})[reference]


def webhook(url: str, **more: Any) -> WebhookNotifier:
    settings = WebhookChannel(url=url, headers={"Authorization": "env:TOKEN"}, secret="env:KEY", **more)
    return WebhookNotifier("pager", settings, secret())


def slack(url: str, **more: Any) -> SlackNotifier:
    return SlackNotifier("chat", SlackChannel(url="env:HOOK", **more), secret(HOOK=url))


def mail(port: int, **more: Any) -> EmailNotifier:
    settings = EmailChannel(host=more.pop("host", "127.0.0.1"), port=port, tls=more.pop("tls", "none"),
                            sender="qx@example.com", to=("ann@example.com", "bob@example.com"), **more)  # fmt: skip
    return EmailNotifier("mail", settings, secret())


def program(source: str) -> CommandNotifier:
    return CommandNotifier("phone", CommandChannel(argv=(sys.executable, "-c", source)))


async def sent(notifier: Notifier, notice: Notice = NOTICE, timeout: float = LONG) -> str:
    try:
        return await notifier.send(notice, timeout)
    finally:
        await notifier.close()


async def refused(notifier: Notifier, timeout: float = LONG) -> NotTaken:
    with pytest.raises(NotTaken) as caught:
        await sent(notifier, timeout=timeout)
    for value in ("hunter2", "k3y"):
        assert value not in str(caught.value) + caught.value.hint
    assert caught.value.code == ("QX-ALERT-002" if caught.value.final else "QX-ALERT-001")
    return caught.value


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- taken ---------------------------------------------------------------------------------------------------------


async def test_a_webhook_gets_the_document_signed(site: Site) -> None:
    assert await sent(webhook(site.url)) == "200 OK"
    [(path, headers, body)] = site.requests
    assert path == "/hook"
    document = json.loads(body)
    assert (document["schema"], document["happening"]) == ("qx.notice/1", "fired")
    assert document["alert"]["next"] == ALERT.next
    assert headers["Authorization"] == "Bearer hunter2"
    assert headers["X-Qx-Notice"] == "n-1"
    at, given = (part.partition("=")[2] for part in headers["X-Qx-Signature"].split(","))
    assert given == hmac.new(b"k3y-hunter2", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert abs(int(at) - time.time()) < 60


async def test_a_webhook_whose_address_is_a_secret(site: Site) -> None:
    notifier = WebhookNotifier("pager", WebhookChannel(url="env:HOOK"), secret(HOOK=site.url))
    assert await sent(notifier) == "200 OK"
    assert "X-Qx-Signature" not in site.requests[0][1]


async def test_slack_gets_words_that_mention_nobody(site: Site) -> None:
    assert await sent(slack(site.url)) == "200 OK"
    text = json.loads(site.requests[0][2])["text"]
    assert text.startswith("*[critical] demo: region us-east does not answer &lt;!channel&gt;*\n")
    assert f"`{ALERT.next}`" in text
    assert "<" not in text


async def test_a_program_gets_the_document_on_its_stdin(tmp_path: Path) -> None:
    path = tmp_path / "got"
    assert await sent(program(f"import sys; open({str(path)!r}, 'w').write(sys.stdin.read())")) == "exit 0"
    assert json.loads(path.read_text())["alert"]["key"] == "region/us-east"


async def test_a_program_that_does_not_read_is_no_failure() -> None:
    assert await sent(program("pass"), replace(NOTICE, alert=replace(ALERT, because="x" * 300_000))) == "exit 0"


async def test_the_end_of_it_says_how_long_it_lasted(site: Site) -> None:
    over = replace(NOTICE, happening=Happening.RESOLVED, lasted_s=90.0)
    await sent(slack(site.url), over)
    text = json.loads(site.requests[0][2])["text"]
    assert "over: region us-east" in text
    assert "lasted 1m30s" in text


# -- mail ----------------------------------------------------------------------------------------------------------


class Box:
    """What the mail server was given; `refuse`: recipients that it does not know."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, list[str], Message]] = []
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(self, _s: Any, _session: Any, envelope: Any, address: str, _o: Any) -> str:  # noqa: N802 - theirs
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _s: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - theirs
        self.letters.append((envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 taken"


@pytest.fixture
async def post_office() -> AsyncIterator[Callable[..., Any]]:
    """`await post_office(box, **settings)`: the port of a mail server that puts into the box."""
    smtp = pytest.importorskip("aiosmtpd.smtp", reason="no mail server to test against: pip install aiosmtpd")
    loop, servers = asyncio.get_running_loop(), []

    async def opened(box: Box, *, implicit: Any = None, **settings: Any) -> int:
        made = await loop.create_server(
            lambda: smtp.SMTP(box, hostname="localhost", loop=loop, **settings), "127.0.0.1", 0, ssl=implicit
        )
        servers.append(made)
        return int(made.sockets[0].getsockname()[1])

    yield opened
    for server in servers:
        server.close()
        await server.wait_closed()


def login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
    from aiosmtpd.smtp import AuthResult

    return AuthResult(handled=False, success=(data.login, data.password) == (b"qx", b"hunter2"))


async def test_mail_arrives_as_one_letter_of_a_thread(post_office: Callable[..., Any]) -> None:
    box = Box()
    assert await sent(mail(await post_office(box))) == "accepted"
    [(sender, to, letter)] = box.letters
    assert (sender, to) == ("qx@example.com", ["ann@example.com", "bob@example.com"])
    assert letter["Subject"] == "[critical] demo: region us-east does not answer <!channel>"
    assert letter["Bcc"] is None
    assert letter["Message-ID"] == "<n-1@example.com>"
    assert letter["References"] == f"<region.us-east.{T0 - 60:.3f}@example.com>"
    assert f"next: {ALERT.next}" in letter.get_payload()


async def test_mail_by_starttls_with_a_login(post_office: Callable[..., Any], ours: Authority) -> None:
    box = Box()
    port = await post_office(
        box, tls_context=ours.context, require_starttls=True, authenticator=login, auth_required=True
    )
    settings = {"host": "localhost", "tls": "starttls", "user": "qx", "password": "env:MAIL"}
    assert await sent(mail(port, **settings, ca_file=str(ours.ca))) == "accepted"
    assert len(box.letters) == 1
    unknown = await refused(mail(port, **settings))
    assert "certificate is not trusted" in unknown.message
    wrong = await refused(mail(port, **settings | {"user": "mallory"}, ca_file=str(ours.ca)))
    assert wrong.final
    assert "535" in wrong.message


async def test_mail_by_implicit_tls(post_office: Callable[..., Any], ours: Authority) -> None:
    box = Box()
    port = await post_office(box, implicit=ours.context)
    assert await sent(mail(port, host="localhost", tls="implicit", ca_file=str(ours.ca))) == "accepted"
    assert len(box.letters) == 1


async def test_mail_is_not_sent_in_the_clear_where_tls_is_wanted(post_office: Callable[..., Any]) -> None:
    box = Box()
    error = await refused(mail(await post_office(box), tls="starttls"))
    assert error.final
    assert "STARTTLS" in error.message
    assert box.letters == []


async def test_mail_to_somebody_unknown(post_office: Callable[..., Any]) -> None:
    box = Box()
    box.refuse = {"bob@example.com": "550 no such user"}
    port = await post_office(box)
    assert await sent(mail(port)) == "accepted, but for bob@example.com"
    box.refuse["ann@example.com"] = "450 try later"
    error = await refused(mail(port))
    assert (error.final, "450 try later" in error.message) == (False, True)


# -- not taken -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [webhook, slack])
@pytest.mark.parametrize(("answer", "final", "after"), [
    ((500, {}, b"trouble"), False, None),
    ((503, {"Retry-After": "7"}, b""), False, 7.0),
    ((429, {"Retry-After": "30"}, b"slow down"), False, 30.0),
    ((429, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, b""), False, 0.0),
    ((429, {"Retry-After": "soon"}, b""), False, None),
    ((400, {}, b"invalid_payload"), True, None),
    ((302, {"Location": "http://127.0.0.1:1/"}, b""), True, None),
    ((404, {}, b"no such hook"), True, None),
])  # fmt: skip
async def test_what_the_other_side_says_decides(
    site: Site, made: Callable[[str], Notifier], answer: Any, final: bool, after: float | None
) -> None:
    site.answers = [answer]
    error = await refused(made(site.url))
    assert (error.final, error.retry_after) == (final, after)
    assert str(answer[0]) in error.message
    assert site.url not in error.message
    assert len(site.requests) == 1


async def test_what_the_other_side_repeats_of_our_secrets_is_not_told(site: Site) -> None:
    site.answers = [(401, {}, b"I do not know Bearer hunter2")]
    assert (await refused(webhook(site.url))).message.endswith("401 Unauthorized: I do not know ***")


@pytest.mark.parametrize("made", [webhook, slack])
async def test_nobody_listens(made: Callable[[str], Notifier]) -> None:
    error = await refused(made(f"http://127.0.0.1:{closed_port()}/hook"))
    assert (error.final, "connection refused" in error.message) == (False, True)


@pytest.mark.parametrize("made", [webhook, slack])
@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 500 Oh\r\n\r\n"])
async def test_http_that_drips_ends_at_its_deadline(made: Callable[[str], Notifier], beginning: bytes) -> None:
    with raw(drips(beginning)) as port:
        error = await refused(made(f"http://127.0.0.1:{port}/hook"), SHORT)
    assert not error.final


async def test_http_that_hangs_up() -> None:
    with raw(speaks(b"")) as port:
        error = await refused(webhook(f"http://127.0.0.1:{port}/hook"))
    assert not error.final


async def test_https_is_verified(ours: Authority) -> None:
    with http_site(ours.context) as site:
        error = await refused(webhook(site.url))
        assert "certificate is not trusted" in error.message
        assert site.requests == []
        assert await sent(webhook(site.url, ca_file=str(ours.ca))) == "200 OK"


async def test_an_address_that_is_none(site: Site) -> None:
    error = await refused(slack("not-a-url-hunter2"))
    assert error.final


async def test_nobody_listens_for_mail() -> None:
    error = await refused(mail(closed_port()))
    assert (error.final, "connection refused" in error.message) == (False, True)


@pytest.mark.parametrize("beginning", [b"", b"220 "])
async def test_mail_that_drips_ends_at_its_deadline_and_leaves_no_thread(beginning: bytes) -> None:
    with raw(drips(beginning)) as port:
        assert not (await refused(mail(port), SHORT)).final
        await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), LONG)  # waits for its threads


@pytest.mark.parametrize(("lines", "final"), [
    ((b"421 busy\r\n",), False), ((b"554 go away\r\n",), True), ((b"220 hi\r\n",), False),
    ((b"220 hi\r\n", b"250 hello\r\n", b"451 later\r\n"), False),
    ((b"220 hi\r\n", b"250 hello\r\n", b"552 too much\r\n"), True),
])  # fmt: skip
async def test_mail_that_is_refused_or_put_off(lines: tuple[bytes, ...], final: bool) -> None:
    with raw(speaks(*lines)) as port:
        assert (await refused(mail(port))).final is final


async def test_a_program_that_fails_says_its_last_words() -> None:
    error = await refused(program("import sys; print('one\\nno modem', file=sys.stderr); sys.exit(3)"))
    assert (error.final, error.message.endswith("it ended with 3: no modem")) == (False, True)


async def test_a_program_that_is_not_there() -> None:
    assert (await refused(CommandNotifier("phone", CommandChannel(argv=("/nope/call",))))).final


async def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    error = await refused(program(source), 3.0)
    assert "no end within 3 s" in error.message
    for pid in map(int, pids.read_text().split()):
        ended = time.monotonic() + LONG
        while lives(pid):
            assert time.monotonic() < ended, f"{pid} lives"
            await asyncio.sleep(0.02)
