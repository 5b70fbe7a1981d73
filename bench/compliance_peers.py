"""Eight rules of the us pack in qx, zen-engine and cedarpy: what breaks them, row by row, and rows per second.

The peers are no part of qx: they run in an interpreter that has them. Each gets what suits it best: zen-engine dicts,
once as a decision of one expression node and once as one compiled expression; cedarpy parsed policies and contexts as
JSON texts, a thousand at a time. All have the values in memory; writing them down is not measured.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from bench.compliance_data import Positions, chunks, documents
from bench.compliance_engine import AS_OF
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.columnar.names import Screening
from qx.compliance.columnar.outcomes import PLACE
from qx.compliance.screening import Lists, Screened
from qx.compliance.transaction import read
from qx.compliance.validate import Rulebook, asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.compliance import Desk
    from qx.compliance.columnar.column import Chunk

REGION, PACK = "us-east", "us"
NUMBERS = (
    "position.futuresEquivalent", "position.grossLong", "position.grossShort", "ourEntity.trailingDealingNotional",
)  # fmt: skip
PATHS = (
    *NUMBERS, "transactionType", "commodityType", "originCountry", "destinationCountry", "venue", "executionTs", "uti",
    "ourEntity.type", "position.contract", "position.isSpotMonth", "position.physical", "position.hedge.flag",
    "position.hedge.evidence", "unitPrice", "workflow.createdBy", "workflow.approvedBy", "workflow.settledBy",
)  # fmt: skip


class Said(NamedTuple):
    """What breaks a rule, in the words of both; param("name") stands for the pack's number."""

    zen: str
    cedar: str


_OIL = '["crude_oil", "gasoline", "heating_oil", "gasoil", "jet", "fuel_oil"]'
_PAPER = '["future", "option", "swap"]'
_DEALERS = '["SD", "MSP", "DCO"]'
_LACKS = "(uti == null or executionTs == null)"
_WITHOUT = "!(context has uti && context has executionTs)"


def _reportable(name: str) -> Said:
    most = f'param("reportable_{name.lower()}")'
    return Said(
        f'position.contract == "{name}" and (position.grossLong >= {most} or position.grossShort >= {most}'
        f" or (position.futuresEquivalent != null and abs(position.futuresEquivalent) >= {most}))",
        f'context.position.contract == "{name}" && (context.position.grossLong >= {most}'
        f" || context.position.grossShort >= {most} || (context.position has futuresEquivalent"
        f" && (context.position.futuresEquivalent >= {most} || context.position.futuresEquivalent <= -{most})))",
    )


_REPORTABLE = [_reportable(name) for name in ("CL", "NG", "HO", "RB")]
RULES: dict[str, Said] = {
    "US-CFTC-150-COND": Said(
        'position.contract == "NG" and position.isSpotMonth and not position.physical'
        " and not (position.hedge.flag and position.hedge.evidence != null)"
        ' and abs(position.futuresEquivalent) > param("conditional_ng")',
        'context.position.contract == "NG" && context.position.isSpotMonth && !context.position.physical'
        " && !(context.position.hedge.flag && context.position.hedge has evidence)"
        ' && (context.position.futuresEquivalent > param("conditional_ng")'
        ' || context.position.futuresEquivalent < -param("conditional_ng"))',
    ),
    "US-CFTC-1503": Said(
        " or ".join(f"({each.zen})" for each in _REPORTABLE), " || ".join(f"({each.cedar})" for each in _REPORTABLE)
    ),
    "US-CFTC-43": Said(
        'transactionType == "swap" and (executionTs == null or unitPrice == null)',
        'context.transactionType == "swap" && !(context has executionTs && context has unitPrice)',
    ),
    "US-CFTC-453": Said(
        f'transactionType == "swap" and (venue != "XOFF" or ourEntity.type in {_DEALERS}) and {_LACKS}',
        f'context.transactionType == "swap" && (context.venue != "XOFF"'
        f" || {_DEALERS}.contains(context.ourEntity.type)) && {_WITHOUT}",
    ),
    "US-CFTC-453-B2": Said(
        f'transactionType == "swap" and venue == "XOFF" and ourEntity.type not in {_DEALERS} and {_LACKS}',
        'context.transactionType == "swap" && context.venue == "XOFF"'
        f" && !{_DEALERS}.contains(context.ourEntity.type) && {_WITHOUT}",
    ),
    "US-CFTC-DEMIN": Said(
        'transactionType == "swap" and ourEntity.type != "SD"'
        ' and ourEntity.trailingDealingNotional > param("de_minimis")',
        'context.transactionType == "swap" && context.ourEntity.type != "SD"'
        ' && context.ourEntity.trailingDealingNotional > param("de_minimis")',
    ),
    "US-SOX-SOD": Said(  # names are in small letters here: cedar has no function that makes them so
        "workflow.createdBy == workflow.approvedBy or workflow.approvedBy == workflow.settledBy"
        " or workflow.createdBy == workflow.settledBy",
        "context.workflow.createdBy == context.workflow.approvedBy"
        " || context.workflow.approvedBy == context.workflow.settledBy"
        " || context.workflow.createdBy == context.workflow.settledBy",
    ),
    "US-IMP-RU": Said(
        f'transactionType not in {_PAPER} and originCountry == "RU" and (commodityType in {_OIL}'
        ' or commodityType == "lng") and startsWith(destinationCountry, "US")',
        f'!{_PAPER}.contains(context.transactionType) && context.originCountry == "RU"'
        f' && ({_OIL}.contains(context.commodityType) || context.commodityType == "lng")'
        ' && context.destinationCountry like "US*"',
    ),
}

