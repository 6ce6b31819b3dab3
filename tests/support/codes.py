"""The codes that the source can give an error, read from the source itself."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import Final, TypeGuard

import imagegen
from imagegen.jobs import StopReason

SOURCE: Final = Path(imagegen.__file__).parent
_Functions = ast.FunctionDef | ast.AsyncFunctionDef
_PARAMETER: Final = "code"


@cache
def _texts_of_modules() -> Mapping[Path, str]:
    """The source without the doors, whose errors have the shape of the API that they stand in for."""
    paths = (path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).parts[0] != "doors")
    return {path: path.read_text(encoding="utf-8") for path in paths}


def _modules(word: str) -> Sequence[Path]:
    """The modules that have this word: only they are parsed for it."""
    return [path for path, text in _texts_of_modules().items() if word in text]


@cache
def _nodes(path: Path) -> Sequence[ast.AST]:
    return tuple(ast.walk(ast.parse(_texts_of_modules()[path])))


@cache
def _calls(path: Path) -> Sequence[tuple[_Functions | ast.Module, AbstractSet[str | None]]]:
    """Every function, and the module, with the names of all that it calls."""
    return tuple(
        (node, frozenset(_name(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)))
        for node in _nodes(path)
        if isinstance(node, _Functions | ast.Module)
    )


@cache
def codes_given_to(*callees: str) -> frozenset[str]:
    """Every code that is passed to one of these classes or functions, directly or through another function."""
    found: set[str] = set()
    wanted = [(name, _place_of_the_code(name), "") for name in callees]
    known = set(callees)
    while wanted:
        name, place, home = wanted.pop()
        for path in _modules(name):
            if home and home != str(path):
                continue
            for function in (function for function, called in _calls(path) if name in called):
                for given in _given(function, name, place):
                    found |= set(_texts(given, path))
                    if _passes_on(function, given) and f"{path}:{function.name}" not in known:
                        known.add(f"{path}:{function.name}")
                        wanted.append((function.name, _number(function), str(path)))
    return frozenset(found)


def _given(node: ast.AST, name: str, place: int | None) -> Iterator[ast.expr]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and _name(call.func) == name:
            given = _argument(call, place)
            if given is not None:
                yield given


def _passes_on(node: ast.AST, given: ast.expr) -> TypeGuard[_Functions]:
    """Whether the code is a parameter of the function, so that its callers choose it."""
    names = {_name(each) for each in ast.walk(given) if isinstance(each, ast.Name)}
    if not isinstance(node, _Functions) or _PARAMETER not in names:
        return False
    return _PARAMETER in {each.arg for each in node.args.args}


def codes_in_tuples(first: str) -> frozenset[str]:
    """The second part of every tuple that begins with a member of this class, such as `HTTPStatus`."""
    return frozenset(
        part.value
        for path in _modules(first)
        for node in _nodes(path)
        if isinstance(node, ast.Tuple) and len(node.elts) > 1
        for head, part in [node.elts[:2]]
        if isinstance(head, ast.Attribute) and _name(head.value) == first
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def codes_before_words(file: str) -> frozenset[str]:
    """The first part of every tuple of a code and of words that a function of this file returns."""
    returned = (
        node.value if isinstance(node, ast.Return) else node.body
        for node in _nodes(SOURCE / file)
        if isinstance(node, ast.Return | ast.Lambda)
    )
    return frozenset(
        value.elts[0].value
        for each in returned
        if each is not None
        for value in ast.walk(each)
        if isinstance(value, ast.Tuple) and value.elts and isinstance(value.elts[0], ast.Constant)
        if isinstance(value.elts[0].value, str)
    )


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _place_of_the_code(name: str) -> int | None:
    """The number of the parameter `code`; None of a class whose members are given by name."""
    for path in _modules(name):
        for node in _nodes(path):
            if isinstance(node, ast.ClassDef) and node.name == name:
                inits = [each for each in node.body if isinstance(each, _Functions) and each.name == "__init__"]
                return _number(inits[0]) if inits else None
            if isinstance(node, _Functions) and node.name == name:
                return _number(node)
    raise LookupError(name)


def _number(function: _Functions) -> int:
    """The number of the parameter among those of a call: `self` is not counted."""
    return [each.arg for each in function.args.args if each.arg != "self"].index(_PARAMETER)


def _argument(call: ast.Call, place: int | None) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == _PARAMETER:
            return keyword.value
    return call.args[place] if place is not None and len(call.args) > place else None


def _texts(value: ast.expr, path: Path, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every text that an expression can be, from the constants, variables and functions that it names."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Attribute(value=ast.Name(id="StopReason"), attr=member) if member in StopReason.__members__:
            yield StopReason[member].value
        case ast.Attribute(value=ast.Attribute(attr="reason"), attr="value"):
            yield from (reason.value for reason in StopReason if reason is not StopReason.CANCELLED)
        case ast.Name(id=name):
            for each in _meanings(name, path) if name not in seen else ():
                yield from _texts(each, path, seen | {name})
        case _:
            for each in _parts(value):
                yield from _texts(each, path, seen)


def _parts(value: ast.expr) -> Sequence[ast.expr]:
    """The expressions of which one becomes the value of this one."""
    match value:
        case ast.IfExp():
            return [value.body, value.orelse]
        case ast.BoolOp() | ast.Dict():
            return value.values
        case ast.DictComp():
            return [value.value]
        case ast.Call(func=ast.Name(id="str"), args=[only]):
            return [only]
        case ast.Call(func=owner) | ast.Subscript(value=owner) | ast.Attribute(value=owner):
            return [owner]
        case _:
            return []


def _meanings(name: str, path: Path) -> Iterator[ast.expr]:
    """What a variable is set to, or a function returns, in this module; of a constant, in any."""
    for each in _modules(name) if name.isupper() else [path]:
        yield from _meanings_in(each).get(name, ())


@cache
def _meanings_in(path: Path) -> Mapping[str, Sequence[ast.expr]]:
    found = defaultdict[str, list[ast.expr]](list)
    for node in _nodes(path):
        for name, value in _named_by(node):
            found[name].append(value)
    return found


def _named_by(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement gives a value, with the value."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=elements)], value=ast.Tuple(elts=values)):
            yield from ((name, value) for each, value in zip(elements, values, strict=True) if (name := _name(each)))
        case ast.Assign(targets=targets):
            yield from ((name, node.value) for each in targets if (name := _name(each)))
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name, value
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield from ((name, each.value) for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)
        case _:
            pass
