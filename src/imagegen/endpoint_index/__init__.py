"""What is known of fal's image endpoints without asking fal: `endpoint_index()`.

Facts of 20 August 2026, made by `make index` from the types of @fal-ai/client, a list of the live endpoints, and dated
prices. Nothing is read before the first call.
"""

from imagegen.endpoint_index.index import EndpointIndex, IndexedEndpoint, IndexedPrice, endpoint_index

__all__ = ["EndpointIndex", "IndexedEndpoint", "IndexedPrice", "endpoint_index"]
