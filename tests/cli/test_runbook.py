"""`qx runbook` and `qx approve` as a person meets them, without servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.kernel.exits import Exit
from tests.cli.test_record import REGIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Qx, Result

BOOK = """
runbook: tell
title: Tell somebody
inputs: {who: {type: string, about: "a name"}}
steps: [{id: tell, do: notify, because: they want to know, message: "hello ${inputs.who}"}]
"""


class Place:
    def __init__(self, qx: Qx, directory: Path) -> None:
        self.directory, self._qx = directory, qx
        (directory / "runbooks").mkdir()
        (directory / "regions.yaml").write_text(REGIONS)
        self.write("tell", BOOK)

    def write(self, name: str, text: str) -> None:
        (self.directory / "runbooks" / f"{name}.yaml").write_text(text)

    def __call__(self, *argv: str) -> Result:
        env = {"QX_CONFIG": str(self.directory / "regions.yaml"), "XDG_STATE_HOME": str(self.directory / "state")}
        return self._qx(*argv, env=env)


@pytest.fixture
def place(qx: Qx, tmp_path: Path) -> Place:
    return Place(qx, tmp_path)


def test_the_list_names_those_beside_regions_yaml_and_those_that_are_shipped(place: Place) -> None:
    place.write("broken", "runbook: broken\ntitle: T\nstpes: []\n")
    found = {book["name"]: book for book in place("runbook", "list", "-o", "json").json["runbooks"]}
    assert found["tell"]["why"] == "beside regions.yaml"
    assert found["region-outage"]["why"] == "shipped"
    assert "unknown key" in found["broken"]["problem"]
    assert "broken" in place("runbook", "list").out


def test_show_says_what_it_wants_and_does(place: Place) -> None:
    text = place("runbook", "show", "planned-maintenance").out
    assert "must be given" in text
    assert "approve" in text
    assert place("runbook", "show", "tell", "-o", "json").json["steps"][0]["do"] == "notify"


def test_lint_lists_every_error_of_every_file(place: Place) -> None:
    place.write("one", "runbook: one\ntitle: T\nstpes: []\n")
    place.write("two", "runbook: three\ntitle: T\nsteps: [{id: a, do: failover, to: nowhere, because: b}]\n")
    said = place("runbook", "lint", "-o", "json")
    assert said.exit == Exit.USAGE
    assert {(e["place"]["line"], e["code"]) for e in said.json["errors"]} >= {
        (3, "QX-CFG-003"), (1, "QX-CFG-008"), (3, "QX-CFG-006"),
    }  # fmt: skip
    assert place("runbook", "lint", "tell", "monthly-drill").exit == Exit.DONE


def test_a_dry_run_shows_the_plan_with_its_inputs(place: Place) -> None:
    said = place("runbook", "run", "tell", "--input", "who=you", "--dry-run")
    assert said.exit == Exit.DONE
    assert "hello you" in said.out
    assert not (place.directory / "state").exists()


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("run", "tell", "--dry-run"), "QX-BOOK-002"), (("run", "tel", "--dry-run"), "QX-BOOK-001"),
        (("run", "tell", "--input", "who=you"), "QX-CLI-003"), (("show", "./nowhere.yaml"), "QX-BOOK-001"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_code(place: Place, argv: tuple[str, ...], code: str) -> None:
    said = place("runbook", *argv, "-o", "json")
    assert said.json["error"]["code"] == code
    assert said.exit in (Exit.USAGE, Exit.REFUSED)


def test_it_runs_and_stands_in_the_record(place: Place) -> None:
    said = place("runbook", "run", "tell", "--input", "who=you", "--yes", "-o", "json")
    assert (said.exit, said.json["outcome"], said.json["clusters"]) == (Exit.DONE, "done", [])
    [run] = place("runs", "list", "-o", "json").json["runs"]
    assert (run["intent"], run["clusters"]) == ("runbook", ["runbook:tell"])
    assert "tell" in place("runs", "show").out
    assert place("audit", "verify").exit == Exit.DONE
    assert "runbook:" not in place("control", "show").out


def test_a_plan_kept_is_applied_once(place: Place) -> None:
    plan = place("runbook", "run", "tell", "--input", "who=you", "--dry-run", "-o", "json").out
    (place.directory / "plan.json").write_text(plan)
    file = str(place.directory / "plan.json")
    assert place("apply", file, "--yes").exit == Exit.DONE
    assert place("apply", file, "--yes", "-o", "json").json["error"]["code"] == "QX-PLAN-003"


def test_nothing_waits(place: Place) -> None:
    assert place("approve", "-o", "json").json["requests"] == []
    assert place("approve", "0abc", "--reason", "x", "-o", "json").json["error"]["code"] == "QX-RUN-004"
    assert place("approve", "0abc", "-o", "json").json["error"]["code"] == "QX-CLI-001"


def test_the_schema_is_one(place: Place) -> None:
    assert place("runbook", "schema", "-o", "json").json["title"] == "runbook"
