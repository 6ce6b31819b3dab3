"""The OpenAPI document and the docs list every error code in the source."""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet

import pytest

from imagegen.api.openapi.open_enums import VALUES
from tests.support.codes import codes_before_words, codes_given_to, codes_in_tuples
from tests.support.pages import ROOT


def of_jobs() -> frozenset[str]:
    return codes_given_to("JobError", "uncharged_error", "MissingImage")


def of_problems() -> frozenset[str]:
    return codes_given_to("problem", "HttpProblem", "_Translation") | codes_in_tuples("HTTPStatus")


def of_faults() -> frozenset[str]:
    return codes_given_to("Fault") | codes_before_words("registry/faults.py")


def of_missing_images() -> frozenset[str]:
    return codes_given_to("MissingImage")


@pytest.mark.parametrize(
    ("read", "few", "places"),
    [
        (of_jobs, {"provider_account", "queue_timeout", "image_gone"}, [("JobFailure", "code"), ("Problem", "code")]),
        (
            of_problems,
            {"too_many_connections", "unavailable", "body_too_large", "misdirected_request"},
            [("Problem", "code")],
        ),
        (of_faults, {"missing", "too_long", "gone"}, [("ProblemFault", "code"), ("EstimateWarning", "code")]),
        (of_missing_images, {"image_gone", "transfer_failed"}, [("MissingImage", "code")]),
    ],
    ids=["jobs", "problems", "faults", "missing images"],
)
def test_every_code_in_the_source_is_documented(
    read: Callable[[], AbstractSet[str]], few: AbstractSet[str], places: list[tuple[str, str]]
) -> None:
    codes = read()

    assert few <= codes  # the source is still parsed as intended
    assert {place: codes - set(VALUES[place]) for place in places if codes - set(VALUES[place])} == {}


def test_reliability_page_lists_exactly_the_codes_of_jobs() -> None:
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    table = page.partition("## What the caller is told")[2].partition("## The proof")[0]
    listed = {code for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)}

    assert listed == of_jobs()
