"""`qx validate --stream` from end to end: the Redis of regions.yaml, a KYC file, the record."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from qx.cli.options import Universal
from qx.cli.shell import Shell
from qx.cli.streaming import Streaming, stream
from qx.cli.streams import Streams
from qx.compliance.selftest import BASE, laid_over
from qx.kernel.errors import QxError
from tests.fixtures_servers import RedisPair, Servers

pytestmark = pytest.mark.integration
REGIONS = """
version: 1
platform: streamed
regions:
  home: {{title: Home, jurisdictions: [BH], aliases: [here]}}
  away: {{title: Away, jurisdictions: [EU]}}
clusters:
  cache:
    kind: redis
    home: home
    data_classes: [session]
    nodes: {{home: {{url: "{master}"}}, away: {{url: "{replica}"}}}}
kyc: {{driver: file, name: registry, path: kyc.json}}
"""
RECORD = {"lei": "5493001KJTIIGC8Y1R12", "status": "verified", "reviewedAt": "2026-05-05", "riskRating": "low"}


def shell_at(home: Path, pair: RedisPair) -> Shell:
    file = home / "regions.yaml"
    file.write_text(REGIONS.format(master=pair.master.url, replica=pair.replica.url))
    (home / "kyc.json").write_text(json.dumps([RECORD]))
    env = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "PW": "hunter2"}
    streams = Streams(io.StringIO(), io.StringIO(), io.StringIO(), env)
    return Shell(streams, Universal(output="json", config=str(file)))


def talk(shell: Shell) -> str:
    assert isinstance(shell.streams.stderr, io.StringIO)
    return shell.streams.stderr.getvalue()


def answer(shell: Shell) -> Any:
    assert isinstance(shell.streams.stdout, io.StringIO)
    return json.loads(shell.streams.stdout.getvalue())


def test_a_regions_stream_is_taken_from_the_redis_that_takes_writes_there(
    shared_redis_pair: RedisPair, redis_program: str, tmp_path: Path
) -> None:
    master, name = shared_redis_pair.master, f"{{e2e-{redis_program}}}:in"
    for number in range(3):
        text = json.dumps(laid_over(BASE, {"transactionId": f"T-{number}", "kyc.riskRating": "high"}))
        master.ask("XADD", name, "*", "transaction", text)
    master.ask("XADD", name, "*", "transaction", "?")
    shell = shell_at(tmp_path, shared_redis_pair)
    assert stream(shell, Streaming(region="here", name=name, drain=True)) == 0
    told = answer(shell)
    assert (told["schema"], told["conditional"], told["dead"]) == ("qx.streamed/1", 3, 1)
    assert "takes {e2e-" in talk(shell)
    assert "cache/home" in talk(shell)
    results = [fields for _, fields in master.ask("XRANGE", f"{name}:results", "-", "+")]
    assert {each["transactionId"] for each in results} == {"T-0", "T-1", "T-2"}
    assert {"path": "kyc.riskRating", "stated": "high", "found": "low"} in json.loads(results[0]["kycConflicts"])
    assert list((tmp_path / "state" / "qx" / "evidence" / "streamed").glob("home.*"))
    groups = master.ask("XINFO", "GROUPS", name)
    [group] = [dict(zip(each[::2], each[1::2], strict=True)) for each in groups]
    assert (group["name"], group["consumers"], group["pending"]) == ("qx:home", 0, 0)


def test_a_region_without_the_writer_is_told_who_is_where(
    shared_redis_pair: RedisPair, redis_program: str, tmp_path: Path
) -> None:
    shell = shell_at(tmp_path, shared_redis_pair)
    with pytest.raises(QxError, match="cache/away: a replica") as caught:
        stream(shell, Streaming(region="away", drain=True))
    assert caught.value.code == "QX-STREAM-001"


def test_a_named_server_wants_its_password(
    servers: Servers, shared_redis_pair: RedisPair, redis_program: str, tmp_path: Path
) -> None:
    node = servers.redis(redis_program, password="hunter2", requirepass="hunter2")
    node.start()
    node.ask("XADD", "in", "*", "transaction", json.dumps(BASE))
    shell = shell_at(tmp_path, shared_redis_pair)
    for password in ("", "env:PW"):
        given = Streaming(region="home", name="in", url=node.url, password=password, group="own", drain=True)
        if password:
            assert stream(shell, given) == 0
        else:
            with pytest.raises(QxError, match="NOAUTH"):
                stream(shell, given)
    assert answer(shell)["conditional"] == 1
    assert node.ask("XLEN", "{in}:results") == 1
    assert "hunter2" not in talk(shell)


@pytest.mark.parametrize("url", ["redis://x:hunter2@127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1"])
def test_what_is_no_address_of_a_redis(
    url: str, shared_redis_pair: RedisPair, redis_program: str, tmp_path: Path
) -> None:
    with pytest.raises(QxError) as caught:
        stream(shell_at(tmp_path, shared_redis_pair), Streaming(region="home", url=url))
    assert caught.value.code == "QX-STREAM-001"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "{a", "a}", "{}a", "{a}{b}", "ü", "x" * 300])
def test_what_is_no_name_of_a_stream(
    name: str, shared_redis_pair: RedisPair, redis_program: str, tmp_path: Path
) -> None:
    with pytest.raises(QxError) as caught:
        stream(shell_at(tmp_path, shared_redis_pair), Streaming(region="home", name=name))
    assert caught.value.code == "QX-STREAM-002"
