"""Job events inside one process: hands each event to those that wait for the job or for its batch."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final, cast

from imagegen.jobs import FINAL_STATUSES, Job
from imagegen.json_object import JsonObject

BATCH: Final = "batchId"  # the member of an event that names the batch of its job
FREE_SLOT: Final = "free-slot"  # in place of a job's id: a request is no longer open at fal
_BATCH_NAMED: Final = f'"{BATCH}"'.encode()
_MAX_PENDING: Final = 64
_FINAL_VALUES: Final = {status.value for status in FINAL_STATUSES}


def is_any(_event: JsonObject) -> bool:
    """Accept every event."""
    return True


def is_end(event: JsonObject) -> bool:
    """Accept only the job's end, and an event that cannot be read, because it may be the end."""
    return event.get("status") is None or event["status"] in _FINAL_VALUES


def parse_event(data: bytes) -> JsonObject:
    """The event that a process published; an empty one if it cannot be read, which still wakes the waiters."""
    try:
        event = json.loads(data)
    except ValueError:
        return {}
    return cast("JsonObject", event) if isinstance(event, dict) else {}


class Subscription:
    """The events that one waiter has not taken yet: the newest 64, so that a slow waiter holds no more memory.

    Args:
        accepts: which events are for this waiter.

    Attributes:
        changed: set by each of these events; the waiter clears it.
        ended: the job as stored, once it has ended in this process, so that it need not be read.
    """

    def __init__(self, accepts: Callable[[JsonObject], bool]) -> None:
        self.changed = asyncio.Event()
        self.ended: Job | None = None
        self._accepts = accepts
        self._events: deque[JsonObject] = deque(maxlen=_MAX_PENDING)

    def receive(self, event: JsonObject) -> None:
        """Keep an event and wake the waiter, if the event is for it."""
        if self._accepts(event):
            self._events.append(event)
            self.changed.set()

    def take(self) -> Sequence[JsonObject]:
        """The events since the last call, oldest first."""
        self.changed.clear()
        events = tuple(self._events)
        self._events.clear()
        return events


class JobSubscriptions:
    """Who waits in this process for which job or batch."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, set[Subscription]] = defaultdict(set)

    @contextmanager
    def subscribe(self, name: str, accepts: Callable[[JsonObject], bool] = is_any) -> Generator[Subscription]:
        """Subscribe to the events of a job, or of a batch's jobs, while the body runs."""
        subscription = Subscription(accepts)
        self._subscriptions[name].add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions[name].discard(subscription)
            if not self._subscriptions[name]:
                del self._subscriptions[name]

    @contextmanager
    def signal(self, name: str, accepts: Callable[[JsonObject], bool] = is_any) -> Generator[asyncio.Event]:
        """An `asyncio.Event` that each event of the job or batch sets; the waiter clears it."""
        with self.subscribe(name, accepts) as subscription:
            yield subscription.changed

    def has_subscribers(self, job_id: str, event: bytes) -> bool:
        """Whether this process may wait for the job, or for the batch that the event's text names."""
        return job_id in self._subscriptions or (bool(self._subscriptions) and _BATCH_NAMED in event)

    def dispatch(self, job_id: str, event: JsonObject) -> None:
        """Hand an event to the subscriptions of its job and of its batch."""
        for name in (job_id, event.get(BATCH)):
            for subscription in self._subscriptions.get(str(name), ()):
                subscription.receive(event)

    def ended(self, job: Job) -> None:
        """Hand a job that has just ended in this process to its subscriptions, before its event."""
        for subscription in self._subscriptions.get(job.id, ()):
            subscription.ended = job
