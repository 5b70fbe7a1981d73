"""What the command driver makes of programs that fail, lie, hang or break off; and what `qx node` refuses."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from qx.adapters.node.command import CommandNode
from qx.kernel.errors import Refused, Unsure
from qx.kernel.spans import Seconds
from qx.model.platform import CommandControl
from tests.fixtures_nodes import alive, refused
from tests.fixtures_servers import wait_until

T = 20.0
HELLO = "print('{\"protocol\":2}', flush=True); request = sys.stdin.readline();"

pytestmark = pytest.mark.integration


def control(*argv: str, timeout: float = 30) -> CommandNode:
    return CommandNode(CommandControl(argv=argv, timeout=Seconds(timeout)), "postgresql", "trading", "eu-west")


def program(code: str, *arguments: str, timeout: float = 30) -> CommandNode:
    return control(sys.executable, "-c", f"import os, sys, time\n{code}", *arguments, timeout=timeout)


async def test_a_program_that_is_not_there() -> None:
    error = await refused("QX-NODE-001", control("/no/such/program").stop(1, "kill", T))
    assert "/no/such/program" in error.message


async def test_a_connection_that_fails_before_anything_was_sent() -> None:
    """As ssh ends when it cannot connect."""
    far = program("sys.stderr.write('Connection refused'); sys.exit(255)")
    error = await refused("QX-NODE-001", far.stop(1, "kill", T))
    assert "Connection refused" in error.message
    assert not isinstance(error, Unsure)


async def test_a_program_that_fails_before_it_says_hello() -> None:
    error = await refused("QX-NODE-005", program("sys.stderr.write('no such settings'); sys.exit(2)").inspect(T))
    assert "no such settings" in error.message


@pytest.mark.parametrize("said", ["Welcome to Debian", '{"protocol": 3}', "[]"])
async def test_something_else_than_hello(said: str) -> None:
    await refused("QX-NODE-005", program(f"print('''{said}''')").stop(1, "kill", T))


@pytest.mark.parametrize("then", ["sys.exit(255)", "sys.exit(0)", "print('half a rep')", "os.kill(os.getpid(), 9)"])
async def test_a_connection_that_breaks_after_the_request_leaves_us_unsure(then: str) -> None:
    far = program(HELLO + then)
    assert isinstance(await refused("QX-RUN-002", far.stop(1, "kill", T)), Unsure)
    assert not isinstance(await refused("QX-NODE-001", far.inspect(T)), Unsure)


async def test_a_far_end_that_hangs_leaves_us_unsure_and_no_process(tmp_path: Path) -> None:
    far = program(HELLO + "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(300)", str(tmp_path / "pid"))
    assert isinstance(await refused("QX-RUN-002", far.start(1, "writer", 1.0)), Unsure)
    assert not alive(int((tmp_path / "pid").read_text()))


async def test_one_that_hangs_before_it_says_hello_was_asked_nothing() -> None:
    await refused("QX-NODE-001", program("time.sleep(300)").start(1, "writer", 0.5))


async def test_the_settings_bound_a_short_verb_the_caller_a_long_one() -> None:
    far = program(HELLO + "time.sleep(1.5); print('{\"result\": {}}')", timeout=1)
    await refused("QX-RUN-002", far.hold(1, "stop", T))
    assert await far.rewind(1, "", T) == {}


async def test_a_caller_that_goes_away_leaves_no_process(tmp_path: Path) -> None:
    far = program(HELLO + "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(300)", str(tmp_path / "pid"))
    call = asyncio.create_task(far.start(1, "writer", T))
    await asyncio.to_thread(wait_until, (tmp_path / "pid").exists, "it was asked")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    wait_until(lambda: not alive(int((tmp_path / "pid").read_text() or 0)), "it is gone")


async def test_placeholders_and_the_request() -> None:
    """Words stay words; secrets are on stdin only."""
    code = HELLO + "import json; print(json.dumps({'result': {'argv': sys.argv[1:], 'asked': json.loads(request)}}))"
    far = program(code, "{cluster}-{region}", "{verb}", "{epoch}", "{other}")
    told = await far.clone(7, "host=x password=s3cret", "a slot", T)
    assert told["argv"] == ["trading-eu-west", "clone", "7", "{other}"]
    asked: dict[str, Any] = told["asked"]
    assert 0 < asked.pop("timeout_s") < T
    assert asked == {
        "protocol": 2,
        "verb": "clone",
        "cluster": "trading",
        "region": "eu-west",
        "kind": "postgresql",
        "epoch": 7,
        "args": {"conninfo": "host=x password=s3cret", "slot": "a slot"},
    }


async def test_errors_come_back_as_they_were_raised() -> None:
    answer = {"error": {"code": "QX-NODE-002", "message": "no", "hint": "h", "kind": "refused"}}
    far = program(HELLO + f"print('{json.dumps(answer)}')")
    error = await refused("QX-NODE-002", far.hold(1, "", T))
    assert isinstance(error, Refused)
    assert (error.message, error.hint) == ("no", "h")
    strange = program(HELLO + f"print('{json.dumps(answer).replace('002', '999')}')")
    await refused("QX-NODE-005", strange.hold(1, "", T))


# -- the far end


def node(settings: str, tmp_path: Path) -> CommandNode:
    file = tmp_path / "node.yaml"
    file.write_text(settings)
    return control(sys.executable, "-m", "qx", "node", "--settings", str(file))


@pytest.mark.parametrize(
    ("settings", "code", "word"),
    [
        ("data_dir: [", "QX-CFG-002", "node.yaml:1"),
        ("port: 1\nport: 2\n", "QX-CFG-007", "node.yaml:2"),
        ("data_dir: /x\nbin_dir: /y\n", "QX-CFG-004", "port"),
        ("data_dir: /x\nbin_dir: /y\nport: 1\ncolour: red\n", "QX-CFG-004", "colour"),
        ("data_dir: /x\nbin_dir: /y\nport: 1\nregion: us-east\n", "QX-NODE-005", "us-east"),
        ("driver: local\ndata_dir: /no/such\nbin_dir: /bin\nport: 1\n", "QX-NODE-005", "pg_controldata"),
    ],
)
async def test_settings_that_do_not_fit(settings: str, code: str, word: str, tmp_path: Path) -> None:
    error = await refused(code, node(settings, tmp_path).inspect(T))
    assert word in str(error)


async def test_settings_that_are_missing(tmp_path: Path) -> None:
    far = control(sys.executable, "-m", "qx", "node", "--settings", str(tmp_path / "none"))
    await refused("QX-CFG-001", far.inspect(T))


@pytest.mark.parametrize(
    "asked",
    [
        {"verb": "lock"},
        {"verb": "__class__"},
        {"protocol": 3},
        {"args": {"mode": "kill"}},
        {"verb": "stop", "args": {}},
        {"verb": "stop", "args": {"mode": "gently"}},
        {"verb": "stop", "args": {"mode": "kill", "deadline": 1}},
    ],
)
async def test_only_what_is_known_can_be_asked(asked: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "node.yaml"
    file.write_text("data_dir: /x\nbin_dir: /y\nport: 1\n")
    request = {"protocol": 2, "verb": "inspect", "cluster": "c", "region": "r", "kind": "redis", "epoch": 1,
               "timeout_s": 5, "args": {}} | asked
    argv = (sys.executable, "-m", "qx", "node", "--settings", str(file))
    far = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await far.communicate(json.dumps(request).encode())
    hello, reply = out.decode().splitlines()
    assert json.loads(hello) == {"protocol": 2}
    assert json.loads(reply)["error"]["code"] == "QX-NODE-005"


