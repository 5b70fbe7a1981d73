"""Screening measured on labelled names: wrong pairs, false alarms, recall, speed; beside rapidfuzz and nomenklatura.

    python -m bench.screening DIRECTORY [--innocents 2000] [--peers PYTHON]

DIRECTORY holds `screening/` with the labelled sets. WRatio runs over a sample, at the threshold that suits it best: it
takes seconds for a hundred names. nomenklatura's logic-v2 runs on the pairs, in the interpreter that --peers names (it
needs ICU, so it is no part of qx); without one its line says so.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from qx.adapters.lists import forms
from qx.compliance.screening import Lists
from qx.compliance.screening.compare import compared
from qx.compliance.screening.lists import THRESHOLD
from qx.compliance.screening.name import Of, alternatives, analysed, is_syllabic
from qx.model.sanctions import SanctionsList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SPEED, FALSE, RECALL = 5_000, 3.0, 0.98  # names per second of one core; false alarms per 1,000; of perturbed names
SAMPLE = 60  # innocents that WRatio is held to the whole list with
PEER = """
import json, sys
from nomenklatura.matching import get_algorithm
from followthemoney import model
algorithm = get_algorithm("logic-v2")
config = algorithm.default_config()
def entity(n, schema, name):
    found = model.make_entity(schema)
    found.id = f"e{n}"  # its caches go by the id: never twice the same
    found.add("name", name)
    return found
scores = []
for n, (one, other, schema) in enumerate(json.load(sys.stdin)):
    scores.append(algorithm.compare(entity(2 * n, schema, one), entity(2 * n + 1, schema, other), config).score)
print(json.dumps(scores))
"""


class Pair(NamedTuple):
    """Two names and whether they are one party's. `kind`: the schema that it is labelled with."""

    one: str
    other: str
    kind: str
    same: bool
    strong: bool


class Quality(NamedTuple):
    """At the threshold at which F1 is best, or at the one that is used."""

    name: str
    threshold: float
    f1: float
    precision: float
    recall: float
    strong_wrong: int


def pairs_in(directory: Path) -> list[Pair]:
    with (directory / "name_pairs.csv").open(encoding="utf-8", newline="") as file:
        return [
            Pair(
                row["name1"],
                row["name2"],
                row["schema"],
                row["is_match"] == "true",
                row["quality"] == "STRONG",
            )
            for row in csv.DictReader(file)
        ]


def names_in(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["full_name"] for row in csv.DictReader(file)]


def listed_by_ofac(directory: Path) -> SanctionsList:
    return _held(directory, "sdn.csv.gz", "alt.csv.gz", "add.csv.gz")


def listed_by_un(directory: Path) -> SanctionsList:
    return _held(directory, "UN_consolidated.xml.gz")


def _held(directory: Path, *files: str) -> SanctionsList:
    (found,) = forms.read({name: (directory / name).read_bytes() for name in files})
    return SanctionsList(
        source=found.source, version=found.version or "2021-07-01", whole=True, entries=found.entries
    )


def pair_score(pair: Pair) -> float:
    of: Of = "person" if pair.kind == "Person" else "entity"
    return max(
        compared(
            replace(analysed(one, of), strict=is_syllabic(pair.one)),
            replace(analysed(other, of), strict=is_syllabic(pair.other)),
        ).score
        for one in alternatives(pair.one)
        for other in alternatives(pair.other)
    )


def quality(name: str, pairs: Sequence[Pair], scores: Sequence[float], threshold: float) -> Quality:
    told = [score >= threshold for score in scores]
    right = sum(each and pair.same for each, pair in zip(told, pairs, strict=True))
    precision, recall = right / max(1, sum(told)), right / sum(pair.same for pair in pairs)
    wrong = sum(each != pair.same for each, pair in zip(told, pairs, strict=True) if pair.strong)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return Quality(name, threshold, f1, precision, recall, wrong)


def best(name: str, pairs: Sequence[Pair], scores: Sequence[float]) -> Quality:
    return max(
        (quality(name, pairs, scores, step / 100) for step in range(50, 100)), key=lambda each: each.f1
    )


def wratio(one: str, other: str) -> float:
    from rapidfuzz import fuzz

    return fuzz.WRatio(_ascii(one), _ascii(other)) / 100


def _ascii(name: str) -> str:
    from qx.compliance.names import folded

    return folded(name)


