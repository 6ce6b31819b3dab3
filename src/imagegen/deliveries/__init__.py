"""Sending what is owed to callers' webhooks: at once after a job's end, and again until it is taken or given up.

At least once: a receiver that was sent a message although that could not be noted is sent it again, under the same id.
"""

from imagegen.deliveries.sending import delivering

__all__ = ["delivering"]
