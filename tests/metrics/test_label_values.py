"""docs/operations.md has every value of each label, and no other; the other tests here produce each value."""

import re
from collections.abc import Iterable
from typing import Final, get_args

import pytest

from imagegen.errors import RateName
from imagegen.fal.metric_labels import Operation
from imagegen.jobs import FINAL_STATUSES
from imagegen.observability.metrics.label_values import Direction, Server, Stage, Step, Upstream, UpstreamOutcome
from imagegen.webhooks import AttemptOutcome
from tests.support.pages import ROOT

PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def words(metric: str) -> set[str]:
    """The words in code type in the last column of a metric's row, without names of labels and settings."""
    row = re.search(rf"^\| `imagegen_{metric}` \| \w+ \| (.*?) ?\| (.+) \|$", PAGE, re.MULTILINE)
    assert row is not None
    labels, shown = (set(re.findall(r"`([^`]+)`", column)) for column in row.groups())
    return {word for word in shown - labels if not word.isupper()}


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("retries_total", get_args(Step)),
        ("job_stage_seconds", get_args(Stage)),
        ("transferred_bytes_total", get_args(Direction)),
        ("server_up", get_args(Server)),
        ("webhook_deliveries_total", [outcome.value for outcome in AttemptOutcome]),
        ("rate_refusals_total", get_args(RateName)),
        ("jobs_ended_total", ["error.code", *(status.value for status in FINAL_STATUSES)]),
        (
            "upstream_requests_total",
            [*get_args(Upstream), *get_args(Operation), *get_args(UpstreamOutcome), "download", "PutObject"],
        ),
    ],
)
def test_the_page_has_every_value_and_no_other(metric: str, values: Iterable[str]) -> None:
    assert words(metric) == set(values)
