"""The OpenAPI document and the pages list every code that the source can give an error."""

import re
from collections.abc import Set as AbstractSet
from typing import Final

import pytest
from codes import codes_before_words, codes_given_to, codes_in_tuples
from pages import ROOT

from imagegen.api.open_enums import VALUES

JOBS: Final = codes_given_to("JobError", "unpaid", "MissingImage")
PROBLEMS: Final = codes_given_to("problem", "Refusal") | codes_in_tuples("HTTPStatus")
FAULTS: Final = codes_given_to("Fault") | codes_before_words("registry/faults.py")


@pytest.mark.parametrize(
    ("codes", "few", "places"),
    [
        (JOBS, {"provider_account", "queue_timeout", "image_gone"}, [("JobFailure", "code"), ("Problem", "code")]),
        (PROBLEMS, {"too_many_connections", "unavailable", "body_too_large"}, [("Problem", "code")]),
        (FAULTS, {"missing", "too_long", "gone"}, [("ProblemFault", "code"), ("EstimateWarning", "code")]),
        (codes_given_to("MissingImage"), {"image_gone", "transfer_failed"}, [("MissingImage", "code")]),
    ],
    ids=["jobs", "problems", "faults", "missing images"],
)
def test_every_code_of_the_source_is_listed(
    codes: AbstractSet[str], few: AbstractSet[str], places: list[tuple[str, str]]
) -> None:
    assert few <= codes  # the source is still read as it is written
    assert {place: codes - set(VALUES[place]) for place in places if codes - set(VALUES[place])} == {}


def test_the_page_has_every_code_of_a_job_and_no_other() -> None:
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    table = page.partition("## What the caller is told")[2].partition("## The proof")[0]
    listed = {code for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)}

    assert listed == set(JOBS)
