"""Draws what a fal can answer: any status, any body, any headers, framed in any way, for a while or for ever.

A case is one job: the answers that its request meets, and what its caller does meanwhile.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

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


def _said_with(status: int, body: Any) -> Json:
    return {"status": status, "body": body}


_EXAMPLES: Final = (
    _said_with(503, {"detail": "CUDA error: out of memory"}),
    _said_with(502, {"detail": WORDS}),
    _said_with(504, {"detail": WORDS, "error_type": "generation_timeout"}),
    _said_with(503, {"detail": [{"loc": [], "msg": WORDS, "type": "downstream_service_unavailable"}]}),
    _said_with(403, {"detail": WORDS}),
    _said_with(403, {"detail": "User is locked. Reason: TOP_UP."}),
    _said_with(
        403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."}
    ),
    _said_with(401, {"detail": "invalid key credentials"}),
    _said_with(402, {"detail": "Payment required"}),
    _said_with(404, {"detail": "LoRA not found"}),
    _said_with(404, {"status": "NOT_FOUND"}),
    _said_with(404, {"error": "Error", "message": "Path /quality not found"}),
    _said_with(400, {"detail": "Request is still in progress"}),
    _said_with(400, {"status": "ALREADY_COMPLETED"}),
    _said_with(
        429, {"detail": "Reached concurrent requests limit of 20", "type": "concurrent_requests_limit", "data": {}}
    ),
    _said_with(500, "Internal Server Error"),
    _said_with(500, f"<html><body><h1>{WORDS}</h1></body></html>"),
    _said_with(500, {"error": WORDS}),
    _said_with(500, {"error": {"message": WORDS, "code": 7}}),
    _said_with(500, {"detail": []}),
    _said_with(500, None),
    _said_with(201, {"images": []}),
    _said_with(200, [1, 2]),
    _said_with(200, "null"),
    _said_with(200, {"images": [], "description": "I cannot create that."}),
    _said_with(200, {"error": "Face not found in the image"}),
    _said_with(200, {"detail": [{"loc": ["body", "prompt"], "msg": WORDS, "type": "content_policy_violation"}]}),
    _said_with(200, {"images": [{"url": "https://elsewhere.example/a.png"}]}),
    _said_with(200, {"images": [{"url": "data:image/png;base64,AAAA"}]}),
    _said_with(200, {"images": {"url": 7}, "image": [None]}),
    _said_with(200, {"status": "FAILED"}),
    _said_with(200, {"status": "COMPLETED", "error": WORDS, "error_type": "internal_error"}),
    _said_with(202, {"status": "IN_PROGRESS", "logs": [{"message": 7}, None]}),
    _said_with(202, {"status": "IN_QUEUE", "queue_position": "3"}),
    _said_with(202, {"status": "COMPLETED"}),
    _said_with(499, {"detail": "Request was cancelled by the client", "error_type": "client_cancelled"}),
    _said_with(
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
    """One job's fate.

    Attributes:
        answers: faults of the sandbox.
        cancel_after: seconds until its caller wants it cancelled; None if never.
        deadline: its deadlineSeconds, if it has one.
    """

    answers: tuple[Json, ...]
    cancel_after: float | None = None
    deadline: int | None = None

    @property
    def may_pause_others(self) -> bool:
        """Whether fal may refuse the account at its submit, so that nothing else is submitted for a while either."""
        return any("submit" in answer["on"] and answer["status"] in _ABOUT_ACCOUNTS for answer in self.answers)

    def plan(self, prompt: str) -> list[Json]:
        """The faults for the request with this prompt."""
        return [{"fault": "any_answer", "prompt": prompt, **answer} for answer in self.answers]

    def __str__(self) -> str:
        shown = json.dumps(self.answers)
        caller = f"cancelled after {self.cancel_after} s, deadline {self.deadline} s"
        return f"{caller}, answers: {shown if len(shown) < 4_000 else shown[:4_000] + '…'}"


_text = st.text(st.characters(codec="utf-8"), max_size=40)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=6,
)
_said = st.sampled_from([WORDS, "", " ", "still in progress", "nginx"]) | _text
_fault = st.fixed_dictionaries(
    {},
    optional={
        "loc": st.lists(st.sampled_from(["body", "prompt", "output", 0]), max_size=3) | _json,
        "msg": _said | _json,
        "type": st.sampled_from(_TYPES) | _json,
        "ctx": _json,
    },
)
_known_members = st.fixed_dictionaries(
    {},
    optional={
        "detail": _said | _fault | st.lists(_fault | _said, max_size=3) | _json,
        "error": _said | st.fixed_dictionaries({"message": _said}) | _json,
        "error_type": st.sampled_from(_TYPES) | _json,
        "message": _said | _json,
        "type": st.sampled_from(_TYPES),
        "status": st.sampled_from(["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "completed", 7]) | _json,
        "queue_position": _json,
        "logs": _json,
        "request_id": st.sampled_from(["", "../..", "r-1"]) | _json,
        "status_url": st.sampled_from(["https://elsewhere.example/s", "/x", "http://[::1"]) | _json,
        "images": st.lists(st.fixed_dictionaries({"url": _text}), max_size=2) | _json,
        "image": _json,
        "seed": _json,
        "prompt": _said,
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
    _said.map(lambda text: {"body": text}),
)
_drawn = st.tuples(_statuses | st.integers(100, 599), _contents).map(lambda drawn: {"status": drawn[0], **drawn[1]})
_told = st.sampled_from(_EXAMPLES)
_framings = st.sampled_from(
    ["length"] * 8 + ["chunked", "until_close", "short", "unfinished", "broken_chunks", "no_head"]
)
_calls = st.sampled_from(
    [["submit"], ["status"], ["stream"], ["status", "stream"], ["result"], ["result"], ALL_READS, ["cancel"]]
)


@st.composite
def _answers(draw: st.DrawFn) -> Json:
    """One fault; rarely one of 20 MB, and then only a few times."""
    answer = draw(st.one_of(_told, _drawn))
    has_id = draw(st.booleans())
    is_huge = draw(st.integers(0, 149)) == 57  # hypothesis often draws bounds
    return answer | {
        "on": draw(_calls),
        "headers": dict(draw(st.sampled_from(_HEADERS))) if draw(st.booleans()) else {},
        "framing": draw(_framings),
        "keep": draw(st.sampled_from([0, 0.5, 1])),
        "request_id": has_id,
        # A 429 without a request id says that there is no request: the one answer that a submit is repeated after.
        "accepted": draw(st.booleans()) and (has_id or answer["status"] != _TOO_MANY),
        "mebibytes": 20 if is_huge else 0,
        "times": draw(st.sampled_from([1, 2])) if is_huge else draw(st.sampled_from([None, None, 1, 2, 5])),
        "after": draw(st.sampled_from([0, 0, 0, 1, 2])),
    }


CASES: Final[st.SearchStrategy[Case]] = st.builds(
    Case,
    st.lists(_answers(), min_size=1, max_size=4).map(tuple),
    cancel_after=st.sampled_from([None, None, 0, 0.5, 2]),
    deadline=st.sampled_from([None, None, None, 1, 3]),
)
EXAMPLES: Final = tuple(
    Case(({**example, "on": on, "request_id": has_id},))
    for example in _EXAMPLES
    for on, has_id in ((["submit"], False), (["status", "stream"], False), (["result"], False), (["result"], True))
)
