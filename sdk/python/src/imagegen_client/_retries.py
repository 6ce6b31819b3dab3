"""When a request is sent again, and when a wait is over."""

import math
import random
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from imagegen_client._errors import problem_in

_AGAIN = frozenset({408, 425, 429, 502, 503, 504})
_FIRST, _LONGEST = 0.25, 8.0
_LONG_POLL, _STREAM_ENDS = 30, 20


class Retries:
    """The pauses between the attempts of one call, up to a total time after the first loss."""

    def __init__(self, total: float) -> None:
        self._total = total
        self.reset()

    def reset(self) -> None:
        """Begin anew, once something has arrived."""
        self._until, self._attempt = math.inf, 0

    @property
    def attempts(self) -> int:
        """How many attempts had no answer."""
        return self._attempt

    def after_loss(self) -> float | None:
        """Seconds to wait after an attempt without an answer; None if no time is left."""
        self._attempt += 1
        if self._attempt == 1:
            self._until = time.monotonic() + self._total
        longest = min(_LONGEST, _FIRST * 2 ** min(self._attempt, 10))
        return self._within(random.uniform(longest / 2, longest))  # noqa: S311 - jitter

    def after(self, response: httpx.Response) -> float | None:
        """Seconds to wait after this answer; None if it is final."""
        if not may_repeat(response):
            return None
        told = retry_after(response)
        pause = self.after_loss()
        return pause if told is None else self._within(told)

    def _within(self, pause: float) -> float | None:
        return pause if time.monotonic() + pause <= self._until else None


def may_repeat(response: httpx.Response) -> bool:
    """Whether the same request, under the same idempotency key, can have another answer."""
    if response.status_code in _AGAIN:
        return True
    problem = problem_in(response)
    return response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR and not problem.job_id and bool(problem.retryable)


def is_final(error: httpx.TransportError) -> bool:
    """Whether repeating cannot help: the address, a header or the certificate is wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
            return True
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def retry_after(response: httpx.Response) -> float | None:
    """The header Retry-After in seconds: a number or a date."""
    told = response.headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


class Deadline:
    """The end of a wait; without a timeout there is none."""

    def __init__(self, timeout: float | None) -> None:
        self._at = math.inf if timeout is None else time.monotonic() + timeout

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the wait is over."""
        return self.left <= 0

    @property
    def is_near(self) -> bool:
        """Whether a stream, whose signs of life come every 15 seconds, would end too late."""
        return self.left < _STREAM_ENDS

    @property
    def poll_seconds(self) -> int:
        """How long the service is to hold the next poll."""
        return math.ceil(min(self.left, _LONG_POLL))
