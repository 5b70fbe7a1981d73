"""House rules that a linter has no word for."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "qx"
MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = ("kernel", "model", "ports", "config", "failover")
OWN = {"qx", "msgspec"}  # msgspec is the model's language, not a client library


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def called(tree: ast.AST) -> set[str]:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {func.id for func in calls if isinstance(func, ast.Name)}


def third_party(tree: ast.AST) -> set[str]:
    nodes = list(ast.walk(tree))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names} - OWN - set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_and_stays_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module docstring: what it is, its invariants, what it must never do"
    assert text.count("\n") <= 400, "past 400 lines: which two things is it?"


@pytest.mark.parametrize("path", [p for p in MODULES if p.parts[len(PACKAGE.parts)] in PURE], ids=name_of)
def test_floors_1_to_5_do_no_io(path: Path) -> None:
    assert not called(ast.parse(path.read_text(encoding="utf-8"))) & {"open", "print", "input", "exec", "eval"}


@pytest.mark.parametrize("path", [p for p in MODULES if p.parts[len(PACKAGE.parts)] == "adapters"], ids=name_of)
def test_an_adapter_knows_one_library(path: Path) -> None:
    assert len(third_party(ast.parse(path.read_text(encoding="utf-8")))) <= 1
