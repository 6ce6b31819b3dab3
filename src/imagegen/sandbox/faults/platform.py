"""Faults of fal's platform API: the request history and the prices."""

from typing import Literal

from imagegen.sandbox.faults.planned import ErrorStatus, Planned, Seconds


class HistoryUnavailable(Planned):
    """The request history is refused, as for a key without the permission."""

    fault: Literal["history_unavailable"]
    status: ErrorStatus = 403


class HistoryEmpty(Planned):
    """The request history is empty."""

    fault: Literal["history_empty"]


class HistoryLate(Planned):
    """The request history lists a request only this many seconds after its submit."""

    fault: Literal["history_late"]
    seconds: Seconds


class PricingFails(Planned):
    """The price list is answered with an error of the platform API."""

    fault: Literal["pricing_fails"]
    status: ErrorStatus = 500


class PricingDelay(Planned):
    """The answer with the price list is late."""

    fault: Literal["pricing_delay"]
    seconds: Seconds


class PricingUnit(Planned):
    """The price list names this unit for every endpoint; None: it names none."""

    fault: Literal["pricing_unit"]
    unit: str | None
