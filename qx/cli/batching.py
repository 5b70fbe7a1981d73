"""`qx validate` of a batch: its progress on a terminal, its exit code."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qx.cli.shell import Shell
    from qx.model.validation import Verdict

FailOn = Literal["conditional", "rejected"]
EXITS: dict[Verdict | Literal[""], Exit] = {
    "": Exit.DONE, "approved": Exit.DONE, "conditional": Exit.CONDITIONAL, "rejected": Exit.REJECTED,
}  # fmt: skip
_WORSE: dict[FailOn, tuple[Verdict, ...]] = {"conditional": ("conditional", "rejected"), "rejected": ("rejected",)}
SOON_S = 0.2  # before that a rate says nothing
_DOING = {"ids": "reading ids", "rows": "judging"}


def exit_of(status: Verdict | Literal[""], fail_on: FailOn | None, unreadable: int = 0) -> Exit:
    """Rows that could not be read show where nothing else does."""
    found = EXITS[status]
    if fail_on is not None:
        found = Exit.FINDINGS if status in _WORSE[fail_on] else Exit.DONE
    return Exit.UNKNOWN if unreadable and found is Exit.DONE else found


@contextmanager
def progress_of(
    shell: Shell, doing: Mapping[str, str] = _DOING, unit: str = "rows", *, wanted: bool = True
) -> Iterator[Callable[[str, int, float], None]]:
    """A bar on a terminal: share of the work, rows, rows a second, the time that is left. Nothing anywhere else.
    `doing`: what is told of -> how it is called there; `unit`: what is counted.
    """
    streams = shell.streams
    if not wanted or shell.flags.quiet or not streams.stderr.isatty():
        yield lambda _doing, _rows, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    palette = streams.palette(streams.stderr, no_color=shell.flags.no_color)
    console = Console(file=streams.stderr, no_color=not palette.colour, highlight=False)
    columns = (
        TextColumn("{task.description:<11}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        known = {  # hidden until it begins
            each: bar.add_task(words, total=1.0, told="", start=False, visible=False) for each, words in doing.items()
        }

        def tell(each: str, rows: int, share: float) -> None:
            task = bar.tasks[known[each]]
            if task.start_time is None:
                bar.start_task(task.id)
            elapsed = task.elapsed or 0.0
            rate = f", {rows / elapsed:,.0f}/s" if elapsed >= SOON_S else ""
            bar.update(task.id, completed=share, visible=True, told=f"{rows:,} {unit}{rate}")

        yield tell
