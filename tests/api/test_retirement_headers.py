"""The headers of an answer about several models announce the first end."""

from dataclasses import replace

from imagegen.api.http.retirement_headers import retirement_headers
from imagegen.registry import Model, load_registry
from imagegen.registry.entries import Retired


def ending(since: str | None, successor: str | None = None) -> Model:
    retired = None if since is None else Retired.model_validate({"since": since, "successor": successor})
    return replace(load_registry().model("flux-pro"), retired=retired)


def test_first_end_is_announced_with_its_successor() -> None:
    headers = retirement_headers([
        ending(None), ending("2999-12-02", "face-swap"), ending("2999-12-01", "flux-dev"),
    ])  # fmt: skip

    assert headers == {
        "Deprecation": "@32501001600",
        "Sunset": "Sun, 01 Dec 2999 00:00:00 GMT",
        "Link": '</api/images/models/flux-dev>; rel="successor-version"',
    }


def test_of_models_that_end_on_one_day_one_has_a_successor() -> None:
    same_day = [ending("2999-12-01"), ending("2999-12-01", "flux-dev")]

    assert "Link" in retirement_headers(same_day)
    assert "Link" not in retirement_headers(same_day[:1])


def test_nothing_is_announced_of_models_that_stay() -> None:
    assert retirement_headers([]) == retirement_headers([ending(None)]) == {}
