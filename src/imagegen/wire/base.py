"""The base of everything that goes over the wire: camelCase envelopes around fal's own names."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

Number = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
Money = Annotated[Number, Field(description="US dollars.", examples=[0.05])]


class Wire(BaseModel):
    """camelCase on the wire, snake_case in Python. Members of responses have no defaults: every key is present."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, frozen=True)
