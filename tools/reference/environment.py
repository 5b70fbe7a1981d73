"""The environment variables that qx reads, found in the code; what for stands here."""

from __future__ import annotations

import ast
from pathlib import Path

import qx
from tools.reference.markdown import code, table
from tools.reference.sources import demand

PACKAGE = Path(qx.__file__).parent
READ = {
    "QX_CONFIG": "The regions.yaml to use, unless `--config` names another. `qx lab up` prints the line that sets it.",
    "XDG_CONFIG_HOME": "Where `qx/regions.yaml` is looked for last. Default `~/.config`. A relative path is ignored.",
    "XDG_DATA_HOME": "Where imported sanctions lists are held, under `qx/lists`. Default `~/.local/share`.",
    "XDG_STATE_HOME": "Where the store, what was salvaged and the lab stand, under `qx`. Default `~/.local/state`.",
    "XDG_CACHE_HOME": "Where rule packs and indexes of lists are kept once read, under `qx`. Default `~/.cache`.",
    "HOME": "What `~` means.",
    "NO_COLOR": "Not empty: no colours.",
    "FORCE_COLOR": "Not empty: colours, also where no terminal is.",
    "TERM": "`dumb`: no colours.",
    "COLUMNS": "The width of the terminal, instead of what it says itself.",
    "SUDO_USER": "Who called root: named as the operator in plans and in the journal.",
    "NOTIFY_SOCKET": "Where systemd listens for `qx daemon`'s and a guard's readiness and watchdog.",
    "WATCHDOG_USEC": "Microseconds within which systemd wants to hear of a guard.",
    "INVOCATION_ID": "Set in a unit of systemd: `qx doctor` then warns of servers that would live in that unit.",
    "QX_APPROVAL_KEY": "The file of your private key for `qx approve`, unless `--key` names another.",
    "QX_EVIDENCE_KEY": "The file of a private key, without a passphrase, that signs checkpoints of validation records.",
    "QX_APPROVAL_PASSPHRASE": "Its passphrase, where no terminal can ask for it.",
    "PYTHONPATH": "Kept for the lab's own programs, with the place of qx put before it.",
    "_QX_COMPLETE": "Set by the completion scripts: the words are to be completed, not run.",
}
HEAD = """\
Secrets come from whatever variables `env:NAME` references of regions.yaml name; they are read when the secret is used.
The programs that a node's control runs beside the server get the variables of account, session and locale only."""


def found() -> set[str]:
    """Names that are read by `env.get(NAME)` or `environ[NAME]`: texts, or constants of the same module."""
    return {name for path in PACKAGE.rglob("*.py") for name in _read(ast.parse(path.read_text(encoding="utf-8")))}


def _read(tree: ast.Module) -> set[str]:
    constants = _constants(tree)
    names: set[str] = set()
    for node in ast.walk(tree):
        key: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            key = node.args[0] if _is_environment(node.func.value) else None
        elif isinstance(node, ast.Subscript) and _is_environment(node.value):
            key = node.slice
        if isinstance(key, ast.Constant):
            names.add(str(key.value))
        elif isinstance(key, ast.Name) and key.id in constants:
            names.add(constants[key.id])
    return names


def _is_environment(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in {"env", "_env", "environ"}


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def body() -> str:
    unlike = found() ^ READ.keys()
    demand(not unlike, f"read and not described, or described and not read: {sorted(unlike)}")
    return f"{HEAD}\n\n{table(['variable', ''], [[code(name), said] for name, said in READ.items()])}"
