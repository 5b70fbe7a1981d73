"""The embedded store among real processes: many at once, and killed in mid-write."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

import pytest

from qx.adapters.sqlite.store import SqliteStore
from qx.engine.chain import verify
from qx.kernel.errors import QxError
from tests.fakes.runs import a_plan, a_run, an_entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.fault

DEADLINE_S = 60.0

_ACQUIRE = """
import sys
from pathlib import Path
from qx.adapters.sqlite.store import SqliteStore
from qx.kernel.errors import Refused
print("ready", flush=True)
sys.stdin.readline()
with SqliteStore(Path(sys.argv[1])) as store:
    try:
        lease, = store.acquire(("trading",), sys.argv[2], 600.0)
        print(f"won {lease.epoch}", store.store_id)
    except Refused as error:
        print(error.code, store.store_id)
"""

_APPEND = """
import sys
from pathlib import Path
from qx.adapters.sqlite.store import SqliteStore
from tests.fakes.runs import an_entry
with SqliteStore(Path(sys.argv[1])) as store:
    last = len(store.entries("run-1"))
    while True:
        last += 1
        store.append(an_entry(last, proof={"filling": "x" * 3000}))
        print(last, flush=True)
"""


class Programs:
    """Child processes that are ended, by their own pid, when the test is over."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[str]] = []

    def start(self, code: str, *argv: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [sys.executable, "-c", code, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.running.append(program)
        return program

    def end(self) -> None:
        for program in self.running:
            program.kill()
            program.communicate(timeout=DEADLINE_S)


@pytest.fixture
def programs() -> Iterator[Programs]:
    made = Programs()
    yield made
    made.end()


def line_of(stream: IO[str] | None) -> str:
    """The next line. Not more than one is on its way when it is asked for first."""
    assert stream is not None
    readable, _, _ = select.select([stream], [], [], DEADLINE_S)
    assert readable, "no answer in time"
    return stream.readline().strip()


@pytest.mark.parametrize("exists", [True, False], ids=["existing store", "first use"])
def test_of_eight_processes_exactly_one_gets_the_lease(programs: Programs, tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "qx" / "race.db"
    if exists:
        SqliteStore(path).shut()
    racers = [programs.start(_ACQUIRE, str(path), f"run-{n}") for n in range(8)]
    assert [line_of(racer.stdout) for racer in racers] == ["ready"] * 8
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [line_of(racer.stdout).rsplit(" ", 1) for racer in racers]
    assert sorted(answer for answer, _ in said) == ["QX-STORE-001"] * 7 + ["won 1"]
    assert len({store_id for _, store_id in said}) == 1
    assert not list(path.parent.glob("*.new*"))


def test_killed_in_mid_append_nothing_told_is_lost_and_the_chain_verifies(programs: Programs, tmp_path: Path) -> None:
    path = tmp_path / "kill.db"
    with SqliteStore(path) as store:
        store.begin(a_run(), a_plan())
    for round_ in range(6):
        writer = programs.start(_APPEND, str(path))
        assert writer.stdout is not None
        told = int(line_of(writer.stdout))
        time.sleep(0.017 * round_)  # any moment will do
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *map(int, writer.stdout.read().split())])  # what it had told before it died
        with SqliteStore(path) as store:
            chain = store.chain()
            assert verify(chain) == []
            assert told <= len(chain) <= told + 1
            store.append(an_entry(len(chain) + 1))


def test_a_process_frozen_in_mid_write_makes_others_say_so(programs: Programs, tmp_path: Path) -> None:
    path = tmp_path / "frozen.db"
    with SqliteStore(path) as store:
        store.begin(a_run(), a_plan())
    holder = programs.start(
        "import sys; from pathlib import Path; from qx.adapters.sqlite.store import SqliteStore\n"
        "with SqliteStore(Path(sys.argv[1])) as store, store._connection.writing():\n"
        "    print('holds', flush=True); sys.stdin.readline()",
        str(path),
    )
    assert line_of(holder.stdout) == "holds"
    os.kill(holder.pid, signal.SIGSTOP)
    with SqliteStore(path, busy_s=0.2) as store:
        with pytest.raises(QxError, match="another process holds it"):
            store.append(an_entry(1))
        assert store.chain() == ()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(DEADLINE_S)
        store.append(an_entry(1))
