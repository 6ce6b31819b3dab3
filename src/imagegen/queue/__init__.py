"""The only room that talks to NATS: the queue of jobs, and the events of jobs."""

from imagegen.queue.change_news import Changed, ChangeNews, announce_change
from imagegen.queue.direct_starts import DirectStart, DirectStarts
from imagegen.queue.queue import Queue, QueueMessage, open_queue
from imagegen.queue.slots import WorkSlot, WorkSlots
from imagegen.queue.stream import QueuedJobIds
from imagegen.queue.work_item import WorkItem

__all__ = [
    "ChangeNews",
    "Changed",
    "DirectStart",
    "DirectStarts",
    "Queue",
    "QueueMessage",
    "QueuedJobIds",
    "WorkItem",
    "WorkSlot",
    "WorkSlots",
    "announce_change",
    "open_queue",
]
