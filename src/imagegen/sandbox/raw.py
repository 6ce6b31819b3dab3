"""Answers that are written to the connection byte by byte, so that they may be anything."""

import json
from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from imagegen.sandbox.connection import gone, transport_of
from imagegen.sandbox.faults import AnyAnswer, Framing

_MEBIBYTE: Final = 2**20
_CHUNKED: Final[frozenset[Framing]] = frozenset({"chunked", "unfinished", "broken_chunks"})


class RawAnswer(Response):
    """Sends what the plan dictates, then ends the connection.

    Args:
        plan: the answer.
        request_id: the request's.
    """

    def __init__(self, plan: AnyAnswer, request_id: str) -> None:
        super().__init__()
        self._data = written(plan, request_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's own form
        """Write, end the connection once all was taken, and wait until the server has noticed."""
        transport = transport_of(scope)
        transport.write(self._data)
        transport.close()
        await gone(receive)


def written(plan: AnyAnswer, request_id: str) -> bytes:
    """The answer's bytes."""
    body = _body(plan)
    return (
        _framed(body, plan) if plan.framing == "no_head" else _head(plan, len(body), request_id) + _framed(body, plan)
    )


def _body(plan: AnyAnswer) -> bytes:
    padding = " " * (plan.mebibytes * _MEBIBYTE)
    if plan.base64 is not None:
        return plan.base64 + padding.encode()
    if plan.body is None or isinstance(plan.body, str):
        return (plan.body or "").encode(errors="replace") + padding.encode()
    if isinstance(plan.body, dict) and padding:
        return json.dumps({**plan.body, "padding": padding}).encode()
    return json.dumps(plan.body).encode() + padding.encode()


def _head(plan: AnyAnswer, length: int, request_id: str) -> bytes:
    headers = {name.lower(): value for name, value in _own_headers(plan, length, request_id).items()}
    headers |= {name.lower(): value for name, value in plan.headers.items()}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {plan.status} {_phrase(plan.status)}\r\n{''.join(lines)}\r\n".encode("latin-1", "replace")


def _own_headers(plan: AnyAnswer, length: int, request_id: str) -> dict[str, str]:
    is_text = plan.base64 is None and isinstance(plan.body, str)
    headers = {"content-type": "text/plain; charset=utf-8" if is_text else "application/json", "connection": "close"}
    if plan.framing in _CHUNKED:
        headers["transfer-encoding"] = "chunked"
    elif plan.framing != "until_close":
        headers["content-length"] = str(length + (plan.framing == "short"))
    return headers | ({"x-fal-request-id": request_id} if plan.request_id else {})


def _framed(body: bytes, plan: AnyAnswer) -> bytes:
    kept = body[: int(len(body) * plan.keep)]
    match plan.framing:
        case "chunked":
            return _chunk(body) + b"0\r\n\r\n"
        case "unfinished":
            return _chunk(kept)
        case "broken_chunks":
            return _chunk(kept) + b"no size\r\n" + body[len(kept) :]
        case "short":
            return kept
        case _:
            return body


def _chunk(data: bytes) -> bytes:
    """One chunk; nothing for no data, which would be the last chunk."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n" if data else b""


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unheard Of"
