"""Expressions that several stores use in MongoDB's update pipelines and filters."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypeAlias

Expression: TypeAlias = Mapping[str, Any]
_MAX_DOUBLINGS: Final = 20  # keeps the product within 64 bits


def milliseconds(duration: timedelta) -> int:
    """A duration in the unit that MongoDB adds to dates."""
    return int(duration.total_seconds() * 1000)


def from_now(duration: timedelta) -> dict[str, object]:
    """The time after this duration on the database's clock; before now if it is negative."""
    return {"$add": ["$$NOW", milliseconds(duration)]}


def backoff(failures: Expression, first: timedelta, longest: timedelta) -> Expression:
    """The pause in milliseconds after so many earlier failures: `first`, doubled for each of them up to `longest`."""
    doubled = {"$pow": [2, {"$min": [failures, _MAX_DOUBLINGS]}]}
    return {"$min": [{"$multiply": [milliseconds(first), doubled]}, milliseconds(longest)]}
