"""The addresses that clients are told. Pure."""

import pytest
from starlette.requests import Request

from imagegen.doors.fal.addresses import urls_of


@pytest.mark.parametrize(
    ("scheme", "forwarded", "expected"),
    [
        ("http", None, "http"),
        ("https", None, "https"),
        ("http", "https", "https"),
        ("http", "https, http", "https"),
        ("http", "gopher", "http"),
    ],
)
def test_addresses_lead_to_where_the_client_is(scheme: str, forwarded: str | None, expected: str) -> None:
    headers = [(b"host", b"here.example:8443")]
    headers += [(b"x-forwarded-proto", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "scheme": scheme, "path": "/", "query_string": b"", "headers": headers})

    assert urls_of(request, "fal-ai/flux/dev", "01A") == {
        "response_url": f"{expected}://here.example:8443/fal/queue/fal-ai/flux/dev/requests/01A",
        "status_url": f"{expected}://here.example:8443/fal/queue/fal-ai/flux/dev/requests/01A/status",
        "cancel_url": f"{expected}://here.example:8443/fal/queue/fal-ai/flux/dev/requests/01A/cancel",
    }
