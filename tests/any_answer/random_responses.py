"""Random responses of fal: any status, body, headers and framing, a few times or always.

A case is one job: the responses that its request gets, and what its caller does meanwhile.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.support.properties import st

Json = dict[str, Any]
WORDS: Final = "The kiln is out of clay."
_TOO_MANY: Final = 429
_ABOUT_ACCOUNTS: Final = frozenset({400, 401, 402, 403, 409, 429})
ALL_READS: Final = ["status", "stream", "result"]
_TYPES: Final = (
    "content_policy_violation",
    "no_media_generated",
    "image_load_error",
    "internal_server_error",
    "generation_timeout",
    "runner_disconnected",
    "client_cancelled",
    "request_timeout",
    "bad_request",
    "a type of tomorrow",
)


def _response(status: int, body: Any) -> Json:
    return {"status": status, "body": body}


_EXAMPLES: Final = (
    _response(503, {"detail": "CUDA error: out of memory"}),
    _response(502, {"detail": WORDS}),
    _response(504, {"detail": WORDS, "error_type": "generation_timeout"}),
    _response(503, {"detail": [{"loc": [], "msg": WORDS, "type": "downstream_service_unavailable"}]}),
    _response(403, {"detail": WORDS}),
    _response(403, {"detail": "User is locked. Reason: TOP_UP."}),
    _response(
        403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."}
    ),
    _response(401, {"detail": "invalid key credentials"}),
    _response(402, {"detail": "Payment required"}),
    _response(404, {"detail": "LoRA not found"}),
    _response(404, {"status": "NOT_FOUND"}),
    _response(404, {"error": "Error", "message": "Path /quality not found"}),
    _response(400, {"detail": "Request is still in progress"}),
    _response(400, {"status": "ALREADY_COMPLETED"}),
    _response(
        429, {"detail": "Reached concurrent requests limit of 20", "type": "concurrent_requests_limit", "data": {}}
    ),
    _response(500, "Internal Server Error"),
    _response(500, f"<html><body><h1>{WORDS}</h1></body></html>"),
    _response(500, {"error": WORDS}),
    _response(500, {"error": {"message": WORDS, "code": 7}}),
    _response(500, {"detail": []}),
    _response(500, None),
    _response(201, {"images": []}),
    _response(200, [1, 2]),
    _response(200, "null"),
    _response(200, {"images": [], "description": "I cannot create that."}),
    _response(200, {"error": "Face not found in the image"}),
    _response(200, {"detail": [{"loc": ["body", "prompt"], "msg": WORDS, "type": "content_policy_violation"}]}),
    _response(200, {"images": [{"url": "https://elsewhere.example/a.png"}]}),
    _response(200, {"images": [{"url": "data:image/png;base64,AAAA"}]}),
    _response(200, {"images": {"url": 7}, "image": [None]}),
    _response(200, {"status": "FAILED"}),
    _response(200, {"status": "COMPLETED", "error": WORDS, "error_type": "internal_error"}),
    _response(202, {"status": "IN_PROGRESS", "logs": [{"message": 7}, None]}),
    _response(202, {"status": "IN_QUEUE", "queue_position": "3"}),
    _response(202, {"status": "COMPLETED"}),
    _response(499, {"detail": "Request was cancelled by the client", "error_type": "client_cancelled"}),
    _response(
        422, {"detail": [{"loc": ["body", "image_url"], "msg": WORDS, "type": "image_load_error", "ctx": {"a": [1]}}]}
    ),
)
_RAW_TEXTS: Final = (
    "NaN",
    '{"status": NaN}',
    '{"detail": ',
    '{"detail": "\\ud800"}',
    '{"detail": "a", "detail": ["b"]}',
    '{"images": [{"url": "http://[::1"}]}',
    "[" * 20_000,
    '{"detail":' * 5_000,
    "9" * 6_000,
    '{"images": [], "seed": ' + "9" * 6_000 + "}",
    "\ufeff{}",
    "\0",
    "data: what\n\n",
    'data: {"status": "IN_PROGRESS"}\n\n',
    'data: {"status": "COMPLETED"}\n\n',
    'data: {"status": "COMPLETED", "error": "x"}\n\ndata: {"status": "IN_QUEUE"}\n\n',
    ": keep-alive\n\n" * 50,
    "retry: 0\nid: 7\nevent: end\n\n",
)
_HEADERS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"x-fal-error-type": "runner_disconnected"},
    {"x-fal-error-type": "content_policy_violation"},
    {"x-fal-error-type": "\xff" * 900},
    {"x-fal-needs-retry": "1"},
    {"x-fal-needs-retry": "maybe"},
    {"x-fal-request-id": "not-of-this-request"},
    {"x-fal-billable-units": "NaN"},
    {"x-fal-billable-units": "-1e999999"},
    {"retry-after": "0"},
    {"retry-after": "-1"},
    {"retry-after": "1e9"},
    {"retry-after": "99999999999999999999"},
    {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"},
    {"retry-after": "Thu, 99 Foo 0000 99:99:99"},
    {"content-type": "text/event-stream"},
    {"content-type": "text/html; charset=klingon"},
    {"content-type": ""},
    {"content-encoding": "gzip"},
    {"content-encoding": "br, zstd, deflate"},
    {"content-encoding": "x-unheard-of"},
    {"location": "https://elsewhere.example/"},
    {"location": "/"},
    {"location": "http://[::1"},
    {"set-cookie": "a=b; Domain=.example; Max-Age=x"},
    {"x-long": "l" * 6_000},
    {"x-too-long": "l" * 20_000},
    {"transfer-encoding": "gzip, chunked"},
    {"content-length": "-1"},
    {"content-length": "abc"},
    {"content-length": "99999999999999999999"},
    {"connection": "upgrade", "upgrade": "h2c"},
)


@dataclass(frozen=True, slots=True)
class Case:
    """One job's test case.

    Attributes:
        responses: faults of the sandbox.
        cancel_after: seconds until its caller requests cancellation; None if never.
        deadline: its deadlineSeconds, if it has one.
    """

    responses: tuple[Json, ...]
    cancel_after: float | None = None
    deadline: int | None = None

    @property
    def may_pause_others(self) -> bool:
        """Whether fal may refuse the account at its submit, which pauses all other submits too."""
        return any("submit" in each["on"] and each["status"] in _ABOUT_ACCOUNTS for each in self.responses)

    def plan(self, prompt: str) -> list[Json]:
        """The faults for the request with this prompt."""
        return [{"fault": "any_answer", "prompt": prompt, **response} for response in self.responses]

    def __str__(self) -> str:
        shown = json.dumps(self.responses)
        caller = f"cancelled after {self.cancel_after} s, deadline {self.deadline} s"
        return f"{caller}, responses: {shown if len(shown) < 4_000 else shown[:4_000] + '…'}"


_text = st.text(st.characters(codec="utf-8"), max_size=40)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=6,
)
_message = st.sampled_from([WORDS, "", " ", "still in progress", "nginx"]) | _text
_fault = st.fixed_dictionaries(
    {},
    optional={
        "loc": st.lists(st.sampled_from(["body", "prompt", "output", 0]), max_size=3) | _json,
        "msg": _message | _json,
        "type": st.sampled_from(_TYPES) | _json,
        "ctx": _json,
    },
)
_known_members = st.fixed_dictionaries(
    {},
    optional={
        "detail": _message | _fault | st.lists(_fault | _message, max_size=3) | _json,
        "error": _message | st.fixed_dictionaries({"message": _message}) | _json,
        "error_type": st.sampled_from(_TYPES) | _json,
        "message": _message | _json,
        "type": st.sampled_from(_TYPES),
        "status": st.sampled_from(["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "completed", 7]) | _json,
        "queue_position": _json,
        "logs": _json,
        "request_id": st.sampled_from(["", "../..", "r-1"]) | _json,
        "status_url": st.sampled_from(["https://elsewhere.example/s", "/x", "http://[::1"]) | _json,
        "images": st.lists(st.fixed_dictionaries({"url": _text}), max_size=2) | _json,
        "image": _json,
        "seed": _json,
        "prompt": _message,
        "has_nsfw_concepts": _json,
    },
)
_statuses = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 408, 409, 422, 429, 499, 500, 502, 503, 504])
_contents = st.one_of(
    _known_members.map(lambda body: {"body": body}),
    _known_members.map(lambda body: {"body": body}),
    _json.map(lambda body: {"body": body}),
    st.sampled_from(_RAW_TEXTS).map(lambda text: {"body": text}),
    st.binary(max_size=60).map(lambda data: {"base64": b64encode(data).decode()}),
    _message.map(lambda text: {"body": text}),
)
_drawn = st.tuples(_statuses | st.integers(100, 599), _contents).map(lambda drawn: {"status": drawn[0], **drawn[1]})
_recorded = st.sampled_from(_EXAMPLES)
_framings = st.sampled_from(
    ["length"] * 8 + ["chunked", "until_close", "short", "unfinished", "broken_chunks", "no_head"]
)
_calls = st.sampled_from(
    [["submit"], ["status"], ["stream"], ["status", "stream"], ["result"], ["result"], ALL_READS, ["cancel"]]
)


@st.composite
def _responses(draw: st.DrawFn) -> Json:
    """One fault; rarely one of 20 MB, and then only a few times."""
    response = draw(st.one_of(_recorded, _drawn))
    has_id = draw(st.booleans())
    is_huge = draw(st.integers(0, 149)) == 57  # hypothesis often draws bounds
    return response | {
        "on": draw(_calls),
        "headers": dict(draw(st.sampled_from(_HEADERS))) if draw(st.booleans()) else {},
        "framing": draw(_framings),
        "keep": draw(st.sampled_from([0, 0.5, 1])),
        "request_id": has_id,
        # A 429 without a request id means that there is no request: the only response after which a submit is repeated.
        "accepted": draw(st.booleans()) and (has_id or response["status"] != _TOO_MANY),
        "mebibytes": 20 if is_huge else 0,
        "times": draw(st.sampled_from([1, 2])) if is_huge else draw(st.sampled_from([None, None, 1, 2, 5])),
        "after": draw(st.sampled_from([0, 0, 0, 1, 2])),
    }


CASES: Final[st.SearchStrategy[Case]] = st.builds(
    Case,
    st.lists(_responses(), min_size=1, max_size=4).map(tuple),
    cancel_after=st.sampled_from([None, None, 0, 0.5, 2]),
    deadline=st.sampled_from([None, None, None, 1, 3]),
)
EXAMPLES: Final = tuple(
    Case(({**example, "on": on, "request_id": has_id},))
    for example in _EXAMPLES
    for on, has_id in ((["submit"], False), (["status", "stream"], False), (["result"], False), (["result"], True))
)
