"""Sends webhook deliveries: at once after a job's end, and again until the receiver takes them or they are given up.

Delivery is at least once: if an attempt's outcome could not be stored, the receiver gets the message again, under the
same id.
"""

from imagegen.engine.webhook_sender.sender import sending_webhooks

__all__ = ["sending_webhooks"]
