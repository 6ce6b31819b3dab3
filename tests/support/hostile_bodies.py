"""Bodies that are as expensive as possible: as large as their operation allows, of every kind that is hard to parse."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image

GENERATE: Final = "/api/images/generate"
ESTIMATE: Final = "/api/images/estimate-cost"
BATCH: Final = "/api/images/batch"
UPLOADS: Final = "/api/uploads"
_MIB: Final = 2**20
_ASYNC: Final = {"Prefer": "respond-async"}
_USER: Final = b'"userId":"u",'
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Body:
    """A body and where it goes. `uris`: how many of its bytes are data URIs."""

    name: str
    path: str
    content: bytes
    content_type: str = _JSON
    uris: int = 0
    headers: Mapping[str, str] | None = None


def hostile_bodies() -> Iterator[Body]:
    """All bodies, one at a time, because together they are a gigabyte."""
    for path, size in ((GENERATE, _MIB), (ESTIMATE, _MIB), (BATCH, 4 * _MIB)):
        for name, content in _json_of(size, path):
            yield Body(f"{path} {name}", path, content.replace(_USER, b"") if path == ESTIMATE else content)
    for size in (9 * _MIB, 20 * _MIB):
        yield Body(f"{size} bytes of names", ESTIMATE, _names(size, b'{"model":"flux-pro","inputs":{', b"}}"))
        yield Body(f"{size} bytes of prompt", GENERATE, _request(b'"' + b"a fox, " * (size // 7) + b'"'))
        yield Body(
            f"{size} bytes of text in a batch", BATCH, b'{"userId":"u","requests":["' + b"x," * (size // 2) + b'"]}'
        )
    yield from _batches()
    yield from _pictures()
    yield from _forms()


def _json_of(size: int, path: str) -> Iterator[tuple[str, bytes]]:
    """Every kind of JSON in so many bytes."""
    size -= 200
    head, tail = (b'{"userId":"u","requests":[', b"]}") if path == BATCH else (b"", b"")
    for model, inputs in (("flux-pro", "inputs"), ("flux-lora", "options"), ("nobody", "inputs")):
        start = head + f'{{"model":"{model}","userId":"u","inputs":{{"prompt":"x"}},"{inputs}":{{'.encode()
        yield f"unknown names in {inputs} of {model}", _names(size, start, b"}}" + tail)
        yield f"as many unknown names in {inputs} of {model} as are read", _names(100_000, start, b"}}" + tail)
    yield "unknown names at the top", _names(size, head + b'{"model":"flux-pro",', b"}" + tail)
    yield "few and near names", head + _near_names(9000) + tail
    yield "one endless name", head + _request(b'"x","' + b"n" * size + b'":1') + tail
    yield "one endless model", head + b'{"model":"' + b"m" * size + b'"}' + tail
    yield (
        "one endless userId",
        head + b'{"model":"flux-pro","inputs":{"prompt":"x"},"userId":"' + b"u" * size + b'"}' + tail,
    )
    yield "numbers", head + _request(b"[" + b",".join([b"0"] * (size // 2)) + b"]") + tail
    yield "few numbers", head + _request(b"[" + b",".join([b"0"] * 9000) + b"]") + tail
    yield "empty objects", head + _request(b"[" + b",".join([b"{}"] * (size // 3)) + b"]") + tail
    yield "empty strings", head + _request(b"[" + b",".join([b'""'] * (size // 3)) + b"]") + tail
    yield "deep lists", head + _request(b"[" * (size // 2) + b"]" * (size // 2)) + tail
    yield "lists without an end", b"[" * size
    yield "quotation marks", b'"' * size
    yield "backslashes", b'["' + b"\\" * size
    yield "escaped quotation marks", head + _request(b'"' + b'\\"' * (size // 2) + b'"') + tail
    yield "escaped letters", head + _request(b'"' + b"\\u00e9" * (size // 6) + b'"') + tail
    yield "letters beyond the first plane", head + _request(b'"' + "\U0001f600".encode() * (size // 4) + b'"') + tail
    yield "half surrogate pairs", head + _request(b'"' + b"\\ud800" * (size // 6) + b'"') + tail
    yield "long integers", head + _request(b"[" + b",".join([b"9" * 4299] * (size // 4300)) + b"]") + tail
    yield "one endless integer", head + _request(b"9" * size) + tail
    yield "one endless fraction", head + _request(b"0." + b"1" * size) + tail
    yield "infinite numbers", head + _request(b"[" + b",".join([b"1e999999"] * 9000) + b"]") + tail
    yield "the same member", _names(size, head + b'{"model":"flux-pro",', b"}" + tail, same=True)
    yield "few times the same member", _names(100_000, head + b'{"model":"flux-pro",', b"}" + tail, same=True)
    yield "nothing but spaces", b" " * size
    yield "no UTF-8", b'{"model":"' + b"\xff" * size + b'"}'
    yield "loras", head + _loras(size, 9000) + tail
    yield "addresses", head + _addresses(size // 20) + tail
    yield "few addresses", head + _addresses(9000) + tail
    yield "short data URIs", head + _request(b"[" + b",".join([b'"data:"'] * (size // 8)) + b"]") + tail


def _names(size: int, start: bytes, end: bytes, *, same: bool = False) -> bytes:
    count = size // 12
    members = (b'"name":0,' if same else b'"name%05x":0,' % number for number in range(count))
    return start + b"".join(members)[:-1] + end


def _near_names(count: int) -> bytes:
    near = ("promtp", "negativ_prompt", "image_urlss", "num_inference_stesp", "guidence_scale", "numimages")
    inputs = {f"{near[number % len(near)]}{number:x}": 0 for number in range(count)}
    return _json({"model": "flux-lora", "userId": "u", "inputs": inputs})


def _request(prompt: bytes) -> bytes:
    return b'{"model":"flux-pro","userId":"u","inputs":{"prompt":' + prompt + b"}}"


def _loras(size: int, count: int) -> bytes:
    loras: list[Mapping[str, object]] = [{}] * min(count, size // 3)
    return _json({"model": "flux-lora", "userId": "u", "inputs": {"prompt": "x", "loras": loras}})


def _addresses(count: int) -> bytes:
    inputs = {"prompt": "x", "image_urls": ["ftp://a.example/"] * count}
    return _json({"model": "nano-banana-edit", "userId": "u", "inputs": inputs})


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _batches() -> Iterator[Body]:
    item = {"model": "flux-pro", "inputs": {"prompt": "x"}}
    good = {"model": "flux-dev", "inputs": {"prompt": "A fox in the snow " * 100}, "options": {"num_images": 1}}
    bad = {**item, "inputs": {f"name{number}": 1 for number in range(90)}}
    for name, requests in (
        ("a thousand requests with ninety faults each", [bad] * 1000),
        ("a thousand requests of which the last is wrong", [good] * 999 + [bad]),
        ("a thousand requests of no model", [{"model": "nobody"}] * 1000),
        ("a thousand numbers", [1] * 1000),
        ("a list of numbers in the place of requests", [1] * 90_000),
        ("a thousand requests with ninety values each", [{**item, "inputs": {"prompt": "x", "seed": [0] * 90}}] * 1000),
        ("more requests than a batch takes", [item] * 9000),
    ):
        yield Body(name, BATCH, _json({"userId": "u", "requests": requests}))


def _pictures() -> Iterator[Body]:
    """Data URIs up to their limit: one, many, with escapes, and one that is not an image."""
    size = 19 * _MIB
    png = _picture(size)
    uri = b"data:image/png;base64," + base64.b64encode(png)
    for name, text in (
        ("one picture", uri),
        ("one picture with escaped slashes", uri.replace(b"/", b"\\/")),
        ("no picture", b"data:image/png;base64," + b"A" * size),
        ("no base64", b"data:image/png;base64," + b"*" * size),
        ("escapes that no data URI has", (b"data:image/png;base64," + b"\\u0041" * (size // 6))),
    ):
        body = (
            b'{"model":"nano-banana-edit","userId":"u","inputs":{"prompt":"\xf0\x9f\xa6\x8a","image_urls":["%b"]}}'
            % text
        )
        yield Body(f"{GENERATE} {name}", GENERATE, body, uris=len(text), headers=_ASYNC)
        keyed = {**_ASYNC, "Idempotency-Key": name.replace(" ", "-")}
        yield Body(f"{GENERATE} {name} with a key", GENERATE, body, uris=len(text), headers=keyed)
        yield Body(f"{ESTIMATE} {name}", ESTIMATE, body.replace(_USER, b""), uris=len(text))
        batch = b'{"userId":"u","requests":[%b]}' % body.replace(_USER, b"")
        yield Body(f"{BATCH} {name}", BATCH, batch, uris=len(text), headers=keyed)
    small = b'"data:image/png;base64,' + base64.b64encode(_picture(40_000)) + b'"'
    many = b'{"model":"nano-banana-edit","userId":"u","inputs":{"prompt":"x","image_urls":[%b]}}' % b",".join(
        [small] * 300
    )
    yield Body("300 pictures in one request", GENERATE, many, uris=len(small) * 300)


def _picture(size: int) -> bytes:
    """A PNG of about this many bytes in base64."""
    side = int((size / 4) ** 0.5)
    out = BytesIO()
    Image.effect_noise((side, side), 100).convert("RGB").save(out, "PNG", compress_level=0)
    return out.getvalue()


def _forms() -> Iterator[Body]:
    kind = "multipart/form-data; boundary=b"
    part = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n'
    for name, content in (
        ("a form of 100,000 fields", b"".join(part % b"f" + b"x\r\n" for _ in range(100_000)) + b"--b--\r\n"),
        ("a form with one endless field", part % b"userId" + b"x" * (20 * _MIB) + b"\r\n--b--\r\n"),
        ("a form with one endless name", part % (b"n" * (20 * _MIB)) + b"\r\n--b--\r\n"),
        ("a form with endless headers", b"--b\r\n" + b"X: y\r\n" * 3_000_000 + b"\r\nx\r\n--b--\r\n"),
        ("a form that is only line breaks", b"\r\n" * (10 * _MIB)),
        ("a form that is almost its boundary", b"\r\n--" * (5 * _MIB)),
        ("a form without an end", part % b"file" + b"x" * (20 * _MIB)),
    ):
        yield Body(name, UPLOADS, content[: 20 * _MIB + 16_000], kind)
