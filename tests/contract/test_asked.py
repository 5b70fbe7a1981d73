"""HTTP and programs, as a runbook asks for them: bounded, honest about what is not known, silent about secrets."""

from __future__ import annotations

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qx.adapters.call import MAX_BODY, call
from qx.adapters.program import KEPT, run
from qx.kernel.errors import QxError, Unsure
from tests.fixtures_servers import lives

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = sys.executable
SECRET = "hunter2-and-more"


class Handler(BaseHTTPRequestHandler):
    """/json, /echo (headers and body), /large, /slow (never ends), /drop (hangs up), /moved."""

    def do_GET(self) -> None:
        if self.path == "/drop":
            self.close_connection = True
            return
        if self.path == "/slow":
            self.server.stop.wait(20)  # type: ignore[attr-defined]
            return
        status, kind, body = 200, "application/json", b'{"ok": true, "n": [1, 2.5, NaN]}'
        if self.path == "/echo":
            length = int(self.headers.get("Content-Length", 0))
            kind, body = "text/plain", str(self.headers).encode() + self.rfile.read(length)
        elif self.path == "/large":
            kind, body = "text/plain", b"x" * (MAX_BODY * 4)
        elif self.path == "/moved":
            status, body = 302, b""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Location", "/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:  # who asked has read enough
            return

    do_POST = do_GET  # noqa: N815 - the server's word

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.stop = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.stop.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join(10)


async def get(url: str, method: str = "GET", timeout: float = 5, **how: Any) -> dict[str, Any]:
    return await call(method, url, how.get("headers", {}), how.get("secrets", {}), how.get("body", ""), timeout)


async def test_json_is_read(url: str) -> None:
    assert await get(f"{url}/json") == {"status": 200, "body": {"ok": True, "n": [1, 2.5, None]}}


async def test_a_secret_goes_there_and_does_not_come_back(url: str) -> None:
    answer = await get(f"{url}/echo", "POST", headers={"X-Plain": "seen"}, secrets={"X-Key": SECRET}, body="hello")
    assert "X-Plain: seen" in answer["body"]
    assert answer["body"].endswith("hello")
    assert "X-Key: ***" in answer["body"]
    assert SECRET not in str(answer)


async def test_an_answer_is_bounded_and_a_redirect_is_an_answer(url: str) -> None:
    assert len((await get(f"{url}/large"))["body"]) < MAX_BODY
    assert (await get(f"{url}/moved"))["status"] == 302


@pytest.mark.parametrize("path", ["/slow", "/drop"])
async def test_no_answer_is_unknown_only_where_something_may_have_been_done(url: str, path: str) -> None:
    with pytest.raises(QxError) as asked:
        await get(url + path, timeout=0.5)
    assert asked.value.code == "QX-BOOK-010"
    with pytest.raises(Unsure):
        await get(url + path, "POST", timeout=0.5)


async def test_what_was_never_sent_was_not_done() -> None:
    with pytest.raises(QxError) as asked:
        await get("http://127.0.0.1:1/?token=abc", "POST")
    assert asked.value.code == "QX-BOOK-010"
    assert "abc" not in asked.value.message


async def program(code: str, timeout: float = 10, **secrets: str) -> dict[str, Any]:
    return await run(PYTHON, ["-c", code], {"PATH": os.environ["PATH"]}, secrets, timeout)


async def test_a_program_has_its_environment_and_no_other() -> None:
    code = "import os, sys; print(sorted(os.environ)); print(os.environ['KEY']); sys.exit(3)"
    found = await program(code, KEY=SECRET)
    assert found["exit"] == 3
    assert SECRET not in str(found)
    assert "***" in found["stdout"]
    assert "HOME" not in found["stdout"]


async def test_its_words_are_no_shell() -> None:
    found = await run(PYTHON, ["-c", "import sys; print(sys.argv[1:])", "a b", "$(id)", ";ls"], {}, {}, 10)
    assert found["stdout"] == "['a b', '$(id)', ';ls']"


async def test_its_output_is_bounded_and_its_stdin_empty() -> None:
    found = await program("import sys; print(sys.stdin.read() + 'x' * 10**6 + 'end')")
    assert len(found["stdout"]) <= KEPT
    assert found["stdout"].endswith("end")


async def test_one_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(told)!r}).write_text(str(child.pid)); time.sleep(60)"
    )
    with pytest.raises(Unsure):
        await run(PYTHON, ["-c", code], {}, {}, 5)
    assert not lives(int(told.read_text()))


async def test_one_that_cannot_be_started_was_not_run() -> None:
    with pytest.raises(QxError) as refused:
        await run("/nowhere/at/all", [], {}, {}, 5)
    assert refused.value.code == "QX-BOOK-010"
