"""A JSON object: inputs, payloads, events, examples."""

from collections.abc import Mapping

from pydantic import JsonValue

JsonObject = Mapping[str, JsonValue]
