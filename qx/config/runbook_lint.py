"""What can be wrong with a runbook whose shape is right: names, expressions, consents, commands. Pure.

`links` (qx.config.runbook_links) says what it must agree with in regions.yaml.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qx.config.address import parse_url
from qx.config.fault import Fault
from qx.config.redis_words import HARMLESS, forbidden, word_of
from qx.config.reference import FORMS, parse_reference
from qx.config.runbook_names import Spotted, judged, named, shape_at
from qx.config.runbook_steps import AS_IT_IS, EXPRESSIONS, texts, walk
from qx.config.runbook_text import Hole, Unclosed, parts
from qx.kernel.spans import parse_bytes, parse_seconds
from qx.model import runbook as r

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail
    from qx.config.runbook_steps import At

BAD, MISSING_KEY, NOTHING, TWICE = "QX-CFG-004", "QX-CFG-005", "QX-CFG-006", "QX-CFG-008"
ROWS_MOST = 1000
MOVING_SQL = re.compile(r"(?i)\bpg_promote\s*\(|\balter\s+system\b|\bpg_wal_replay_pause\b")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,46}[a-z0-9]")
_ID = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_INPUT = re.compile(r"[a-z][a-z0-9_]{0,47}")
_RESERVED = ("inputs", "steps", "clusters", "regions", "rows", "reply", "body", "status", "exit")


def check(book: r.Runbook, stem: str) -> Iterator[Fault | Spotted]:
    """`stem`: its file's name without .yaml."""
    if not _NAME.fullmatch(book.runbook):
        yield Fault(BAD, ("runbook",), f"'{book.runbook}' is no name", "lower case letters, digits and -")
    elif book.runbook != stem:
        hint = f"write `runbook: {stem}`, or rename the file"
        yield Fault(TWICE, ("runbook",), f"the file is called {stem}.yaml", hint)
    for name in book.inputs:
        if not _INPUT.fullmatch(name):
            yield Fault(BAD, ("inputs", name), f"'{name}' is no name", "lower case letters, digits and _", on_key=True)
    if not book.steps:
        yield Fault(BAD, ("steps",), "wants at least one step", "`qx runbook schema` describes them")
    taken: dict[str, Trail] = {}
    for at in walk(book):
        yield from _head(at, taken)
        yield from _body(at)
        yield from _words(book, at)


def _head(at: At, taken: dict[str, Trail]) -> Iterator[Fault]:
    step = at.step
    if at.undo:
        for key, plain in (("id", ""), ("when", ""), ("required", True), ("undo", None)):
            if getattr(step, key) != plain:
                message = "an undo has none: it is only what is done"
                yield Fault(BAD, (*at.trail, key), message, "remove it", on_key=True)
    elif not step.id:
        yield Fault(MISSING_KEY, (*at.trail, "id"), "is missing", "add `id: ...`, a word of its own")
    elif not _ID.fullmatch(step.id):
        yield Fault(BAD, (*at.trail, "id"), f"'{step.id}' is no name", "lower case letters, digits, - and _")
    elif taken.setdefault(step.id, at.trail) != at.trail:
        yield Fault(TWICE, (*at.trail, "id"), f"'{step.id}' is taken by another step", "each has its own")
    if not at.undo and not step.because.strip():
        yield Fault(MISSING_KEY, (*at.trail, "because"), "is missing", "add `because: ...`: why it is done")
    if step.timeout is not None and step.timeout <= 0:
        yield Fault(BAD, (*at.trail, "timeout"), "must be longer than nothing", "5s, 10m")
    if isinstance(step, (r.ApproveStep, r.WaitStep)) and step.undo is not None:
        yield Fault(BAD, (*at.trail, "undo"), f"a step that only {_waits(step)} leaves nothing to undo", "remove it")
    if isinstance(step, r.EachStep):
        for key, plain in (("when", ""), ("required", True), ("undo", None), ("timeout", None)):
            if getattr(step, key) != plain:
                message = "is of the steps below, not of for_each"
                yield Fault(BAD, (*at.trail, key), message, "move it there", on_key=True)


def _waits(step: r.ApproveStep | r.WaitStep) -> str:
    return "waits" if isinstance(step, r.WaitStep) else "asks"


def _body(at: At) -> Iterator[Fault]:
    step, trail = at.step, at.trail
    match step:
        case r.FailoverStep() | r.FailbackStep() | r.RejoinStep():
            yield from _consent(step, trail)
        case r.MaintenanceStep() if step.lasting:
            if "${" not in step.lasting:
                yield from _reads(parse_seconds, (*trail, "for"), step.lasting)
            if not step.reason.strip():
                yield Fault(MISSING_KEY, (*trail, "reason"), "is missing", "add `reason: ...`: told to who is refused")
        case r.SqlStep():
            yield from _sql(step, trail)
        case r.RedisStep():
            yield from _redis(step, trail)
        case r.HttpStep():
            yield from _http(step, trail)
        case r.CommandStep():
            if not step.argv:
                yield Fault(BAD, (*trail, "argv"), "is empty", "name a program of runbooks.programs in regions.yaml")
            elif "${" in step.argv[0]:
                yield Fault(BAD, (*trail, "argv", 0), "which program runs stands in the runbook", "write its name")
            yield from _references((*trail, "secrets"), step.secrets)
        case r.WaitStep() if step.interval <= 0:
            yield Fault(BAD, (*trail, "interval"), "must be longer than nothing", "1s, 30s")
        case r.EachStep():
            if not _INPUT.fullmatch(step.item) or step.item in _RESERVED:
                hint = "lower case letters, digits and _, and none of " + ", ".join(_RESERVED)
                yield Fault(BAD, (*trail, "as"), f"'{step.item}' cannot be the name of an item", hint)
            if not step.steps:
                yield Fault(BAD, (*trail, "steps"), "wants at least one step", "what is done with every item")


