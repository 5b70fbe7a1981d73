"""What compliance takes: rules alone, files from end to end, beside other engines, one transaction, names.

    python -m bench.compliance [DATA] [--quick] [--rows N] [--region R] [--peers PYTHON] [--only PART,...]

`alone`: rules over columns that are read already. `whole`: Parquet and NDJSON through all of `qx validate` but its
command line, with findings and record, each file in a process of its own, of N and of 4 N rows: what the further rows
take is the marginal rate, what it leaves of the small file is spent once. `equal`: eight rules in qx and in the engines
that --peers has. `one`: `qx validate txn.json`. `names`: bench.screening, on the labelled names of DATA; its full-size
list is then also what `alone` and `whole` screen against. With each its noise: load, fastest and slowest run or
processor time.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from contextlib import chdir
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bench import compliance_peers, screening
from bench.compliance_data import ALL_NAMES, NAMES, chunks, documents, write
from bench.compliance_engine import AS_OF
from bench.compliance_whole import apart, lists_of, measured
from bench.observing import timed
from qx.app.compliance import Desk
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.columnar.names import Screening

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.synchronize import Barrier

    from bench.compliance_whole import Came
    from qx.compliance.columnar.column import Chunk
    from qx.model.batch import Form

PARTS = ("alone", "whole", "equal", "one", "names")
FORMS: tuple[Form, ...] = ("parquet", "ndjson")
ALONE, OF_FORM, ONE_S = 150_000, {"parquet": 80_000, "ndjson": 50_000}, 0.35
TIMES = 4  # as many rows has the larger file
ID_BYTES, FLAT = 16, 1.10  # a row of the pass over ids may take; memory may grow by so much otherwise
MB = 1e6


class Target(NamedTuple):
    words: str
    is_met: bool


class Wish(NamedTuple):
    """`data`: a directory with labelled names, '' none; `jobs`: processes."""

    data: str
    rows: int
    alone_rows: int
    equal_rows: int
    peer_rows: int
    innocents: int
    runs: int
    ones: int
    jobs: tuple[int, ...]
    region: str
    peers: str
    nomenklatura: str
    texts: bool


def alone(wish: Wish) -> list[Target]:
    desk = Desk(dict(os.environ))
    book = desk.rulebook(wish.region)
    judge = Judge(book, Screening.of(lists_of(desk, wish.data)))
    made = list(chunks(wish.alone_rows))
    rules = f"{len(book.rules)} rules of {book.region}"
    print(f"evaluation alone: {wish.alone_rows:,} rows, {rules}, {NAMES:,} names;{_load()}")
    began = time.perf_counter()
    _judge(judge, made)
    first = wish.alone_rows / (time.perf_counter() - began)
    print(f"  first pass, with names {first:12,.0f} rows/s of one process")
    rate = 0.0
    for processes in (1, 2):
        took = [_together(judge, made, processes) for _ in range(wish.runs)]
        rates = [processes * wish.alone_rows / each for each in took]
        rate = statistics.median(rates)
        print(f"  {processes} process{'es' if processes > 1 else '  '}            {rate:12,.0f} rows/s"
              f" (slowest {min(rates):,.0f}, fastest {max(rates):,.0f})")  # fmt: skip
    return [Target(f"{ALONE:,} rows/s, evaluation alone in two processes: {rate:,.0f}", rate >= ALONE)]


def _judge(judge: Judge, made: Sequence[Chunk]) -> None:
    for chunk in made:
        judge.judged(chunk, AS_OF).verdicts  # noqa: B018 - what is measured


def _together(judge: Judge, made: Sequence[Chunk], processes: int) -> float:
    """Seconds until each of them has judged all chunks."""
    context = get_context("fork")
    ready = context.Barrier(processes + 1)
    started = [context.Process(target=_turn, args=(judge, made, ready)) for _ in range(processes)]
    for each in started:
        each.start()
    ready.wait()
    began = time.perf_counter()
    ready.wait()
    took = time.perf_counter() - began
    for each in started:
        each.join()
    return took


def _turn(judge: Judge, made: Sequence[Chunk], ready: Barrier) -> None:
    ready.wait()
    _judge(judge, made)
    ready.wait()


def whole(wish: Wish, place: Path) -> list[Target]:
    sizes = (wish.rows, TIMES * wish.rows)
    files = write(place, sizes, texts=wish.texts)
    print(f"end to end, with ids, findings and record: {sizes[0]:,} and {sizes[1]:,} rows, {NAMES:,} names;{_load()}")
    targets = []
    for form in FORMS:
        for jobs in wish.jobs:
            small, large = (
                measured(files[form, size], form, jobs, wish.region, place / f"{form}-{jobs}-{size}", wish.data)
                for size in sizes
            )
            rate = _further(small, large, jobs, form)
            if jobs == max(wish.jobs):
                most = OF_FORM[form]
                targets.append(Target(f"{most:,} rows/s, {form} with {jobs} processes: {rate:,.0f}", rate >= most))
                may = small.peak * FLAT + ID_BYTES * (large.rows - small.rows)
                peaks = f"{small.peak / MB:.0f} MB, then {large.peak / MB:.0f}, at most {may / MB:.0f}"
                targets.append(Target(f"memory flat, {form} with {jobs} processes: {peaks}", large.peak <= may))
    return targets


def _further(small: Came, large: Came, jobs: int, form: str) -> float:
    """Rows per second of those that the larger file has more. Prints all."""
    rows = large.rows - small.rows
    passed, used = large.wall - small.wall, large.cpu - small.cpu
    if passed <= 0 or used <= 0:  # two runs on a machine that was busy for the first only
        print(f"  {form:8} {jobs} processes: the larger file took no longer: the machine is too noisy, or N too small")
        return 0.0
    once = small.wall - small.rows * passed / rows
    print(f"  {form:8} {jobs} process{'es' if jobs > 1 else '  '} {rows / passed:10,.0f} rows/s marginal,"
          f" {large.rows / large.wall:,.0f} of the whole process, {once:.1f} s once;"
          f" {rows / used:,.0f} per second of processor time; {small.peak / MB:.0f} MB, then {large.peak / MB:.0f};"
          f"{_load()}")  # fmt: skip
    return rows / passed


def equal(wish: Wish) -> list[Target]:
    for line in compliance_peers.compared(
        Desk(dict(os.environ)), wish.peers, wish.equal_rows, wish.peer_rows, wish.runs
    ):
        print(line)
    return []


def one(wish: Wish, place: Path) -> list[Target]:
    document = place / "txn.json"
    [chunk] = chunks(1)
    [found] = documents(chunk, tuple(chunk.columns))
    document.write_bytes(msgspec.json.encode(found))
    env = apart(place / "one")
    argv = [sys.executable, "-m", "qx", "validate", str(document), "--region", wish.region, "--fail-on", "rejected"]
    cases = {"python -c pass": [sys.executable, "-c", "pass"], "qx validate txn.json": argv}
    took: dict[str, list[float]] = {name: [] for name in cases}
    with chdir(place):  # where no regions.yaml is found
        for turn in range(wish.ones + 1):  # the first warms up
            for name, each in cases.items():
                seconds = timed(each, env)
                if turn:
                    took[name].append(seconds)
    print(f"one transaction, {wish.ones} runs by turns;{_load()}")
    for name, seen in took.items():
        print(f"  {name:<24}{min(seen):>8.3f}{statistics.median(seen):>8.3f}{max(seen):>8.3f} s  min, median, max")
    median = statistics.median(took["qx validate txn.json"])
    return [Target(f"{ONE_S} s, one transaction: {median:.3f}", median <= ONE_S)]


def names(wish: Wish) -> list[Target]:
    if not wish.data:
        print("names: not measured: name a directory with the labelled ones")
        return []
    print(f"names;{_load()}")
    found = screening.report(Path(wish.data, "screening"), wish.innocents, wish.nomenklatura)
    print(*found.lines, sep="\n")
    return [Target(words, is_met) for words, is_met in found.targets.items()]


def _load() -> str:
    return f" load {os.getloadavg()[0]:.1f}"


def wished(words: list[str]) -> tuple[Wish, tuple[str, ...]]:
    """(what is asked for, the parts to run)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="", metavar="DATA", help="holds screening/, with labelled names")
    parser.add_argument("--quick", action="store_true", help="small everything, and two processes only: 30 s")
    parser.add_argument("--rows", type=int, help="N of the smaller file [100,000; 30,000]")
    parser.add_argument("--alone-rows", type=int, help="[393,216; 65,536]")
    parser.add_argument("--equal-rows", type=int, help="that qx's columns have [200,000; 20,000]")
    parser.add_argument("--peer-rows", type=int, help="that the peers have, the first of them [20,000; 2,000]")
    parser.add_argument("--innocents", type=int, help="names that are on no list [10,000; 1,000]")
    parser.add_argument("--runs", type=int, help="of what is measured more than once [5; 2]")
    parser.add_argument("--ones", type=int, help="runs of qx validate txn.json [10; 5]")
    parser.add_argument("--jobs", help="processes of a batch [1,2; 2]")
    parser.add_argument("--region", default="us-east")
    parser.add_argument("--peers", default="", metavar="PYTHON", help="an interpreter that has zen-engine and cedarpy")
    parser.add_argument("--nomenklatura", default="", metavar="PYTHON", help="an interpreter that has it")
    parser.add_argument("--texts", action="store_true", help="Parquet of texts, without numbers, days and instants")
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,...", help=f"of {', '.join(PARTS)}")
    given = parser.parse_args(words)
    parts = tuple(given.only.split(","))
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only: {', '.join(sorted(unknown))}: the parts are {', '.join(PARTS)}")
    usual = (30_000, 65_536, 20_000, 2_000, 1_000, 2, 5) if given.quick else (
        100_000, 393_216, 200_000, 20_000, 10_000, 5, 10
    )  # fmt: skip
    stated = (given.rows, given.alone_rows, given.equal_rows, given.peer_rows, given.innocents, given.runs, given.ones)
    counts = [each if own is None else own for own, each in zip(stated, usual, strict=True)]
    if min(counts) < 1:
        parser.error("every count is 1 or more")
    if "whole" in parts and counts[0] < ALL_NAMES:
        parser.error(f"--rows: {ALL_NAMES:,} or more: fewer do not have every name")
    jobs = tuple(int(each) for each in (given.jobs or ("2" if given.quick else "1,2")).split(","))
    data = str(Path(given.data).resolve()) if given.data else ""
    if "names" in parts and data and not Path(data, "screening", "name_pairs.csv").is_file():
        parser.error(f"{given.data}: it holds no screening/name_pairs.csv: name the directory above `screening`")
    rows, alone_rows, equal_rows, peer_rows, innocents, runs, ones = counts
    return Wish(data, rows, alone_rows, equal_rows, peer_rows, innocents, runs, ones, jobs, given.region, given.peers,
                given.nomenklatura, given.texts), parts  # fmt: skip


def main() -> None:
    wish, parts = wished(sys.argv[1:])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # each line when it is known, also through a pipe
    print(f"{len(os.sched_getaffinity(0))} processors,{_load()}")
    targets: list[Target] = []
    with tempfile.TemporaryDirectory(prefix="qx-bench-") as directory:
        place = Path(directory)
        work = {"alone": lambda: alone(wish), "whole": lambda: whole(wish, place), "equal": lambda: equal(wish),
                "one": lambda: one(wish, place), "names": lambda: names(wish)}  # fmt: skip
        for part in PARTS:
            if part in parts:
                targets += work[part]()
    print(f"targets;{_load()}")
    for each in targets:
        print(f"  {'met' if each.is_met else 'MISSED':<8} {each.words}")
    raise SystemExit(0 if all(each.is_met for each in targets) else 1)


if __name__ == "__main__":
    main()
