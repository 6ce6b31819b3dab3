"""The secrets in the addresses of fal's webhooks stay out of the log."""

import logging

import pytest

from imagegen.api.discretion import keep_secrets_out_of_the_access_log, without_secret

ADDRESS = "/api/webhooks/fal/01ARZ3NDEKTSV4RRFFQ69G5FAV/5ecret5ecret"


@pytest.mark.parametrize("tail", ["", "?x=1", "/more"])
def test_a_path_is_shown_without_its_secret(tail: str) -> None:
    assert without_secret(ADDRESS + tail) == f"/api/webhooks/fal/01ARZ3NDEKTSV4RRFFQ69G5FAV/…{tail}"


def test_other_paths_are_shown_as_they_are() -> None:
    assert without_secret("/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV") == "/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV"


def test_the_access_log_has_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    keep_secrets_out_of_the_access_log()
    caplog.set_level("INFO", "uvicorn.access")

    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "POST", ADDRESS, "1.1", 204)

    assert ("5ecret" in caplog.text, "01ARZ3NDEKTSV4RRFFQ69G5FAV/…" in caplog.text) == (False, True)
