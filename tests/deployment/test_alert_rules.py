"""Alert rules: Prometheus understands them, each fires when it should, and they speak of metrics that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from qx.model.alert import Severity
from qx.model.metric import METRICS
from tests.docs.markdown import anchors
from tests.docs.tree import objection

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deployment" / "prometheus" / "alerts.yml"
CASES = Path(__file__).with_name("alerts_test.yml")
DOCUMENT = yaml.safe_load(RULES.read_text())
ALERTS: list[dict[str, Any]] = [rule for group in DOCUMENT["groups"] for rule in group["rules"]]
KNOWN = {metric.name: metric for metric in METRICS}
TESTED = yaml.safe_load(CASES.read_text())["tests"]


def promtool(*words: str) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool to check alert rules with: apt install prometheus, or see .ci/run")
    ended = subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def name_of(rule: dict[str, Any]) -> str:
    return str(rule["alert"])


def test_prometheus_understands_them() -> None:
    promtool("check", "rules", str(RULES))


def test_each_fires_when_it_should(tmp_path: Path) -> None:
    bare = {"groups": [
        {**group, "rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in group["rules"]]}
        for group in DOCUMENT["groups"]
    ]}  # fmt: skip
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(bare))
    shutil.copy(CASES, tmp_path)
    promtool("test", "rules", str(tmp_path / CASES.name))


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_there_is_a_case_where_it_fires_and_one_where_it_does_not(rule: dict[str, Any]) -> None:
    cases = [case for test in TESTED for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    assert any(case.get("exp_alerts") for case in cases)
    assert any(not case.get("exp_alerts") for case in cases)


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_it_speaks_of_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    expression = rule["expr"]
    named = set(re.findall(r"\b(?:qx_\w+|failover_events_total)\b", expression))
    assert named
    assert named <= KNOWN.keys()
    for name, selector in re.findall(r"(\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)=", selector)) <= set(KNOWN[name].labels)
    labels = {label for name in named for label in KNOWN[name].labels} | {"instance"}
    assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= labels


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_it_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    said = rule["annotations"]
    assert said.keys() == {"summary", "description", "next", "runbook_url"}
    assert Severity(rule["labels"]["severity"])
    if said["next"].startswith("qx "):
        assert objection(re.sub(r"\{\{.*?\}\}", "X", said["next"]), whole=True) == ""
    page, _, anchor = said["runbook_url"].partition("#")
    assert (ROOT / page).is_file()
    assert not anchor or anchor in anchors(ROOT / page)


def test_states_in_the_rules_are_states_of_the_model() -> None:
    from qx.model.journal import RunOutcome
    from qx.model.topology import Verdict

    text = RULES.read_text()
    verdicts = {word for found in re.findall(r'verdict=~?"([^"]+)"', text) for word in found.split("|")}
    assert verdicts <= set(Verdict)
    assert set(re.findall(r'qx_runs_total\{outcome="([^"]+)"', text)) <= set(RunOutcome)