def _consent(step: Any, trail: Trail) -> Iterator[Fault]:
    asked = [key for key in ("accept_loss", "attest_fenced", "override") if getattr(step, key, ())]
    if asked and not step.reason.strip():
        yield Fault(MISSING_KEY, (*trail, "reason"), "is missing", f"`{asked[0]}` is consent: add `reason: ...`")
    loss = getattr(step, "accept_loss", "")
    if loss and loss != "unknown" and "${" not in loss:
        try:
            parse_bytes(loss)
        except ValueError:
            yield from _reads(parse_seconds, (*trail, "accept_loss"), loss)


def _sql(step: r.SqlStep, trail: Trail) -> Iterator[Fault]:
    for key in ("statement", "settled"):
        text = getattr(step, key)
        if "${" in text:
            yield Fault(BAD, (*trail, key), "holds ${...}, which would become part of the statement",
                        "write $1 there, and the value under `parameters`")  # fmt: skip
        if (found := MOVING_SQL.search(text)) is not None:
            message = f"`{found[0].strip('( ')}` changes what qx itself has to change under its lease"
            yield Fault(BAD, (*trail, key), message, "move the write role with failover or failback")
    if not step.statement.strip():
        yield Fault(BAD, (*trail, "statement"), "is empty", "one statement")
    wanted = max((int(number) for number in re.findall(r"\$(\d{1,3})\b", step.statement)), default=0)
    if wanted != len(step.parameters) and not any("${" in each for each in step.parameters):
        message = f"{len(step.parameters)} are given, the statement has ${wanted} at most"
        also = ((*trail, "statement"),)
        yield Fault(BAD, (*trail, "parameters"), message, "one for each of $1, $2...", also=also)
    if not 0 <= step.rows <= ROWS_MOST:
        yield Fault(BAD, (*trail, "rows"), f"must be from 0 to {ROWS_MOST}", "the first are kept, the rest is not")
    if step.settled and not step.writes:
        yield Fault(BAD, (*trail, "settled"), "is of no use: what only reads is simply asked again", "remove it")


def _redis(step: r.RedisStep, trail: Trail) -> Iterator[Fault]:
    if not step.command:
        yield Fault(BAD, (*trail, "command"), "is empty", "[GET, key]")
        return
    word = word_of(step.command)
    if why := forbidden(word):
        hint = "failover, failback and rejoin move and mend a cluster"
        yield Fault(BAD, (*trail, "command"), f"{word} is not for runbooks: {why}", hint)
    elif word not in HARMLESS and not step.writes:
        yield Fault(BAD, (*trail, "command"), f"{word} is not known to be harmless", "say `writes: true`")


def _http(step: r.HttpStep, trail: Trail) -> Iterator[Fault]:
    if "${" not in step.url:
        try:
            address = parse_url(step.url)
        except ValueError as error:
            yield Fault(BAD, (*trail, "url"), str(error), "http://host:port/path, https://host/path")
        else:
            if address.scheme not in {"http", "https"}:
                yield Fault(BAD, (*trail, "url"), f"has the scheme {address.scheme}", "http://..., https://...")
            if address.password:
                yield Fault(BAD, (*trail, "url"), "holds a password", "put it under `secrets`, as a reference")
    yield from _references((*trail, "secrets"), step.secrets)
    for name in step.headers:
        if name.casefold() in {"authorization", "proxy-authorization", "cookie"}:
            hint = "put it under `secrets`, as a reference"
            yield Fault(BAD, (*trail, "headers", name), "is a secret", hint, on_key=True)
    if not step.status or any(not 100 <= each <= 599 for each in step.status):
        yield Fault(BAD, (*trail, "status"), "wants the numbers of answers that are well", "[200], [200, 204]")
    if step.body and step.method in {"GET", "HEAD"}:
        yield Fault(TWICE, (*trail, "body"), f"a {step.method} has no body", "remove it, or POST it")


def _references(trail: Trail, secrets: dict[str, str]) -> Iterator[Fault]:
    for name, reference in secrets.items():
        try:
            parse_reference(reference)
        except ValueError as error:
            yield Fault(BAD, (*trail, name), str(error), f"one of {FORMS}")


def _reads(parse: Any, trail: Trail, text: str) -> Iterator[Fault]:
    try:
        parse(text)
    except ValueError as error:
        message, _, forms = str(error).partition(" (forms: ")
        yield Fault(BAD, trail, message, f"write it as one of {forms.rstrip(')')}")


def _words(book: r.Runbook, at: At) -> Iterator[Fault | Spotted]:
    """Expressions, and the holes of texts."""
    for field, below, text in texts(at.step):
        trail = (*at.trail, *below)
        if field in EXPRESSIONS:
            if text or field in {"until", "over"}:
                yield from judged(trail, text, shape_at(book, at, field))
        elif field not in AS_IT_IS:
            for part in parts(text):
                if isinstance(part, Unclosed):
                    yield Spotted(Fault(BAD, trail, part.misread.plain, part.misread.hint), text,
                                  part.offset + part.misread.span.start)  # fmt: skip
                elif isinstance(part, Hole):
                    yield from named(trail, part.tree, shape_at(book, at, "text"), text, part.offset)

