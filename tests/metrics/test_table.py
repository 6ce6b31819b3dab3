"""docs/operations.md has every metric with its labels and its help text, and no other."""

import re
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from imagegen.observability.metrics.catalog_check import CatalogCheckInstruments
from imagegen.observability.metrics.instruments import (
    HttpInstruments,
    JobInstruments,
    ProcessInstruments,
    QueueInstruments,
    UpstreamInstruments,
)
from tests.support.pages import ROOT

PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
INSTRUMENTS: Final = (
    HttpInstruments,
    JobInstruments,
    QueueInstruments,
    UpstreamInstruments,
    ProcessInstruments,
    CatalogCheckInstruments,
)
KINDS: Final = {"counter": Counter, "gauge": Gauge, "state": Gauge, "histogram": Histogram}


def table() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each metric's kind and labels, as the page has them."""
    rows = re.findall(r"^\| `(imagegen_\w+)` \| (\w+) \| (.*?) ?\| .+ \|$", PAGE, re.MULTILINE)
    return {metric: (kind, tuple(re.findall(r"`(\w+)`", shown))) for metric, kind, shown in rows}


def instruments() -> dict[str, Counter | Gauge | Histogram]:
    made = [metric for kind in INSTRUMENTS for metric in vars(kind(CollectorRegistry())).values()]
    return {f"{name(each)}_total" if isinstance(each, Counter) else name(each): each for each in made}


def name(metric: Counter | Gauge | Histogram) -> str:
    return vars(metric)["_name"]


def labels(metric: Counter | Gauge | Histogram) -> tuple[str, ...]:
    return vars(metric)["_labelnames"]


def test_the_table_has_every_metric_and_no_other() -> None:
    assert sorted(table()) == sorted(instruments())


def test_the_table_has_each_metrics_kind_and_labels() -> None:
    made = instruments()

    assert {each: (KINDS[kind], shown) for each, (kind, shown) in table().items()} == {
        each: (type(made[each]), labels(made[each])) for each in table()
    }


def test_each_row_begins_with_the_metrics_help_text() -> None:
    rows = re.findall(r"^\| `(imagegen_\w+)` \| \w+ \| .*? ?\| (.+) \|$", PAGE, re.MULTILINE)
    meanings = {metric: meaning.replace("`", "") for metric, meaning in rows}
    helps = {metric: vars(made)["_documentation"].removesuffix(".") for metric, made in instruments().items()}

    assert {metric: meanings[metric][: len(text)] for metric, text in helps.items()} == helps


def test_every_metric_named_on_the_page_exists() -> None:
    named = set(re.findall(r"\bimagegen_\w+", PAGE))
    shown = {f"{metric}{end}" for metric in instruments() for end in ("", "_bucket", "_count", "_sum")}

    assert named <= shown
