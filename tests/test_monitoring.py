"""docs/monitoring: the service has every metric and label that the alert rules and the dashboard name."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from imagegen.observability.metrics import write_catalog_check
from tests.support.pages import ROOT
from tests.support.service import Service

FOLDER: Final = ROOT / "docs/monitoring"
ALERTS: Final[dict[str, Any]] = YAML(typ="safe", pure=True).load(FOLDER / "alerts.yaml")  # pyright: ignore[reportUnknownMemberType] - no stubs
DASHBOARD: Final[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
RULES: Final[list[dict[str, Any]]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
# Labels that PromQL and the scrape add.
WORDS: Final = frozenset({"and", "or", "unless", "on", "by", "without", "offset", "ignoring"})
BY_PROMETHEUS: Final = frozenset({"job", "instance", "le"})
PARTS: Final = {"histogram": ("_bucket", "_count", "_sum")}


def expressions() -> Iterator[tuple[str, str]]:
    """Each expression of both files, and its place."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


EXPRESSIONS: Final = list(expressions())


def metrics_in(expression: str) -> set[str]:
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(?:by|on|without|ignoring) \([^)]*\)', " ", expression)
    names = re.findall(r"(?<![\w.$])[a-z_]\w*\b(?! *\()", re.sub(r"\boffset \w+", " ", bare))
    return set(names) - WORDS


def labels_in(expression: str) -> set[str]:
    matched = [re.findall(r"(\w+) *[=!]", braces) for braces in re.findall(r"\{([^}]*)\}", expression)]
    grouped = [re.findall(r"\w+", names) for names in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)]
    return {name for names in (*matched, *grouped) for name in names}


def labels_of(metric: str) -> set[str]:
    """The labels of a metric, as the table in docs/operations.md has them (a test compares it with the code)."""
    family = re.sub(r"_(bucket|count|sum)$", "", metric)
    row = re.search(rf"^\| `{family}` \| \w+ \| (.*?) ?\|", PAGE, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", row[1])) if row else set()


async def told(service: Service) -> set[str]:
    """The name of every series of the running service."""
    text = (await service.client.get("/metrics", headers={"Accept": "text/plain;version=0.0.4"})).text
    families = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    return {f"{name}{part}" for name, kind in families for part in PARTS.get(kind, ("",))}


def of_a_check(file: Path) -> set[str]:
    """The name of every series that `imagegen models check --metrics-file` writes."""
    write_catalog_check(file, "models.yaml", models=1, faults=0, notes=0)
    return set(re.findall(r"^# TYPE (\w+) gauge$", file.read_text(encoding="utf-8"), re.MULTILINE))


async def test_every_metric_in_a_rule_or_panel_exists(service: Service, tmp_path: Path) -> None:
    named = {name: where for where, expression in EXPRESSIONS for name in metrics_in(expression)}
    of_check = await asyncio.to_thread(of_a_check, tmp_path / "check.prom")
    known = {"up", *await told(service), *of_check}

    assert {name: where for name, where in named.items() if name not in known} == {}


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_every_label_belongs_to_a_metric_of_its_expression(where: str, expression: str) -> None:
    known = BY_PROMETHEUS.union(*(labels_of(metric) for metric in metrics_in(expression)))

    assert labels_in(expression) <= known, where


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_brackets_close_and_rates_are_of_counters(where: str, expression: str) -> None:
    assert all(expression.count(one) == expression.count(other) for one, other in ("()", "{}", "[]")), where
    for metric in re.findall(r"\b(?:rate|increase)\((\w+)", expression):
        assert metric.endswith(("_total", "_bucket")), where


def test_the_page_explains_every_alert_and_no_other() -> None:
    rows = re.findall(r"^\| `(Imagegen\w+)` \| (page|ticket) \|", PAGE, re.MULTILINE)

    assert rows == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]


def test_every_alert_has_a_summary() -> None:
    assert [rule["alert"] for rule in RULES if not rule["annotations"]["summary"]] == []


def test_panels_have_positions_and_ids_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}

    assert len(places) == len({panel["id"] for panel in panels}) == len(panels)


def test_the_metrics_of_an_expression_are_found() -> None:
    expression = 'sum by (code) (increase(a_total{code=~"x|y"}[1h])) > 0 or on (code) b_total unless b_total offset 1h'

    assert (metrics_in(expression), labels_in(expression)) == ({"a_total", "b_total"}, {"code"})
