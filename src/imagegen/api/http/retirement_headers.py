"""The headers that announce the end of a model: Deprecation (RFC 9745), Sunset (RFC 8594) and Link."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from imagegen.registry import Model


def retirement_headers(model: Model) -> Mapping[str, str]:
    """The headers of an answer that is about a model; none if it does not end."""
    if model.retired is None:
        return {}
    end = datetime.combine(model.retired.since, datetime.min.time(), UTC)
    headers = {"Deprecation": f"@{int(end.timestamp())}", "Sunset": format_datetime(end, usegmt=True)}
    if model.retired.successor is not None:
        headers["Link"] = f'</api/images/models/{quote(model.retired.successor)}>; rel="successor-version"'
    return headers
