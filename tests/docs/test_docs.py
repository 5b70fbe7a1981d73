"""Documents that cannot rot: every command, link, code and setting that they name is the code's, and the reverse."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qx.cli.index import INDEX
from qx.config.schema import schema_of
from qx.kernel.codes import CODES
from qx.kernel.exits import Exit
from qx.model.platform import Platform
from tests.docs.markdown import PAGES, ROOT, Line, alternatives, anchors, command_lines, links, text_of
from tests.docs.tree import objection
from tools.reference.commands import leaves
from tools.reference.documents import NOT_ANSWERED, answered
from tools.reference.nouns import DOCUMENTS

REFERENCE = ROOT / "docs" / "reference"
MODULES = sorted((ROOT / "qx").rglob("*.py"))
CATALOGUE = ROOT / "qx" / "kernel" / "codes.py"
A_CODE = re.compile(r"QX-[A-Z]+-\d{3}")
HAND_WRITTEN = [page for page in PAGES if REFERENCE not in page.parents]
NOT_OURS = {"--daemonize", "--tablespace-mapping"}
LINES = [line for page in PAGES for line in command_lines(page, "qx")]


def name_of(thing: Path | Line) -> str:
    return str(thing.relative_to(ROOT)) if isinstance(thing, Path) else f"{thing.page}: {thing.text}"


def reference(name: str) -> str:
    return text_of(REFERENCE / f"{name}.md")


# -- what is made from the code ------------------------------------------------------------------------------------


def test_the_reference_is_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "tools.reference", str(tmp_path)], cwd=ROOT, check=True, timeout=120)
    made = {path.name: text_of(path) for path in tmp_path.iterdir()}
    kept = {path.name: text_of(path) for path in REFERENCE.iterdir()}
    assert made.keys() == kept.keys(), "make docs"
    for name, text in made.items():
        assert text == kept[name], f"docs/reference/{name} is not what the code says: make docs"


def test_every_command_and_flag_is_documented() -> None:
    page = reference("commands")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    found = list(leaves())
    assert {leaf.words[0] for leaf in found} == INDEX.keys()
    for leaf in found:
        words = f"qx {' '.join(leaf.words)}"
        shared = sections["Shared flags"]
        options = [option for param in leaf.command.params for option in param.opts if option.startswith("--")]
        missing = [option for option in options if not re.search(rf"{option}[ `]", sections[words] + shared)]
        assert not missing, words


def test_every_error_code_and_exit_code_is_documented() -> None:
    errors, exits = reference("errors"), reference("exit-codes")
    assert set(A_CODE.findall(errors)) == CODES.keys()
    assert {int(code) for code in re.findall(r"^\| `(\d+)` \| [a-z]+ \|", exits, re.MULTILINE)} == set(map(int, Exit))


def test_every_setting_is_documented_with_its_meaning() -> None:
    page = reference("regions-yaml")
    definitions: dict[str, Any] = schema_of(Platform, "regions.yaml")["$defs"]
    rows = re.findall(r"^\| `(\w+)` \| .+? \| .*? \| (.*) \|$", page, re.MULTILINE)
    assert all(meaning for _, meaning in rows)
    named = {key for definition in definitions.values() for key in definition["properties"]}
    assert {key for key, _ in rows} >= named


def test_every_document_that_a_command_answers_with_is_documented() -> None:
    assert answered() | NOT_ANSWERED == DOCUMENTS.keys()


def test_every_gate_name_of_the_code_is_documented() -> None:
    names = set()
    for path in (ROOT / "qx" / "failover").glob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"_yes", "_no"} and node.args:
                names |= {str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant)}
            if isinstance(node, ast.keyword) and node.arg == "gate" and isinstance(node.value, ast.Constant):
                names.add(str(node.value.value))
    documented = set(re.findall(r"^\| `(\w+)` \|", reference("gates"), re.MULTILINE))
    assert names
    assert names <= documented


# -- codes ---------------------------------------------------------------------------------------------------------


def raised() -> dict[str, set[str]]:
    """Code -> the modules in which it stands as a text of its own."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(text_of(path))) if path != CATALOGUE else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and A_CODE.fullmatch(node.value):
                found.setdefault(node.value, set()).add(name_of(path))
    return found


def test_every_code_in_the_code_is_in_the_catalogue() -> None:
    unknown = {code: where for code, where in raised().items() if code not in CODES}
    assert not unknown


