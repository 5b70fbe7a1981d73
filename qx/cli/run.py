"""One place where a command line becomes an exit code, and an error becomes text or JSON on the right stream.

With `-o json` or `ndjson` an error is one document on stdout, unless the command has answered already; otherwise it is
text on stderr. An exception that is no QxError is a bug: QX-CLI-070, exit 70, its trace in a file that only its owner
can read, or on stderr with -v.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer._click.exceptions import BadParameter, ClickException, NoArgsIsHelpError, NoSuchOption, UsageError

from qx.cli.options import asked, foreseen, with_watch_values
from qx.cli.shell import Shell
from qx.kernel.errors import Problems, QxError
from qx.kernel.exits import Exit, worst
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer._click.core import Command

    from qx.cli.streams import Streams

COMPLETE = "_QX_COMPLETE"
CHECK = "check"  # the one command whose exit codes are not ours
HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def run(root: Command, argv: Sequence[str], streams: Streams) -> int:
    """The exit code of `qx ARGV...`. Raises only SystemExit, on SIGTERM."""
    if streams.env.get(COMPLETE):
        from qx.cli.completion import candidates

        streams.data("\n".join(candidates(root, argv)))
        return Exit.DONE
    shell = Shell(streams, foreseen(argv))
    try:
        with root.make_context("qx", with_watch_values(argv), obj=shell, **HELP) as ctx:
            result = root.invoke(ctx)
    except typer.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _told(QxError("QX-CLI-130", "interrupted"), shell)
    except SystemExit:
        _told(QxError("QX-CLI-143", "terminated"), shell)
        raise
    except NoArgsIsHelpError as error:
        if shell.flags.output not in {"json", "ndjson"}:
            streams.talk(error.format_message())
            return Exit.USAGE
        return _told(QxError("QX-CLI-001", "no command given", hint=f"read `{error.ctx.command_path} --help`"), shell)
    except Exception as error:  # noqa: BLE001 - the last catch of the process; nothing is swallowed
        found = _as_qx(error) or _bug(error, shell)
        return _checked(found, shell) if asked(argv) == CHECK else _told(found, shell)
    return Exit.DONE if result is None else int(result)


def _checked(error: QxError, shell: Shell) -> int:
    """What went wrong before `qx check` was reached is its answer all the same: a monitor reads 2 as CRITICAL."""
    from qx.cli.commands.check import UNKNOWN, tell_unknown

    tell_unknown(shell, error)
    return UNKNOWN


def _told(error: QxError, shell: Shell) -> int:
    from qx.render import diagnostic

    streams = shell.streams
    if shell.flags.output not in {"json", "ndjson"} or shell.answered:
        streams.talk(diagnostic.diagnostic(error, streams.palette(streams.stderr, no_color=shell.flags.no_color)))
    else:
        from qx.render import encode

        text = encode.json_text if shell.flags.output == "json" else encode.json_line
        streams.data(text(diagnostic.document(error)))
    errors = error.errors if isinstance(error, Problems) else (error,)
    return worst(*(each.entry.exit for each in errors))


def _as_qx(error: BaseException) -> QxError | None:
    """The error in qx's own terms; None when it is a bug."""
    if isinstance(error, QxError):
        return error
    if isinstance(error, UsageError):
        return _usage(error)
    if isinstance(error, ClickException):
        return QxError("QX-CLI-001", error.format_message())
    if isinstance(error, BaseExceptionGroup):
        known = [_as_qx(each) for each in error.exceptions]
        if all(known):
            return Problems([leaf for each in known if each for leaf in getattr(each, "errors", (each,))])
    return None


def _usage(error: UsageError) -> QxError:
    path = error.ctx.command_path if error.ctx else "qx"
    hint = f"read `{path} --help`"
    if isinstance(error, BadParameter) and error.param is not None and error.param.name == "output":
        hint = f"`-o` names a form, `> FILE` where it goes; {hint}"
    if not isinstance(error, NoSuchOption) or error.ctx is None:
        return QxError("QX-CLI-001", error.format_message().rstrip("."), hint=hint)
    options = [o for p in error.ctx.command.get_params(error.ctx) for o in p.opts if o.startswith("--")]
    near = did_you_mean(error.option_name, options)
    hint = near if near.startswith("did you mean") else hint
    return QxError("QX-CLI-001", f"{path} has no option {error.option_name}", hint=hint)


def _bug(error: BaseException, shell: Shell) -> QxError:
    import traceback

    trace = "".join(traceback.format_exception(error))
    if shell.flags.verbose:
        shell.streams.talk(trace.rstrip())
        hint = "report it with the trace above"
    else:
        hint = f"report it with the trace in {_kept(trace)} (or repeat with -v)"
    return QxError("QX-CLI-070", f"{type(error).__name__}: {error}", hint=hint)


def _kept(trace: str) -> str:
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="qx-crash-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(trace)
    return file.name
