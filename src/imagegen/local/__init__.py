"""Starts and stops the local mongod, S3, NATS and fal sandbox. No other room knows that they exist."""

from imagegen.local import data_directory
from imagegen.local.stack import join_local_stack, local_stack

__all__ = ["data_directory", "join_local_stack", "local_stack"]