CHILD = r"""
import json, sys, time
given = json.load(sys.stdin)
rows, best = given["rows"], {}

def timed(name, prepare, work):
    try:
        ready = prepare()
    except ImportError as error:
        best[name] = {"error": str(error)}
        return
    seconds = []
    for _ in range(given["runs"]):
        began = time.perf_counter()
        answers = work(ready)
        seconds.append(time.perf_counter() - began)
    masks = [sum(1 << place for place, broken in enumerate(each) if broken) for each in answers]
    best[name] = {"seconds": seconds, "broken": masks}

def zen_decision():
    import zen
    node = {"id": "x", "type": "expressionNode", "name": "x", "content": {"expressions": [
        {"id": f"r{place}", "key": f"r{place}", "value": each} for place, each in enumerate(given["zen"])]}}
    ends = [{"id": "in", "type": "inputNode", "name": "in"}, {"id": "out", "type": "outputNode", "name": "out"}]
    edges = [{"id": "1", "sourceId": "in", "targetId": "x", "type": "edge"},
             {"id": "2", "sourceId": "x", "targetId": "out", "type": "edge"}]
    return zen.ZenEngine().create_decision(json.dumps({"nodes": [ends[0], node, ends[1]], "edges": edges}))

def zen_decided(decision):
    keys = [f"r{place}" for place in range(len(given["zen"]))]
    return [[found[key] for key in keys] for found in (decision.evaluate(row)["result"] for row in rows)]

def zen_compiled():
    import zen
    return zen.compile_expression("[" + ", ".join(given["zen"]) + "]")

def cedar():
    import cedarpy
    forbids = [f'@id("{place}") forbid(principal, action, resource) when {{ {each} }};'
               for place, each in enumerate(given["cedar"])]
    policies = cedarpy.PolicySet.from_str("permit(principal, action, resource);" + "".join(forbids))
    about = {"principal": {"type": "U", "id": "u"}, "action": {"type": "Action", "id": "a"},
             "resource": {"type": "R", "id": "r"}}
    requests = [{**about, "context": json.dumps(row)} for row in rows]
    return cedarpy, policies, cedarpy.Entities.from_json_str("[]"), requests

def cedar_asked(ready):
    cedarpy, policies, entities, requests = ready
    answers = []
    for start in range(0, len(requests), 1000):
        for each in cedarpy.is_authorized_batch(requests[start:start + 1000], policies, entities):
            if each.diagnostics.errors:
                raise SystemExit(each.diagnostics.errors[0])
            named = set(each.diagnostics.id_annotations_by_reason.values())
            answers.append([str(place) in named for place in range(len(given["cedar"]))])
    return answers

timed("zen-engine, a decision", zen_decision, zen_decided)
timed("zen-engine, compiled", zen_compiled, lambda compiled: [compiled.evaluate(row) for row in rows])
timed("cedarpy", cedar, cedar_asked)
json.dump(best, sys.stdout)
"""