def peer_scores(python: str, pairs: Sequence[Pair]) -> list[float]:
    given = json.dumps([(pair.one, pair.other, pair.kind) for pair in pairs])
    ran = subprocess.run(
        [python, "-c", PEER], input=given, capture_output=True, text=True, check=True, timeout=600
    )
    scores: list[float] = json.loads(ran.stdout.splitlines()[-1])
    return scores


def alarms(ask: Callable[[str], bool], names: Sequence[str]) -> tuple[float, float]:
    """(false alarms per 1,000, names per second of processor time)."""
    start = time.process_time()
    found = sum(map(ask, names))
    return 1000 * found / len(names), len(names) / (time.process_time() - start)


class Report(NamedTuple):
    """`targets`: in words, and whether each is met."""

    lines: list[str]
    targets: dict[str, bool]


def report(directory: Path, innocents: int, peers: str) -> Report:
    from rapidfuzz import fuzz, process

    pairs = pairs_in(directory)
    ours = [pair_score(pair) for pair in pairs]
    theirs = [wratio(pair.one, pair.other) for pair in pairs]
    rows = [
        quality("qx", pairs, ours, THRESHOLD), best("qx, best", pairs, ours), best("rapidfuzz WRatio", pairs, theirs),
    ]  # fmt: skip
    if peers:
        rows.append(best("nomenklatura logic-v2", pairs, peer_scores(peers, pairs)))
    lines = [f"{len(pairs)} labelled pairs, {sum(pair.strong for pair in pairs)} of them strong"]
    lines += [
        f"  {each.name:22} at {each.threshold:.2f}: F1 {each.f1:.3f}, precision {each.precision:.3f}, "
        f"recall {each.recall:.3f}, strong ones wrong {each.strong_wrong}"
        for each in rows
    ]
    if not peers:
        lines.append("  nomenklatura logic-v2  not measured: name a Python that has it with --peers")

    names = list(dict.fromkeys(names_in(directory / "innocents.csv")))[:innocents]
    held = listed_by_ofac(directory)
    start = time.process_time()
    lists = Lists((held,))
    lists.match(("warm",))
    built = time.process_time() - start
    false, speed = alarms(lambda name: bool(lists.match((name,))[0].hits), names)
    perturbed = names_in(directory / "positives_un_treated.csv")
    un = Lists((listed_by_un(directory),))
    found = sum(bool(each.hits) for each in un.match(perturbed)) / len(perturbed)
    count = sum(len(entry.names) for entry in held.entries)
    lines += [
        f"{len(names)} innocent names against {count} of OFAC; {len(perturbed)} perturbed ones against the UN's list",
        (
            f"  qx at {THRESHOLD:.2f}: {false:.2f} false alarms per 1,000, recall {found:.1%}, "
            f"{speed:,.0f} names/s of one core, index built in {built:.1f} s"
        ),
    ]

    targets = {
        f"no strong pair wrong at {THRESHOLD:.2f}: {rows[0].strong_wrong}": not rows[0].strong_wrong,
        f"{FALSE:g} false alarms per 1,000 at most: {false:.2f}": false <= FALSE,
        f"{RECALL:.0%} of perturbed names found: {found:.1%}": found >= RECALL,
        f"{SPEED:,} names/s of one core against the full-size list: {speed:,.0f}": speed >= SPEED,
    }
    choices = [_ascii(name) for entry in held.entries for name in entry.names]
    originals = [_ascii(name) for name in names_in(directory / "positives_un_untreated.csv")]
    threshold = 100 * rows[2].threshold

    def hit(name: str) -> bool:
        return (
            process.extractOne(_ascii(name), choices, scorer=fuzz.WRatio, score_cutoff=threshold) is not None
        )

    false, speed = alarms(hit, names[:SAMPLE])
    pairs_of = zip(perturbed, originals, strict=True)
    found = sum(fuzz.WRatio(_ascii(one), other) >= threshold for one, other in pairs_of) / len(perturbed)
    lines.append(
        f"  rapidfuzz WRatio at {threshold / 100:.2f}: {false:.0f} per 1,000 of {SAMPLE}, recall {found:.1%} "
        f"of its own originals, {speed:,.1f} names/s"
    )
    return Report(lines, targets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--innocents", type=int, default=10_000)
    parser.add_argument("--peers", default="", metavar="PYTHON")
    given = parser.parse_args()
    found = report(given.directory / "screening", given.innocents, given.peers)
    print(*found.lines, sep="\n")
    for words, is_met in found.targets.items():
        print(f"  {'met' if is_met else 'MISSED':<8} {words}")


if __name__ == "__main__":
    main()
