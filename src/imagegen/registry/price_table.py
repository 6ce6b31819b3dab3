"""The price of an image by the values of one or two parameters, and what is wrong with such a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar

from pydantic import JsonValue, ValidationError

from imagegen.json_object import JsonObject
from imagegen.registry.conflicts import IMAGE_SIZE
from imagegen.registry.documents import Place, did_you_mean
from imagegen.registry.image_sizes import ImageSizes, parse_size, size_text
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.pricing_entries import MONEY, PriceTable
from imagegen.registry.vocabulary import ParameterSchemas

OTHERS: Final = "default"
"""The key of a table for every value that it does not name."""
Cell: TypeAlias = Decimal | Mapping[str, Decimal]
_Faults: TypeAlias = Iterator[tuple[Place, str]]
_T = TypeVar("_T")


def value_text(value: JsonValue) -> str:
    """A value as it is a key of a table: `true`, `2`, `1024x768`, or a text as it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class CompiledTable:
    """A table whose keys are complete.

    Attributes:
        options: one or two parameters.
        rows: prices in US dollars by the first parameter, or by both.
        defaults: the text of the value that counts for a parameter that is left out, if the catalog says it.
        sizes: reads the size of an image, if a parameter is `image_size`.
    """

    options: Sequence[str]
    rows: Mapping[str, Cell]
    defaults: Mapping[str, str]
    sizes: ImageSizes

    def price(self, values: JsonObject) -> Decimal:
        """The price of an image of a valid request in US dollars."""
        texts = self.texts(values)
        cell = _find(self.rows, texts[0])
        return _find(cell, texts[1]) if isinstance(cell, Mapping) else cell

    def keys_of(self, option: str) -> Sequence[str]:
        """The values that the table names of a parameter, as keys; none of a parameter that is not its own."""
        if option == self.options[0]:
            found = [*self.rows]
        else:
            rows = (row for row in self.rows.values() if isinstance(row, Mapping))
            found = [key for row in rows for key in row] if option in self.options else []
        return [key for key in dict.fromkeys(found) if key != OTHERS]

    def texts(self, values: JsonObject) -> Sequence[str]:
        """The values that determine the price, as keys."""
        return [self._text(name, values) for name in self.options]

    def _text(self, name: str, values: JsonObject) -> str:
        if name == IMAGE_SIZE:
            return self.sizes.text(values) or OTHERS
        given = values.get(name)
        return self.defaults.get(name, OTHERS) if given is None else value_text(given)


def _find(cells: Mapping[str, _T], text: str) -> _T:
    found = cells.get(text)
    return cells[OTHERS] if found is None else found


def compile_table(
    written: PriceTable, schemas: ParameterSchemas, given: JsonObject, sizes: ImageSizes
) -> CompiledTable:
    """The table, which has no faults. `given` are the entry's default options."""
    rows: dict[str, Cell] = {}
    for key, row in written.prices.items():
        of_row = row if isinstance(row, dict) else None
        cell = MONEY.validate_python(row) if of_row is None else _prices(of_row, written.options[-1], sizes)
        rows[key] = cell
    defaults = {name: text for name in written.options if (text := _default_text(schemas[name], given.get(name)))}
    whole = _with_sizes(rows, sizes) if written.options[0] == IMAGE_SIZE else rows
    return CompiledTable(written.options, whole, defaults, sizes)


def _prices(row: Mapping[str, JsonValue], option: str, sizes: ImageSizes) -> Mapping[str, Decimal]:
    cells = {key: MONEY.validate_python(value) for key, value in row.items()}
    return _with_sizes(cells, sizes) if option == IMAGE_SIZE else cells


def _with_sizes(cells: Mapping[str, _T], sizes: ImageSizes) -> dict[str, _T]:
    """The same with each size also under its other name: pixels for a preset, presets for pixels."""
    whole = dict(cells)
    for name, size in sizes.named.items():
        text = size_text(size)
        if name in cells:
            whole.setdefault(text, cells[name])
        elif text in cells:
            whole[name] = cells[text]
    return whole


