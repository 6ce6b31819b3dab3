"""Responses written to the connection as raw bytes, so that they can be anything."""

import json
from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from imagegen.sandbox.connection import transport_of, wait_for_disconnect
from imagegen.sandbox.faults import AnyAnswer, Framing

_MEBIBYTE: Final = 2**20
_CHUNKED: Final[frozenset[Framing]] = frozenset({"chunked", "unfinished", "broken_chunks"})


class RawResponse(Response):
    """Sends exactly what the fault says, then ends the connection."""

    def __init__(self, plan: AnyAnswer, request_id: str) -> None:
        super().__init__()
        self._data = render_response(plan, request_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # the signature is ASGI's
        """Write the bytes, end the connection once all are sent, and wait until the server has noticed."""
        transport = transport_of(scope)
        transport.write(self._data)
        transport.close()
        await wait_for_disconnect(receive)


def render_response(plan: AnyAnswer, request_id: str) -> bytes:
    """The bytes of the response."""
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
    """One chunk. No data gives nothing, because an empty chunk would be the last one."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n" if data else b""


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unheard Of"
