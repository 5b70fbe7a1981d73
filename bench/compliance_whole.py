"""One file of transactions through `qx.app.batch.run`, with record and findings: in a process of its own.

    python -m bench.compliance_whole FILE FORM JOBS REGION STATE [--lists DIRECTORY] [--profile FILE]

STATE is an empty directory, where the record and the findings go. Prints one JSON object: the rows, their statuses and
the seconds of processor time. bench.compliance uses it; alone it is of use with --profile, which writes what cProfile
saw of this process (with JOBS 1 that is all).
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from bench.compliance_engine import AS_OF
from qx.app.batch.run import Wanted, run
from qx.app.compliance import Desk
from qx.compliance.screening import Lists
from qx.model.batch import Form

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_S = 0.02


class Came(NamedTuple):
    """`wall`: seconds of the whole process; `cpu`: seconds of user and system time of all its processes; `peak`: bytes,
    the sum of their VmHWM (a page that they share counts for each).
    """

    rows: int
    wall: float
    cpu: float
    peak: int


def lists_of(desk: Desk, directory: str) -> Lists:
    """Whole and fresh: the full-size one of `directory`/screening, else those that are shipped."""
    if directory:
        from bench.screening import listed_by_ofac

        found = [listed_by_ofac(Path(directory, "screening"))]
    else:
        found = list(desk.lists.lists)
    return Lists(tuple(replace(each, whole=True, fresh_until="") for each in found))


def measured(file: Path, form: Form, jobs: int, region: str, state: Path, lists: str) -> Came:
    """Raises SystemExit where it fails."""
    state.mkdir()
    argv = [sys.executable, "-m", "bench.compliance_whole", str(file), form, str(jobs), region, str(state)]
    argv += ["--lists", lists] if lists else []
    began = time.perf_counter()
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    peaks: dict[int, int] = {}
    watcher = threading.Thread(target=_watch, args=(child, peaks))
    watcher.start()
    out, _ = child.communicate()
    wall = time.perf_counter() - began
    watcher.join()
    if child.returncode:
        raise SystemExit(f"the batch ended with {child.returncode}")
    said = json.loads(out)
    return Came(said["rows"], wall, said["cpu"], sum(peaks.values()))


def apart(state: Path) -> dict[str, str]:
    """An environment whose records are kept below `state`, and no regions.yaml is named in."""
    kept = {name: value for name, value in os.environ.items() if name not in ("QX_CONFIG", "QX_EVIDENCE_KEY")}
    return {**kept, "XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": str(state), "XDG_DATA_HOME": str(state)}


def _watch(child: subprocess.Popen[str], peaks: dict[int, int]) -> None:
    while child.poll() is None:
        for pid in _family(child.pid):
            peaks[pid] = max(peaks.get(pid, 0), _peak(pid))
        time.sleep(EVERY_S)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return
    for each in below:
        yield from _family(int(each))


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("form", choices=get_args(Form))
    parser.add_argument("jobs", type=int)
    parser.add_argument("region")
    parser.add_argument("state", type=Path)
    parser.add_argument("--lists", default="")
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    desk = Desk(apart(given.state), cwd=given.state)
    wanted = Wanted(
        given.file, given.file.name, given.form, desk.rulebook(given.region), lists_of(desk, given.lists), None, AS_OF,
        findings=str(given.state / "findings.ndjson"), rejects=str(given.state / "rejects.ndjson"), jobs=given.jobs,
    )  # fmt: skip
    profile = cProfile.Profile()
    with closing(desk.evidence(lambda line: print(line, file=sys.stderr))) as record:
        if given.profile:
            profile.enable()
        found = run(wanted, record, lambda *_: None)
        profile.disable()
    if given.profile:
        profile.dump_stats(given.profile)
    used = os.times()
    statuses = msgspec.to_builtins(found.statuses)
    print(json.dumps({"rows": found.transactions, "cpu": sum(used[:4]), "statuses": statuses}))


if __name__ == "__main__":
    main()
