"""docs/operations.md has each word that a label can be, and no other; the rest of this room sees each come about."""

import re
from collections.abc import Iterable
from typing import Final, get_args

import pytest
from pages import ROOT

from imagegen.fal.operations import Operation
from imagegen.jobs import FINAL
from imagegen.metrics.vocabulary import Answer, Direction, Server, Stage, Step, Upstream
from imagegen.webhooks import Outcome

PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def words(metric: str) -> set[str]:
    """What stands in code in the last column of a metric's row, but for the names of its labels and of settings."""
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
        ("webhook_deliveries_total", [outcome.value for outcome in Outcome]),
        ("jobs_ended_total", ["error.code", *(status.value for status in FINAL)]),
        (
            "upstream_requests_total",
            [*get_args(Upstream), *get_args(Operation), *get_args(Answer), "download", "PutObject"],
        ),
    ],
)
def test_the_page_has_every_value_and_no_other(metric: str, values: Iterable[str]) -> None:
    assert words(metric) == set(values)
