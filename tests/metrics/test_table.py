"""docs/operations.md names every metric that there is, with its labels, and no other."""

import re
from typing import Final

from pages import ROOT
from prometheus_client import Counter, Gauge, Histogram

from imagegen.metrics import Metrics
from imagegen.metrics.instruments import Instruments

PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
KINDS: Final = {"counter": Counter, "gauge": Gauge, "state": Gauge, "histogram": Histogram}


def table() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each metric's kind and labels, as the page has them."""
    rows = re.findall(r"^\| `(imagegen_\w+)` \| (\w+) \| (.*?) ?\| .+ \|$", PAGE, re.MULTILINE)
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def instruments() -> dict[str, Counter | Gauge | Histogram]:
    made = vars(Instruments(Metrics().registry.__class__())).values()
    return {f"{each._name}_total" if isinstance(each, Counter) else each._name: each for each in made}


def test_the_table_has_every_metric_and_no_other() -> None:
    assert sorted(table()) == sorted(instruments())


def test_the_table_has_each_metrics_kind_and_labels() -> None:
    made = instruments()

    assert {name: (KINDS[kind], labels) for name, (kind, labels) in table().items()} == {
        name: (type(made[name]), made[name]._labelnames) for name in table()
    }


def test_every_metric_that_the_page_speaks_of_exists() -> None:
    named = set(re.findall(r"\bimagegen_\w+", PAGE))
    shown = {f"{name}{end}" for name in instruments() for end in ("", "_bucket", "_count", "_sum")}

    assert named <= shown
