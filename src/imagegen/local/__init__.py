"""Starts and stops the local mongod, S3, NATS and fal sandbox; nothing else knows that they exist."""

from imagegen.local.stack import join_local_stack, local_stack

__all__ = ["join_local_stack", "local_stack"]