def test_every_code_of_the_catalogue_is_raised() -> None:
    silent = sorted(CODES.keys() - raised().keys())
    assert silent == [], "a code that nothing raises explains nothing"


def test_every_code_that_a_document_names_is_in_the_catalogue() -> None:
    assert {code for page in PAGES for code in A_CODE.findall(text_of(page))} <= CODES.keys()


# -- links ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{link}: no such file"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


def test_every_page_under_docs_can_be_reached_from_the_readme() -> None:
    queue, seen = [ROOT / "README.md"], set[Path]()
    while queue:
        page = queue.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            pages = sorted(target.glob("*.md")) if target.is_dir() else [target]
            queue += [each for each in pages if each.suffix == ".md" and each.exists()]
    assert not set(PAGES) - seen


# -- command lines -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", LINES, ids=name_of)
def test_every_command_line_would_be_understood(line: Line) -> None:
    assert objection(line.text, whole=line.whole) == ""


def test_lines_are_found_at_all() -> None:
    """And wrong ones are noticed."""
    assert len(LINES) > 50
    assert objection("qx failover --to eu-west --dry-run", whole=True) == ""
    assert "No such option" in objection("qx failover --too eu-west", whole=False)
    assert "no such command" in objection("qx failoverr", whole=False)
    assert "Missing" in objection("qx failover", whole=True)
    assert list(alternatives("qx runs list|show [RUN]")) == ["qx runs list RUN", "qx runs show RUN"]


SPOKEN = re.compile(r"(?<![\w/.:-])qx [a-z][a-z-]*(?: [^`;:()]*)?")
NOUNS = {leaf.words[:-1] for leaf in leaves()}


def spoken(text: str) -> str:
    """The command line that a message or hint begins to tell with `qx`: its words up to where prose goes on."""
    words = text.split()
    kept = [words.pop(0)]
    while words:
        word = words.pop(0)
        bare = word.rstrip(".,;")
        if tuple(kept[1:]) not in NOUNS and not re.fullmatch(r"--[a-z-]+(=\S+)?|-[a-z]|[A-Z]{2,}[A-Z|]*|X", bare):
            break
        kept.append(bare)
        if bare != word:
            break
    return " ".join(kept)


def texts_of(path: Path) -> list[str]:
    """Every text that stands in a module; what is filled in at run time is X."""
    nodes = list(ast.walk(ast.parse(text_of(path))))
    filled = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in filled for part in ast.walk(node) if part is not node}
    plain = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in inside]
    whole = ["".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values) for node in filled]
    return [text for text in (*plain, *whole) if isinstance(text, str)]


def said_in(path: Path) -> set[str]:
    """The command lines of qx in them. A text that begins with the program's name may be no more than a sentence."""
    found = {spoken(each) for text in texts_of(path) for each in SPOKEN.findall(" ".join(text.split()))}
    return {line for each in found for line in alternatives(each) if each.split()[1] in INDEX}


@pytest.mark.parametrize("path", [path for path in MODULES if said_in(path)], ids=name_of)
def test_every_command_that_a_message_tells_to_type_exists(path: Path) -> None:
    wrong = {line: why for line in said_in(path) if (why := objection(line, whole=False))}
    assert not wrong


def test_every_flag_that_is_named_alone_exists() -> None:
    known = {option for leaf in leaves() for param in leaf.command.params for option in param.opts}
    known |= {"--help", "--version"}
    for page in HAND_WRITTEN:
        named = set(re.findall(r"`(--[a-z][a-z-]*)(?:[ =\[][^`]*)?`", text_of(page)))
        assert named <= known | NOT_OURS, name_of(page)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    lines = [line.text.split() for page in PAGES for line in command_lines(page, "make")]
    named = {word for words in lines for word in words[1:] if "=" not in word}
    assert {"demo", "test"} <= named <= targets


def test_documents_speak_only_of_what_ships() -> None:
    """Hand-written pages name files of this repository by links or in code; a path in code must be there."""
    for page in HAND_WRITTEN:
        for path in re.findall(r"`((?:qx|docs|tools|tests|deployment)/[\w./-]+)`", text_of(page)):
            shown = path.replace("NAME", "status").rstrip("/")
            assert (ROOT / shown).exists() or "*" in shown, f"{name_of(page)}: {path}"
