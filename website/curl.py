"""A curl example of the API's page, as Python and as JavaScript."""

import json
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from tests.support.pages import Typed

_WIDTH: Final = 100
_SECONDS: Final = 660  # longer than the service waits


def python(request: Typed) -> str:
    """The request with httpx; prints the status and the body."""
    options = list[str]()
    if request.headers and not request.data:
        options.append(f"headers={_value(dict(request.headers), 'python')}")
    if request.data:
        options += _python_body(request)
    if request.form:
        files, texts = _parts(request)
        entries = ", ".join(f'{_quoted(name)}: open({_quoted(path)}, "rb")' for name, path in files.items())
        options += [f"data={_value(dict(texts), 'python')}", f"files={{{entries}}}"]
    options.append(f"timeout={_SECONDS}")
    call = _call(f"httpx.{request.method.lower()}", [_quoted(request.url), *options], indent=4)
    return f"import httpx\n\nanswer = {call}\nprint(answer.status_code, answer.text)\n"


def javascript(request: Typed) -> str:
    """The request with fetch; prints the status and the body."""
    options = [f"method: {_quoted(request.method)}"] if request.method != "GET" else []
    head = ""
    if request.headers:
        options.append(f"headers: {_value(dict(request.headers), 'js')}")
    if request.data:
        options.append(f"body: JSON.stringify({_value(json.loads(request.data), 'js', 2)})")
    if request.form:
        head = _javascript_form(request)
        options.append("body: form")
    options.append('redirect: "manual"')
    given = f"{{\n{''.join(f'  {option},{chr(10)}' for option in options)}}}"
    call = f"const answer = await fetch({_quoted(request.url)}, {given});"
    return f"{head}{call}\nconsole.log(answer.status, await answer.text());\n"


def _python_body(request: Typed) -> list[str]:
    headers = {name: value for name, value in request.headers.items() if name != "Content-Type"}
    body = f"json={_value(json.loads(request.data or ''), 'python', 4)}"
    return [f"headers={_value(dict(headers), 'python')}", body] if headers else [body]


def _javascript_form(request: Typed) -> str:
    files, texts = _parts(request)
    lines = ['import { openAsBlob } from "node:fs";\n\nconst form = new FormData();\n']
    lines += [f"form.append({_quoted(name)}, {_quoted(text)});\n" for name, text in texts.items()]
    lines += [
        f"form.append({_quoted(name)}, await openAsBlob({_quoted(path)}), {_quoted(path)});\n"
        for name, path in files.items()
    ]
    return "".join(lines)


def _parts(request: Typed) -> tuple[dict[str, str], dict[str, str]]:
    """The files and the texts of a form."""
    files = {name: text[1:] for name, text in request.form.items() if text.startswith("@")}
    return files, {name: text for name, text in request.form.items() if name not in files}


def _call(function: str, arguments: Sequence[str], indent: int) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    space = " " * indent
    return f"{function}(\n{''.join(f'{space}{argument},{chr(10)}' for argument in arguments)})"


def _value(value: JsonValue, language: str, indent: int = 0) -> str:
    """A JSON value as a literal: on one line if it fits, else an item a line."""
    line = _on_one_line(value, language)
    if len(line) + indent <= _WIDTH - 10 or not isinstance(value, (dict, list)):
        return line
    step = 4 if language == "python" else 2
    inner, outer = " " * (indent + step), " " * indent
    if isinstance(value, list):
        items = [_value(item, language, indent + step) for item in value]
        return f"[\n{''.join(f'{inner}{item},{chr(10)}' for item in items)}{outer}]"
    members = [f"{_quoted(name)}: {_value(item, language, indent + step)}" for name, item in value.items()]
    return f"{{\n{''.join(f'{inner}{member},{chr(10)}' for member in members)}{outer}}}"


def _on_one_line(value: JsonValue, language: str) -> str:
    match value:
        case dict():
            return (
                f"{{{', '.join(f'{_quoted(name)}: {_on_one_line(item, language)}' for name, item in value.items())}}}"
            )
        case list():
            return f"[{', '.join(_on_one_line(item, language) for item in value)}]"
        case bool() | None if language == "python":
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
