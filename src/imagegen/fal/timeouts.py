"""Every limit of time and number towards fal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from imagegen.clock import backoff, jitter, pauses

_GROWTH: Final = 1.6  # from one pause to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class FalTimeouts:
    """Every limit of time and number towards fal.

    Attributes:
        submit: for the POST and its whole response (fal-client allows 120 s).
        read: for a status read, a result or a cancellation, with the whole response.
        first_read: for the first read of a result, during which the job keeps its slot at fal; later ones may take
            longer.
        submit_attempts: POSTs for one submit; all but the last certainly were not sent.
        submit_retry_window: from the first of those POSTs to the start of the last.
        first_submit_pause: before the second of those POSTs; each later pause is longer.
        first_poll: the first pause between status reads; each later one is longer.
        max_poll: the longest pause between status reads.
        first_safety_poll: with webhooks, when the status is first read if no webhook arrives.
        safety_poll: with webhooks, the pause between later status reads.
        stream_silence: after which a silent status stream counts as dropped (fal sends something every 15 s).
        stream_lifetime: after which a status stream is reopened, and reports the current status.
        quick: endpoints whose requests usually take less than this are quick: the result is read first, and the status
            only if it is not there yet.
        status_unreadable: how long a wait goes on while no status can be read.
        status_missing: how long the status may return nothing but 404 before the request counts as lost.
        result_missing: how long the result of a completed request may return nothing but 404 before it counts as
            expired.
        min_repeats: how often in a row a result read must get the same response before that response, if it may be
            final, ends the request.
        min_repeat_time: and for how long at least.
    """

    submit: timedelta = timedelta(seconds=60)
    read: timedelta = timedelta(seconds=30)
    first_read: timedelta = timedelta(seconds=5)
    submit_attempts: int = 5
    submit_retry_window: timedelta = timedelta(seconds=15)
    first_submit_pause: timedelta = timedelta(seconds=0.5)
    first_poll: timedelta = timedelta(seconds=0.25)
    max_poll: timedelta = timedelta(seconds=5)
    first_safety_poll: timedelta = timedelta(seconds=60)
    safety_poll: timedelta = timedelta(seconds=60)
    stream_silence: timedelta = timedelta(seconds=45)
    stream_lifetime: timedelta = timedelta(seconds=60)
    quick: timedelta = timedelta(seconds=1)
    status_unreadable: timedelta = timedelta(seconds=10)
    status_missing: timedelta = timedelta(minutes=10)
    result_missing: timedelta = timedelta(seconds=30)
    min_repeats: int = 6
    min_repeat_time: timedelta = timedelta(minutes=3)

    def poll_pauses(self) -> Iterator[timedelta]:
        """The pauses between status reads."""
        return pauses(self.first_poll, self.max_poll, _GROWTH)

    def safety_poll_pauses(self) -> Iterator[timedelta]:
        """The pauses between status reads while no webhook arrives."""
        return pauses(self.first_safety_poll, self.safety_poll, _GROWTH)

    def hinted_poll_pauses(self) -> Iterator[timedelta]:
        """The pauses between status reads after a webhook arrived."""
        return pauses(self.first_poll, self.safety_poll, _GROWTH)

    def submit_pause(self, failures: int) -> timedelta:
        """The pause after so many POSTs that certainly were not sent."""
        return backoff(failures, self.first_submit_pause, self.max_poll, _GROWTH) * jitter()
