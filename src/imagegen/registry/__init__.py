"""The registry: what each model takes, where its requests go and what they cost. Pure: no network, no storage."""

from imagegen.registry.conflicts import JsonObject
from imagegen.registry.model import FalRequest, Model
from imagegen.registry.price import Price
from imagegen.registry.registry import Registry, load_registry
from imagegen.registry.requests import ModelRequest, PlainText, given, user_id_faults
from imagegen.registry.values import PLAIN_TEXT

__all__ = [
    "PLAIN_TEXT",
    "FalRequest",
    "JsonObject",
    "Model",
    "ModelRequest",
    "PlainText",
    "Price",
    "Registry",
    "given",
    "load_registry",
    "user_id_faults",
]
