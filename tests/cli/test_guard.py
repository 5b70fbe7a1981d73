"""`qx guard`: what a user reads and gets; the nodes' controls are programs that answer as they are told."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from qx.adapters.attestations import Attestations
from qx.adapters.node.wire import Hello, Reply
from qx.kernel.exits import Exit
from qx.model.control import RedisControl
from qx.model.guarding import Attested

if TYPE_CHECKING:
    from tests.cli.conftest import Qx, Result

STOPPED = RedisControl(
    running=False, pid=None, pids=(), replicaof="", held_epoch=7, held_for="", free_bytes=1, exited="expired"
)
REPLICA = msgspec.structs.replace(STOPPED, replicaof="127.0.0.1:1", exited="clean")
BOUND = msgspec.structs.replace(
    STOPPED, running=True, pid=9, pids=(9,), guard="boot/8/77", guard_epoch=7, guard_left_s=2.5, exited=""
)
FREE = msgspec.structs.replace(BOUND, guard_left_s=None)


class Platform:
    def __init__(self, qx: Qx, directory: Path) -> None:
        self._qx, self.directory = qx, directory
        self.config = directory / "regions.yaml"
        self.waiting = Attestations(directory / "state" / "qx" / "main.attested.ndjson")

    def nodes(self, **told: RedisControl | None) -> None:
        """What the control of each region answers; None: nothing, ever."""
        document = {
            "version": 1, "platform": "main", "store": {"path": str(self.directory / "store.db")},
            "regions": {region: {"title": region, "jurisdictions": ["US"]} for region in told},
            "clusters": {
                "sessions": {
                    "kind": "redis", "home": next(iter(told)), "data_classes": ["session"],
                    "nodes": {region: self._node(port, told[region]) for port, region in enumerate(told, 1)},
                }
            },
        }  # fmt: skip
        self.config.write_text(json.dumps(document))

    def _node(self, port: int, control: RedisControl | None) -> dict[str, Any]:
        lines = [Hello(), Reply(result=control)]
        said = "\n".join(msgspec.json.encode(line).decode() for line in lines)
        script = f"printf '%s\\n' {shlex.quote(said)}; cat >/dev/null" if control else "exit 255"
        told = {"driver": "command", "argv": ["/bin/sh", "-c", script]}
        return {"url": f"redis://127.0.0.1:{port}/0", "control": told}

    def __call__(self, *argv: str) -> Result:
        env = {"QX_CONFIG": str(self.config), "XDG_STATE_HOME": str(self.directory / "state"), "NO_COLOR": "1"}
        return self._qx("guard", *argv, env=env)


@pytest.fixture
def platform(qx: Qx, tmp_path: Path) -> Platform:
    return Platform(qx, tmp_path)


def test_status_tells_every_node(platform: Platform) -> None:
    platform.nodes(**{"us-east": BOUND, "eu-west": FREE, "ap-south": STOPPED, "me-east": None})
    found = platform("status")
    assert found.exit == Exit.DONE
    rows = {line.split()[1]: line for line in found.out.splitlines() if line.startswith("sessions")}
    assert "boot/8/77" in rows["us-east"]
    assert "in 2.5 s" in rows["us-east"]
    assert "runs freely" in rows["eu-west"]
    assert "ended at its deadline" in rows["ap-south"]
    assert "unknown" in rows["me-east"]
    document = platform("status", "sessions", "-o", "json").json
    assert document["schema"] == "qx.guards/1"
    by_region = {each["region"]: each for each in document["guards"]}
    assert (by_region["us-east"]["left_s"], by_region["us-east"]["epoch"]) == (2.5, 7)
    assert (by_region["ap-south"]["running"], by_region["ap-south"]["exited"]) == (False, "expired")
    assert by_region["me-east"]["running"] is None
    assert by_region["me-east"]["why"]
    assert document["attested"] == []


def test_status_tells_whose_word_no_store_has_heard(platform: Platform) -> None:
    platform.nodes(**{"us-east": FREE})
    word = Attested(
        run="01R", cluster="sessions", region="us-east", epoch=7, by="ada@ops", reason="dark", at=0.0,
        because="no disk", seen={},
    )  # fmt: skip
    platform.waiting.keep(word)
    assert "on the word of ada@ops; no store has heard it yet" in platform("status").out
    (told,) = platform("status", "-o", "json").json["attested"]
    assert told["run"] == "01R"


def test_a_cold_start_wants_a_store_or_a_word(platform: Platform) -> None:
    platform.nodes(**{"us-east": STOPPED, "eu-west": REPLICA})
    found = platform("start", "sessions", "--region", "us-east", "--reason", "dark", "-o", "json")
    assert (found.exit, found.json["error"]["code"]) == (Exit.REFUSED, "QX-NODE-012")
    assert "no store answers" in found.json["error"]["message"]
    assert "--attest" in found.json["error"]["hint"]
    assert not platform.waiting.path.exists()


def test_what_contradicts_the_word_is_told_whole(platform: Platform) -> None:
    later = msgspec.structs.replace(STOPPED, held_epoch=9)
    platform.nodes(**{"us-east": STOPPED, "eu-west": later, "me-east": FREE})
    found = platform("start", "sessions", "--region", "us-east", "--attest", "--reason", "dark")
    assert found.exit == Exit.REFUSED
    assert "me-east runs as a writer" in found.err
    assert "eu-west was the writer later" in found.err
    assert not platform.waiting.path.exists()


def test_one_that_runs_is_left_alone(platform: Platform) -> None:
    platform.nodes(**{"us-east": FREE, "eu-west": None})
    found = platform("start", "sessions", "--region", "us-east", "--attest", "--reason", "dark")
    assert found.exit == Exit.DONE, found.err
    assert "runs already" in found.out
    assert not platform.waiting.path.exists()


def test_its_region_must_answer_and_hold_a_node(platform: Platform) -> None:
    platform.nodes(**{"us-east": None, "eu-west": REPLICA})
    asked = ("start", "sessions", "--attest", "--reason", "dark", "-o", "json")
    assert platform(*asked, "--region", "us-east").json["error"]["code"] == "QX-NODE-001"
    assert platform(*asked, "--region", "mars").exit == Exit.USAGE
    assert platform("start", "sessions", "--region", "us-east", "--reason", " ").exit == Exit.USAGE


def test_run_wants_settings_that_name_a_guard(platform: Platform) -> None:
    file = platform.directory / "node.yaml"
    assert platform("run", "--settings", str(file)).exit == Exit.USAGE
    file.write_text(f"data_dir: {platform.directory}/data\nbin_dir: {Path(sys.executable).parent}\nport: 1\n")
    assert "QX-CFG-008" in platform("run", "--settings", str(file)).err
