"""Requests with `proxyUrl`: fal's address as a path of this service. Pure."""

import pytest

from imagegen.doors.fal.proxy_targets import at_its_target

SCOPE = {"type": "http", "method": "POST", "path": "/fal/proxy", "raw_path": b"/fal/proxy", "query_string": b"own=1"}


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (
            "https://queue.fal.run/fal-ai/flux/dev?fal_webhook=https%3A%2F%2Fa.example%2F",
            "/fal/queue/fal-ai/flux/dev",
            "fal_webhook=https%3A%2F%2Fa.example%2F",
        ),
        (
            "https://queue.fal.run/fal-ai/flux/requests/01A/status?logs=1",
            "/fal/queue/fal-ai/flux/requests/01A/status",
            "logs=1",
        ),
        ("https://fal.run/fal-ai/flux/dev", "/fal/run/fal-ai/flux/dev", ""),
        (
            "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3",
            "/fal/rest/storage/upload/initiate",
            "storage_type=fal-cdn-v3",
        ),
        ("https://rest.alpha.fal.ai/storage/auth/token", "/fal/rest/storage/auth/token", ""),
    ],
)
def test_target_becomes_a_path_here(target: str, path: str, query: str) -> None:
    scope = at_its_target({**SCOPE, "headers": [(b"x-fal-target-url", target.encode())]})

    assert (scope["path"], scope["query_string"].decode()) == (path, query)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/fal-ai/flux/dev",
        "https://fal.run.evil.example/fal-ai/flux/dev",
        "https://fal.run:8443/fal-ai/flux/dev",
        "https://me@fal.run/fal-ai/flux/dev",
        "http://fal.run/fal-ai/flux/dev",
        "//fal.run/x",
        "https://[fal.run/x",
        "",
    ],
)
def test_any_other_target_stays_at_the_proxy(target: str) -> None:
    scope = {**SCOPE, "headers": [(b"x-fal-target-url", target.encode())]}

    assert at_its_target(scope) == scope


def test_two_targets_stay_at_the_proxy() -> None:
    header = (b"x-fal-target-url", b"https://fal.run/fal-ai/flux/dev")
    scope = {**SCOPE, "headers": [header, header]}

    assert at_its_target(scope) == scope
