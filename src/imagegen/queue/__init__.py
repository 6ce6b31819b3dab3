"""The only room that talks to NATS: the queue of jobs, and the events of jobs."""

from imagegen.queue.direct_starts import DirectStart, DirectStarts
from imagegen.queue.key_news import KeyNews, announce_changed_keys
from imagegen.queue.queue import Queue, QueueMessage, open_queue
from imagegen.queue.slots import WorkSlot, WorkSlots
from imagegen.queue.stream import QueuedJobIds
from imagegen.queue.work_item import WorkItem

__all__ = [
    "DirectStart",
    "DirectStarts",
    "KeyNews",
    "Queue",
    "QueueMessage",
    "QueuedJobIds",
    "WorkItem",
    "WorkSlot",
    "WorkSlots",
    "announce_changed_keys",
    "open_queue",
]
