"""What TAB asks and what the three shells are told to ask it with.

The shell calls `_QX_COMPLETE=1 qx WORD...`, the last word being the unfinished one, and reads one `value<TAB>help` per
line; no line means: complete file names. typer's own completion is not used because it imports rich on every TAB.
No network is touched and nothing is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer._click.shell_completion import CompletionItem, ShellComplete

from qx.cli.run import COMPLETE, HELP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer._click.core import Command

SCRIPTS = {
    "bash": """\
_qx_completion() {
    local IFS=$'\\n' line
    COMPREPLY=()
    while read -r line; do
        [ -n "$line" ] && COMPREPLY+=("${line%%$'\\t'*}")
    done < <(@VAR@=1 qx "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o nosort -F _qx_completion qx
""",
    "zsh": """\
#compdef qx
_qx() {
    local line
    local -a found
    for line in ${(f)"$(@VAR@=1 qx "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
        found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
    done
    if (( $#found )); then _describe -V qx found; else _files; fi
}
if [ "$funcstack[1]" = "_qx" ]; then _qx "$@"; else compdef _qx qx; fi
""",
    "fish": """\
function __qx_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    @VAR@=1 qx $words[2..-1] "$current" 2>/dev/null
end
complete -c qx -k -a '(__qx_complete)'
""",
}


def script(shell: str) -> str:
    """The script that teaches `shell` (a key of SCRIPTS) to complete qx."""
    return SCRIPTS[shell].replace("@VAR@", COMPLETE).rstrip("\n")


def candidates(root: Command, words: Sequence[str]) -> list[str]:
    """Lines `value<TAB>help` for the last of `words`."""
    *before, unfinished = words or [""]
    items = _Lines(root, dict(HELP), "qx", COMPLETE).get_completions(list(before), unfinished)
    return [f"{item.value}\t{' '.join((item.help or '').split())}" for item in items if item.type == "plain"]


class _Lines(ShellComplete):
    """typer's walk down the command tree; the words in and the lines out are ours."""

    def source_vars(self) -> dict[str, Any]:
        raise NotImplementedError

    def get_completion_args(self) -> tuple[list[str], str]:
        raise NotImplementedError

    def format_completion(self, item: CompletionItem) -> str:
        raise NotImplementedError
