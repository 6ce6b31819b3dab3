"""The only room that talks to NATS: the queue of jobs and the news of them."""

from imagegen.queue.places import Place, Places
from imagegen.queue.queue import Delivery, Queue, open_queue
from imagegen.queue.stream import Queued

__all__ = ["Delivery", "Place", "Places", "Queue", "Queued", "open_queue"]
