"""Reading the service's answers."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import httpx

from imagegen_client._errors import UnexpectedResponse

T = TypeVar("T")


def content(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer."""
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UnexpectedResponse(f"{response.url.host} does not answer as imagegen does: is the URL right?")
    return cast("dict[str, Any]", found)


def read(decode: Callable[[Mapping[str, Any]], T], response: httpx.Response) -> T:
    """A record, from the JSON object of an answer."""
    found = content(response)
    try:
        return decode(found)
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedResponse(f"{response.url.host} does not answer as imagegen does: {error!r}") from error


def request_id(response: httpx.Response) -> str | None:
    """The id that the service gave to the request."""
    return response.headers.get("x-request-id")
