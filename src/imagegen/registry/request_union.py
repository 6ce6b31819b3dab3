"""The union of the requests of all models, whose classes are made at their first use.

Pydantic's own union needs every class when it is defined.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from imagegen.registry.model import Model

TAG = "model"


class RequestUnion:
    """Annotates a value that is validated as the request of the model that it names.

    Args:
        models: by name.
        aliases: names of models, by their other names.
        class_of: the class of a model's requests.
    """

    def __init__(
        self, models: Mapping[str, Model], aliases: Mapping[str, str], class_of: Callable[[Model], type[BaseModel]]
    ) -> None:
        self._models, self._aliases, self._class_of = models, aliases, class_of

    def validate(self, value: object) -> BaseModel:
        """Parse a request into the class of its model.

        Raises:
            PydanticCustomError: it names no model; of the type that pydantic's own union has for that.
            ValidationError: with the faults of the request, in places without the model's name.
        """
        request = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        name = request.get(TAG)
        if isinstance(name, str):
            model = self._models.get(name)
            if model is None and (own := self._aliases.get(name)) is not None:
                request, model = {**request, TAG: own}, self._models[own]
            if model is not None:
                return self._class_of(model).__pydantic_validator__.validate_python(request)
        raise PydanticCustomError("union_tag_invalid", "names no model")

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `validate`."""
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A placeholder: `request_schemas` has the schema, which takes the classes of all models."""
        return {"type": "object"}
