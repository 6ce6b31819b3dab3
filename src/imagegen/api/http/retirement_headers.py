"""The headers that announce the end of a model: Deprecation (RFC 9745), Sunset (RFC 8594) and Link."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from imagegen.registry import Model


def retirement_headers(models: Iterable[Model]) -> Mapping[str, str]:
    """The headers of an answer that is about these models: of the first one to end; none if no model ends."""
    ends = [model.retired for model in models if model.retired is not None]
    if not ends:
        return {}
    retired = min(ends, key=lambda each: (each.since, each.successor is None))
    end = datetime.combine(retired.since, datetime.min.time(), UTC)
    headers = {"Deprecation": f"@{int(end.timestamp())}", "Sunset": format_datetime(end, usegmt=True)}
    if retired.successor is not None:
        headers["Link"] = f'</api/images/models/{quote(retired.successor)}>; rel="successor-version"'
    return headers
