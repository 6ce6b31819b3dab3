"""The table that `imagegen batch` reads: a row for each request."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagegen.cli.client.parameters import Parameters
from imagegen.cli.client.request import is_url
from imagegen.cli.client.service import Json, Service, model_path
from imagegen.cli.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Line:
    """A row: its line in the file, its cells as they are, and the values of its parameters."""

    number: int
    cells: Mapping[str, str]
    parameters: Parameters
    values: Json

    def request(self, link: Callable[[str], str]) -> Json:
        """The row as a request; `link` turns an image into the URL to send."""
        body: Json = {"model": self.parameters.model, "inputs": {}, "options": {}}
        for name, value in self.values.items():
            parameter = self.parameters[name]
            body[parameter.section][name] = _linked(value, link) if parameter.takes_images else value
        return body


def read_lines(service: Service, table: Path, model: str | None) -> Sequence[Line]:
    """Read the table; a semicolon or a tab separates columns as well as a comma.

    Raises:
        InvalidArgument: it cannot be read, or has rows that no model takes; names each of them.
    """
    rows = _rows(table)
    models: dict[str, Parameters] = {}
    lines: list[Line] = []
    faults: list[str] = []
    for number, cells in rows:
        name = cells.get("model") or model
        try:
            if name is None:
                raise InvalidArgument("it has no model: add a column `model`, or name one with --model")  # noqa: TRY301
            if name not in models:
                models[name] = Parameters(service.get(model_path(name)))
            lines.append(Line(number, cells, models[name], _values(models[name], cells, table.parent)))
        except InvalidArgument as error:
            faults.append(f"line {number}: {error}")
    if faults:
        raise InvalidArgument("\n".join(faults))
    if not lines:
        raise InvalidArgument(f"{table}: it has no rows below its heading")
    return lines


def _rows(table: Path) -> Sequence[tuple[int, Mapping[str, str]]]:
    try:
        text = table.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise InvalidArgument(f"{table}: {reason}") from None
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=separator, restkey="")
    rows: list[tuple[int, Mapping[str, str]]] = []
    for row in reader:
        if "" in row:
            raise InvalidArgument(f"{table}, line {reader.line_num}: it has more cells than the heading")
        cells = {name.strip(): (cell or "").strip() for name, cell in row.items()}
        if any(cells.values()):
            rows.append((reader.line_num, cells))
    return rows


def _values(parameters: Parameters, cells: Mapping[str, str], folder: Path) -> Json:
    values: Json = {}
    for name, text in cells.items():
        if name == "model" or not text:
            continue
        parameter = parameters[name]
        if parameter.takes_images:
            images = [_image(part.strip(), folder) for part in text.split(" ") if part.strip()]
            values[name] = images if "array" in parameter.types else _image(text, folder)
        else:
            values[name] = parameter.value(text)
    return values


def _linked(value: str | list[str], link: Callable[[str], str]) -> str | list[str]:
    return link(value) if isinstance(value, str) else [link(image) for image in value]


def _image(text: str, folder: Path) -> str:
    """A URL as it is; a file beside the table by its path."""
    if is_url(text):
        return text
    file = folder / text
    if not file.is_file():
        raise InvalidArgument(f"there is no file {file}")
    return str(file)
