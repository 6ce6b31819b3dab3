"""The vocabulary: what each parameter's name means, in the two sections of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError

from imagegen.registry.documents import Document, Place, read_document
from imagegen.registry.gathering import stop_if_any
from imagegen.registry.schemas import ParameterSchema

ParameterSchemas = Mapping[str, ParameterSchema]
_SECTIONS = ("definitions", "inputs", "options")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every parameter that imagegen knows by name.

    Attributes:
        definitions: the objects that several parameters share, by the name of their class.
        texts: definitions that are no objects; a `$ref` to one stands for what it says.
        inputs: parameters that a picture is made from.
        options: parameters of how it is delivered.
    """

    definitions: ParameterSchemas
    texts: ParameterSchemas
    inputs: ParameterSchemas
    options: ParameterSchemas

    def find(self, name: str) -> ParameterSchema | None:
        """What a name means, in whichever section."""
        return self.inputs.get(name) or self.options.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, inputs first."""
        return (*self.inputs, *self.options)

    def schema(self, document: Document, place: Place, value: JsonValue) -> ParameterSchema:
        """Read a schema that stands in a document; it may be one that only narrows another.

        Raises:
            CatalogError: it is none of the JSON Schema that imagegen knows.
        """
        return self.spelled_out(parse_schema(document, place, value))

    def fitting(self, document: Document, place: Place, schema: ParameterSchema) -> ParameterSchema:
        """The schema, if its keywords go together.

        Raises:
            CatalogError: they do not.
        """
        misfits = schema.misfits([*self.definitions, *self.texts])
        stop_if_any(document.error((*place, *where), expected) for where, expected in misfits)
        return schema

    def spelled_out(self, schema: ParameterSchema) -> ParameterSchema:
        """The schema with every reference to a definition that is no object replaced by what it says."""
        changes: dict[str, object] = {}
        if schema.items:
            changes["items"] = self.spelled_out(schema.items)
        if schema.any_of:
            changes["any_of"] = tuple(self.spelled_out(branch) for branch in schema.any_of)
        if schema.properties:
            changes["properties"] = {name: self.spelled_out(part) for name, part in schema.properties.items()}
        if schema.definition is not None and schema.definition in self.texts:
            own = {name: getattr(schema, name) for name in schema.model_fields_set - {"ref"}}
            return self.texts[schema.definition].model_copy(update=own)
        return schema.model_copy(update=changes)


def parse_schema(document: Document, place: Place, value: JsonValue) -> ParameterSchema:
    """Read a schema as it stands.

    Raises:
        CatalogError: an unknown keyword, or a keyword with a value that it cannot have.
    """
    try:
        return ParameterSchema.model_validate(value)
    except ValidationError as error:
        stop_if_any(document.errors_of(place, error, lambda _: ParameterSchema.keys()))
        raise


def load_vocabulary(path: Path) -> Vocabulary:
    """Read a file with the sections `definitions`, `inputs` and `options`.

    Raises:
        CatalogError: with the line of what is wrong.
    """
    document = read_document(path)
    sections = {name: _section(document, name) for name in _SECTIONS}
    definitions = sections["definitions"]
    words = Vocabulary(
        definitions={name: schema for name, schema in definitions.items() if schema.type == "object"},
        texts={name: schema for name, schema in definitions.items() if schema.type != "object"},
        inputs={},
        options={},
    )
    return Vocabulary(
        definitions=_checked(words, document, "definitions", words.definitions),
        texts=words.texts,
        inputs=_checked(words, document, "inputs", sections["inputs"]),
        options=_checked(words, document, "options", sections["options"]),
    )


def _section(document: Document, name: str) -> ParameterSchemas:
    section = document.value.get(name)
    if not isinstance(section, dict):
        raise document.error((name,), f"expected the section {name!r}, a mapping of names to schemas")
    return {key: parse_schema(document, (name, key), value) for key, value in section.items()}


def _checked(words: Vocabulary, document: Document, section: str, schemas: ParameterSchemas) -> ParameterSchemas:
    return {
        name: words.fitting(document, (section, name), words.spelled_out(schema)) for name, schema in schemas.items()
    }
