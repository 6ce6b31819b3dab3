"""The vocabulary: the meaning of each parameter name, in the two sections of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError

from imagegen.registry.documents import Document, Place, read_document
from imagegen.registry.fault_collector import raise_if_any
from imagegen.registry.input_schemas import ParameterSchema

ParameterSchemas = Mapping[str, ParameterSchema]
_SECTIONS = ("definitions", "inputs", "options")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every parameter that imagegen knows.

    Attributes:
        definitions: the objects that several parameters share, by class name.
        texts: definitions that are not objects; a `$ref` to one is replaced by its content.
        inputs: parameters that determine the image.
        options: parameters that determine its delivery.
    """

    definitions: ParameterSchemas
    texts: ParameterSchemas
    inputs: ParameterSchemas
    options: ParameterSchemas

    def find(self, name: str) -> ParameterSchema | None:
        """The schema of a name in either section; None if it is unknown."""
        return self.inputs.get(name) or self.options.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, inputs first."""
        return (*self.inputs, *self.options)

    def schema(self, document: Document, place: Place, value: JsonValue) -> ParameterSchema:
        """Read a schema from a document. It may be one that only narrows another.

        Raises:
            CatalogError: it is outside the subset of JSON Schema that imagegen knows.
        """
        return self.resolved(parse_schema(document, place, value))

    def checked(self, document: Document, place: Place, schema: ParameterSchema) -> ParameterSchema:
        """Check that the keywords of a schema do not contradict each other.

        Raises:
            CatalogError: they do.
        """
        misfits = schema.contradictions([*self.definitions, *self.texts])
        raise_if_any(document.error((*place, *where), expected) for where, expected in misfits)
        return schema

    def resolved(self, schema: ParameterSchema) -> ParameterSchema:
        """The schema with every reference to a definition that is not an object replaced by its content."""
        changes: dict[str, object] = {}
        if schema.items:
            changes["items"] = self.resolved(schema.items)
        if schema.any_of:
            changes["any_of"] = tuple(self.resolved(branch) for branch in schema.any_of)
        if schema.properties:
            changes["properties"] = {name: self.resolved(part) for name, part in schema.properties.items()}
        if schema.definition is not None and schema.definition in self.texts:
            own = {name: getattr(schema, name) for name in schema.model_fields_set - {"ref"}}
            return self.texts[schema.definition].model_copy(update=own)
        return schema.model_copy(update=changes)


def parse_schema(document: Document, place: Place, value: JsonValue) -> ParameterSchema:
    """Parse a schema.

    Raises:
        CatalogError: a keyword is unknown or has an invalid value.
    """
    try:
        return ParameterSchema.model_validate(value)
    except ValidationError as error:
        raise_if_any(document.errors_from(place, error, lambda _: ParameterSchema.keys()))
        raise


def load_vocabulary(path: Path) -> Vocabulary:
    """Read a file with the sections `definitions`, `inputs` and `options`.

    Raises:
        CatalogError: with the line of each fault.
    """
    document = read_document(path)
    sections = {name: _section(document, name) for name in _SECTIONS}
    definitions = sections["definitions"]
    vocabulary = Vocabulary(
        definitions={name: schema for name, schema in definitions.items() if schema.type == "object"},
        texts={name: schema for name, schema in definitions.items() if schema.type != "object"},
        inputs={},
        options={},
    )
    return Vocabulary(
        definitions=_checked(vocabulary, document, "definitions", vocabulary.definitions),
        texts=vocabulary.texts,
        inputs=_checked(vocabulary, document, "inputs", sections["inputs"]),
        options=_checked(vocabulary, document, "options", sections["options"]),
    )


def _section(document: Document, name: str) -> ParameterSchemas:
    section = document.value.get(name)
    if not isinstance(section, dict):
        raise document.error((name,), f"expected the section {name!r}, a mapping of names to schemas")
    return {key: parse_schema(document, (name, key), value) for key, value in section.items()}


def _checked(vocabulary: Vocabulary, document: Document, section: str, schemas: ParameterSchemas) -> ParameterSchemas:
    return {
        name: vocabulary.checked(document, (section, name), vocabulary.resolved(schema))
        for name, schema in schemas.items()
    }
