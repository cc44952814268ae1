"""The Prometheus files name what exists: reasons, metrics, services; and each alarm says what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.topology import SERVICES
from services.oversight.core.audit import Reason
from services.oversight.core.lag import State
from services.oversight.doors.words import WORDS

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
ROOT = Path(__file__).parents[2] / "services"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "rules" / "maodiao.yml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_urgent_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["runbook"].endswith(".")
    assert len(rule["annotations"]["summary"]) > 10


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_reasons_and_states_that_exist(rule: dict[str, Any]) -> None:
    source = "".join(path.read_text() for path in ROOT.rglob("*.py"))
    for metric in re.findall(r"\b(?:maodiao|kafka)_[a-z_]+", rule["expr"]):
        assert f'"{metric.removesuffix("_total")}"' in source, metric
    for reason in re.findall(r'reason="(\w+)"', rule["expr"]):
        assert reason in set(Reason)
    for state in re.findall(r'state="(\w+)"', rule["expr"]):
        assert state in set(State)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_counter_that_is_born_with_its_last_value_is_asked_for_too(rule: dict[str, Any]) -> None:
    """A labelled series begins at 1, and one that has one value only has never increased."""
    for metric, window in re.findall(r"increase\((\w+)\[(\w+)\]\) > 0", rule["expr"]):
        assert f"({metric} unless {metric} offset {window}) > 0 or " in rule["expr"]


def test_every_reason_of_the_audit_has_words_and_leaves_by_a_rule() -> None:
    assert set(WORDS) == set(Reason)
    asked = " ".join(rule["expr"] for rule in RULES)
    by_lag = {Reason.GROUP_STOPPED: 'state="stopped"', Reason.GROUP_STALLED: 'state="stalled"'}
    by_age = {Reason.MARKS_OLD: "maodiao_mark_age_seconds"}
    for reason in Reason:
        assert {**by_lag, **by_age}.get(reason, f'reason="{reason}"') in asked, reason


def test_all_six_services_are_scraped() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    names = config["scrape_configs"][0]["dns_sd_configs"][0]["names"]
    assert names == [service.name for service in SERVICES]
    assert config["rule_files"] == ["/etc/prometheus/rules/*.yml"]