def _default_text(schema: ParameterSchema, given: JsonValue) -> str | None:
    value = schema.default if given is None else given
    return None if value is None else value_text(value)


def table_faults(written: PriceTable, schemas: ParameterSchemas, given: JsonObject, sizes: ImageSizes) -> _Faults:
    """What is wrong with the prices of a table whose parameters the entry lists, with places below the table."""
    if len(set(written.options)) < len(written.options):
        yield ("options",), "expected two different parameters"
        return
    first, *second = (_Dimension.of(name, schemas, given, sizes) for name in written.options)
    yield from first.key_faults(written.prices, ("prices",))
    for key, row in written.prices.items():
        place = ("prices", key)
        if not isinstance(row, dict):
            yield from _price_faults(row, place)
        elif not second:
            yield place, "expected a price, because the table has one parameter"
        else:
            yield from second[0].key_faults(row, place)
            for cell, value in row.items():
                yield from _price_faults(value, (*place, cell))


def _price_faults(value: JsonValue, place: Place) -> _Faults:
    try:
        MONEY.validate_python(value)
    except ValidationError:
        yield place, "expected a price such as 0.05, of at most 9 decimals and not negative"


@dataclass(frozen=True, slots=True)
class _Dimension:
    """A parameter of a table.

    Attributes:
        name: the parameter.
        listed: its values that can be listed.
        is_open: whether it also takes others.
        may_be_unknown: whether a request can leave it out, and the catalog does not say what counts then.
        sizes: the sizes of presets, if the parameter is `image_size`.
    """

    name: str
    listed: Sequence[str]
    is_open: bool
    may_be_unknown: bool
    sizes: ImageSizes | None

    @classmethod
    def of(cls, name: str, schemas: ParameterSchemas, given: JsonObject, sizes: ImageSizes) -> "_Dimension":
        """The dimension of a parameter that the entry lists."""
        listed, is_open = listed_values(schemas[name])
        is_size = name == IMAGE_SIZE
        unknown = _default_text(schemas[name], given.get(name)) is None
        if is_size:
            unknown = unknown and not sizes.default
        return cls(name, listed, is_open, unknown, sizes if is_size else None)

    def key_faults(self, row: Mapping[str, JsonValue], place: Place) -> _Faults:
        """Keys that are no values, and values without a cell."""
        for key in row:
            if not self._is_value(key):
                valid = [*self.listed, OTHERS]
                hint = did_you_mean(key, valid)
                pixels = ", pixels such as 1024x768" if self.sizes and self.is_open else ""
                yield (*place, key), f"expected a value of {self.name}{hint or ': ' + ', '.join(valid)}{pixels}"
        if OTHERS in row:
            return
        known = _with_sizes(dict.fromkeys(row, Decimal(0)), self.sizes) if self.sizes else row
        holes = [value for value in self.listed if value not in known]
        if holes:
            yield place, f"expected a price for {self.name} {', '.join(holes)}, or {OTHERS!r}"
        elif self.is_open:
            yield place, f"expected {OTHERS!r}, because {self.name} takes other values too"
        elif self.may_be_unknown:
            yield place, f"expected {OTHERS!r}, for requests without {self.name}"

    def _is_value(self, key: str) -> bool:
        if key in self.listed or key == OTHERS or (self.is_open and self.sizes is None):
            return True
        return self.sizes is not None and (parse_size(key) is not None or key in self.sizes.named)


def listed_values(schema: ParameterSchema) -> tuple[Sequence[str], bool]:
    """The values that a parameter takes, as keys of a table, and whether it takes others too."""
    if schema.enum:
        return [value_text(value) for value in schema.enum], False
    if schema.type == "boolean":
        return ["true", "false"], False
    if schema.any_of:
        branches = [listed_values(branch) for branch in schema.any_of]
        return [value for listed, _ in branches for value in listed], any(is_open for _, is_open in branches)
    return [], True
