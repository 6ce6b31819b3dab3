"""The registry: what each model takes, where its requests go and what they cost. Pure: no network, no storage."""

from imagegen.registry.conflicts import JsonObject
from imagegen.registry.model import FalRequest, Model
from imagegen.registry.price import Price
from imagegen.registry.registry import Registry, load_registry
from imagegen.registry.requests import ModelRequest, given

__all__ = ["FalRequest", "JsonObject", "Model", "ModelRequest", "Price", "Registry", "given", "load_registry"]
