"""`qx validate FILE --region R`: one transaction, or a file of them, held against the rules of a region."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from qx.cli.asking import asking, known
from qx.cli.batching import FailOn, exit_of, progress_of
from qx.cli.everywhere import EVERY, answer_everywhere, write_calendar
from qx.cli.frame import App
from qx.cli.instants import instant_of
from qx.cli.shell import Shell
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from datetime import datetime

    from qx.app.compliance import Desk
    from qx.compliance.validate import Rulebook

app = App()

Form = Literal["json", "ndjson", "csv", "parquet"]


class Asked(NamedTuple):
    """One transaction, and how it is to be judged. `at` None: at its own asOf, or as of today."""

    document: Any
    at: datetime | None
    lenient: bool
    explain: bool
    islamic: bool


@app.command()
def validate(
    ctx: typer.Context,
    *,
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False,
                            help="One transaction as JSON, or many as a JSON array, NDJSON, CSV or Parquet; - for"
                                 " standard input. [none with --stream]")
    ] = "",
    region: Annotated[
        str, typer.Option("--region", metavar="REGION",
                          help="Whose rules: a region, its alias, a jurisdiction; all: side by side.")
    ],
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="INSTANT", show_default=False,
                     help="Judge as of then. [the transaction's asOf, else the beginning of today in UTC]"),
    ] = None,
    profile: Annotated[
        Literal["islamic"] | None,
        typer.Option("--profile", metavar="PROFILE", show_default=False,
                     help="islamic: hold every transaction against the Sharia rules."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Every rule, also those that are kept.")] = False,
    lenient: Annotated[bool, typer.Option("--lenient", help="Pass over fields that are not known.")] = False,
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", metavar="STATUS", show_default=False,
                     help="Exit 7 at this status or worse, else 0: conditional, rejected."),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", metavar="FORM", show_default=False,
                     help="Of FILE: json, ndjson, csv, parquet. [by its name, else by how it begins]"),
    ] = None,
    findings: Annotated[
        str, typer.Option("--findings", metavar="FILE", show_default=False,
                          help="Write the answer on each row there: .ndjson, .json, .csv or .parquet.")
    ] = "",
    rejects: Annotated[
        str, typer.Option("--rejects", metavar="FILE", show_default=False,
                          help="Write rows that cannot be read there: .ndjson or .csv. [FILE.rejects.ndjson]")
    ] = "",
    ics: Annotated[
        str, typer.Option("--ics", metavar="FILE", show_default=False,
                          help="Of one transaction: write its obligations there as a calendar (RFC 5545).")
    ] = "",
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=0, max=256, show_default=False,
                          help="Processes that judge. [one for each processor]")
    ] = 0,
    stream: Annotated[bool, typer.Option("--stream", help="Judge what a Redis Stream brings, until stopped.")] = False,
    stream_name: Annotated[
        str, typer.Option("--stream-name", metavar="NAME", help="The stream: of fields `transaction`, JSON.")
    ] = "qx:transactions",
    group: Annotated[
        str, typer.Option("--group", metavar="NAME", show_default=False, help="Its consumer group. [qx:REGION]")
    ] = "",
    consumer: Annotated[
        str, typer.Option("--consumer", metavar="NAME", show_default=False,
                          help="This worker's name. [one of its own, forgotten when it ends]")
    ] = "",
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="NAME", show_default=False,
                                 help="Whose writer has the stream. [the first of Redis with its writer in REGION]")
    ] = None,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", show_default=False, help="Of a Redis, in place of a cluster.")
    ] = "",
    password: Annotated[
        str, typer.Option("--password", metavar="REFERENCE", show_default=False, help="Of --url: env:NAME, file:PATH.")
    ] = "",
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=10_000, help="Entries of one read.")] = 50,
    drain: Annotated[bool, typer.Option("--drain", help="End when nothing is left in the stream.")] = False,
) -> Exit:
    """Hold transactions against the rules of a region: status, score, findings with citations, what is missing."""
    if stream:
        from qx.cli.streaming import Streaming
        from qx.cli.streaming import stream as work

        if file:
            raise QxError("QX-CLI-001", "FILE and --stream exclude each other", hint="leave one of them out")
        options = Streaming(
            region=region, name=stream_name, group=group, consumer=consumer, cluster=cluster, url=url,
            password=password, count=count, drain=drain, islamic=profile is not None,
        )  # fmt: skip
        return work(ctx.obj, options)
    if not file:
        raise QxError("QX-CLI-001", "nothing to validate: name a FILE", hint="- for standard input, or --stream")
    from qx.app.batch.taken import taken
    from qx.app.compliance import Desk

    shell: Shell = ctx.obj
    desk = Desk(shell.env, shell.config)
    everywhere = region == EVERY
    book = desk.rulebook(desk.regions[0] if everywhere else region)
    at = instant_of(as_of, "--as-of") if as_of else None
    with taken(shell.streams.stdin, file, form, batch=bool(findings or rejects)) as given:
        if given.form is None:
            asked = Asked(given.document(), at, lenient=lenient, explain=explain, islamic=profile is not None)
            return _one(shell, desk, None if everywhere else book, asked, fail_on, ics)
        if everywhere or ics:
            raise QxError("QX-CLI-001", "--region all and --ics are of one transaction", hint="one --region, no --ics")
        from qx.app.batch.run import Wanted, run
        from qx.render.batch import batch_text

        wanted = Wanted(
            given.path, given.name, given.form, book, desk.lists, at, at or desk.now(book), lenient, explain,
            profile is not None, findings, rejects, jobs, asking(shell, desk, book.region),
        )  # fmt: skip
        with closing(desk.evidence(shell.say)) as record, progress_of(shell) as progress:
            found = run(wanted, record, progress)
    shell.answer("batch", found, lambda palette, width: batch_text(found, desk.context, palette, width))
    return exit_of(found.status, fail_on, found.unreadable)


def _one(
    shell: Shell, desk: Desk, book: Rulebook | None, asked: Asked, fail_on: FailOn | None, ics: str = ""
) -> Exit:
    """`book` None: of every region."""
    from qx.app.batch.sharia import under_sharia
    from qx.compliance.evidence import kept_of
    from qx.compliance.screening import screen
    from qx.compliance.transaction import read
    from qx.compliance.validate import validate as judge
    from qx.render.validation import validation_text

    transaction = read(asked.document, lenient=asked.lenient)
    if asked.islamic:
        transaction = under_sharia(transaction)
    if book is None:
        every = answer_everywhere(shell, desk, transaction, asked.at)
        if ics:
            write_calendar(ics, every)
        return exit_of(every[0].status, fail_on)
    at = asked.at or transaction.as_of or desk.now(book)
    transaction = known(shell, desk, book.region, transaction)
    screened = screen(transaction, desk.lists, at)
    found = judge(transaction, book, at, screened, everything=asked.explain)
    if ics:
        write_calendar(ics, [found])
    shell.answer("validation", found, lambda palette, width: validation_text(found, desk.context, palette, width))
    with closing(desk.evidence(shell.say)) as record:
        record.keep([kept_of(found, transaction, screened, desk.lists.digest)])
    return exit_of(found.status, fail_on)
