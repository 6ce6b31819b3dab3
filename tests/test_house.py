"""The limits that keep the code easy to find and to read."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import imagegen

SOURCE: Final = Path(imagegen.__file__).parent
FILES: Final = sorted(SOURCE.rglob("*.py"))
MODULES_AT_THE_TOP: Final = 10
LINES_OF_A_FILE: Final = 350
LINES_OF_A_FUNCTION: Final = 60
FILES_OF_A_NAME: Final = 2
# These say the same in each room.
NAMES_OF_EVERY_ROOM: Final = {"__init__", "store", "errors", "responses", "spans", "metrics"}
# Sentences are about components. A few are about people.
PEOPLE: Final = re.compile(r"\b(nobody|whoever|somebody|whom)\b", re.IGNORECASE)
LINES_ABOUT_PEOPLE: Final = 10


def place(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file, with its number of lines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield f"{place(file)}: {node.name}", node.end_lineno - first + 1


def test_top_of_the_package_has_few_modules() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= MODULES_AT_THE_TOP


def test_file_names_do_not_repeat() -> None:
    names = Counter(file.stem for file in FILES if file.stem not in NAMES_OF_EVERY_ROOM)

    assert {name: times for name, times in names.items() if times > FILES_OF_A_NAME} == {}


def test_files_are_short() -> None:
    assert {place(file): count for file in FILES if (count := len(lines(file))) > LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    sizes = (size for file in FILES for size in functions(file))

    assert {name: count for name, count in sizes if count > LINES_OF_A_FUNCTION} == {}


def test_sentences_are_about_components() -> None:
    found = [f"{place(file)}: {line.strip()}" for file in FILES for line in lines(file) if PEOPLE.search(line)]

    assert len(found) < LINES_ABOUT_PEOPLE, found
