"""The registry: the parameters, endpoints and prices of every model. Pure: no network, no storage."""

from imagegen.errors import MOST_FAULTS
from imagegen.registry.entries import Output, OutputKind
from imagegen.registry.loading import load_registry
from imagegen.registry.model import FalRequest, Model
from imagegen.registry.offer import UnpricedModel
from imagegen.registry.price import Price
from imagegen.registry.registry import Registry, faults_of_request
from imagegen.registry.requests import EstimateRequest, ModelRequest, PlainText, RequestBatch, given, user_id_faults
from imagegen.registry.values import PLAIN_TEXT

__all__ = [
    "MOST_FAULTS",
    "PLAIN_TEXT",
    "EstimateRequest",
    "FalRequest",
    "Model",
    "ModelRequest",
    "Output",
    "OutputKind",
    "PlainText",
    "Price",
    "Registry",
    "RequestBatch",
    "UnpricedModel",
    "faults_of_request",
    "given",
    "load_registry",
    "user_id_faults",
]