def compared(desk: Desk, python: str, rows: int, peer_rows: int, runs: int) -> list[str]:
    """The lines to print. The peers have the first `peer_rows` only. `python` '': without them."""
    whole = desk.rulebook(REGION)
    [pack] = [each for each in whole.packs if each.pack == PACK]
    chosen = tuple(rule for wanted in RULES for rule in pack.rules if rule.id == wanted)
    book = Rulebook(REGION, whole.jurisdictions, (replace(pack, rules=chosen),))
    made = list(chunks(rows, kind=Positions))
    judge = Judge(book, Screening.of(Lists(())))

    def columns() -> list[int]:
        return [mask for chunk in made for mask in broken(judge, chunk)]

    expected, seconds = best(columns, runs)
    lines = [f"equal rules: {len(chosen)} of the {PACK} pack, {rows:,} rows in columns, {peer_rows:,} one by one"]
    counts = [sum(mask >> place & 1 for mask in expected) for place in range(len(chosen))]
    lines.append("  broken: " + ", ".join(f"{rule.id} {count:,}" for rule, count in zip(chosen, counts, strict=True)))
    lines.append(f"  {'qx, columns':24}{rows / seconds:12,.0f} rows/s")
    given = [each for chunk in made for each in documents(chunk, PATHS)][:peer_rows]

    def single() -> list[int]:
        found = []
        for document in given:
            about = asked(read(document), book, AS_OF, Screened({}, (), "", None))
            found.append(sum((about.judged(one).outcome == "fail") << at for at, one in enumerate(book.rules)))
        return found

    alone, seconds = best(single, 1)
    lines.append(_line("qx, one by one", alone, expected, seconds))
    if not python:
        return [*lines, "  zen-engine, cedarpy     not measured: name a Python that has them with --peers"]
    for name, found in asked_of(python, book, given, runs).items():
        if "error" in found:
            lines.append(f"  {name:24}not measured: {found['error']}")
        else:
            lines.append(_line(name, found["broken"], expected, min(found["seconds"])))
    return lines


def _line(name: str, found: list[int], expected: list[int], seconds: float) -> str:
    differ = sum(one != other for one, other in zip(found, expected[: len(found)], strict=True))
    same = "every row as in columns" if not differ else f"DIFFERS in {differ:,} of {len(found):,} rows"
    return f"  {name:24}{len(found) / seconds:12,.0f} rows/s; {same}"


def best(work: Callable[[], list[int]], runs: int) -> tuple[list[int], float]:
    """(what it comes to, the seconds of the fastest run)."""
    found, took = list[int](), []
    for _ in range(runs):
        began = time.perf_counter()
        found = work()
        took.append(time.perf_counter() - began)
    return found, min(took)


def broken(judge: Judge, chunk: Chunk) -> list[int]:
    """Of each row a number whose n-th bit says that the n-th rule is broken."""
    outcomes = judge.judged(chunk, AS_OF).outcomes == PLACE["fail"]
    weights = (1 << np.arange(len(outcomes)))[:, None]
    found: list[int] = (outcomes * weights).sum(axis=0).tolist()
    return found


def asked_of(python: str, book: Rulebook, given: list[dict[str, Any]], runs: int) -> dict[str, Any]:
    params = book.params_at(AS_OF)[PACK]

    def number(found: re.Match[str]) -> str:
        one = params[found[1]]
        assert one is not None, found[0]
        return str(one.value)

    said = {name: [re.sub(r'param\("(\w+)"\)', number, getattr(each, name)) for each in RULES.values()]
            for name in ("zen", "cedar")}  # fmt: skip
    asking = json.dumps({**said, "rows": [_numbered(each) for each in given], "runs": runs})
    done = subprocess.run([python, "-c", CHILD], input=asking, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} ended with {done.returncode}: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _numbered(document: dict[str, Any]) -> dict[str, Any]:
    """With numbers where qx reads texts that are numbers."""
    made = {key: dict(value) if isinstance(value, dict) else value for key, value in document.items()}
    for path in NUMBERS:
        above, last = path.split(".")
        if last in made.get(above, {}):
            made[above][last] = int(Decimal(made[above][last]))
    return made
