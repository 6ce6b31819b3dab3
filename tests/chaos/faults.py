"""What can go wrong at fal: entries of the sandbox's fault plans, each for a few calls.

Left out are the faults that rightly end a job although fal may be paid for it: a result that is not an image, or is too
large; a request that fal forgets; a status response that says COMPLETED; a response to the submit that names another
request. A forbidden history is left out too, because a lost request could then not be found without webhooks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Final, TypeAlias

import httpx

Fault: TypeAlias = Mapping[str, object]

LATE: Final[Sequence[Fault]] = (
    {"fault": "latency", "queue": 0.1, "generation": 0.3},
    {"fault": "latency", "queue": 0.2, "generation": 1.0},
    {"fault": "latency", "queue": 1.0, "generation": 3.0},
    {"fault": "latency", "queue": 2.0, "generation": 10.0, "times": 10},
)
# After these, the response does not tell whether fal has the request.
LOST_ANSWERS: Final[Sequence[Fault]] = (
    {"fault": "submit_drop", "when": "before_accepting", "how": "close"},
    {"fault": "submit_drop", "when": "before_accepting", "how": "reset"},
    {"fault": "submit_drop", "when": "after_accepting", "how": "close"},
    {"fault": "submit_drop", "when": "after_accepting", "how": "reset"},
    {"fault": "submit_drop", "when": "half_body"},
    {"fault": "submit_gateway_error", "status": 502, "accepted": True},
    {"fault": "submit_gateway_error", "status": 504, "accepted": True},
    {"fault": "submit_gateway_error", "status": 503, "accepted": False},
    {"fault": "submit_gateway_error", "status": 408, "accepted": True},
    {"fault": "submit_status", "status": 500, "body": "upstream error", "accepted": True},
)
LATE_ANSWERS: Final[Sequence[Fault]] = (
    {"fault": "submit_delay", "seconds": 1.0},
    {"fault": "submit_delay", "seconds": 5.0},
    {"fault": "submit_delay", "seconds": 5.0, "accepted": False},
)
REFUSED: Final[Sequence[Fault]] = (
    {"fault": "submit_status", "status": 429, "body": {"detail": "Slow down"}},
    {"fault": "submit_status", "status": 422, "body": {"detail": "No"}},
    {"fault": "model_fails"},
    {"fault": "runner_fails"},
)
READS: Final[Sequence[Fault]] = (
    {"fault": "read_status", "on": ["status", "stream", "result"], "status": 404},
    {"fault": "read_status", "on": ["status", "result"], "status": 403},
    {"fault": "read_status", "on": ["status", "result"], "status": 429},
    {"fault": "read_status", "on": ["status", "stream", "result"], "status": 503},
    {"fault": "read_drop", "on": ["status", "stream", "result"]},
    {"fault": "read_drop", "on": ["stream"], "after_events": 2},
    {"fault": "read_drop", "on": ["status", "result"], "how": "reset"},
    {"fault": "read_delay", "on": ["status", "result"], "seconds": 4.0},
)
# Not half an image with a matching length: received twice, it counts as the whole image (decision record 21).
MEDIA: Final[Sequence[Fault]] = (
    {"fault": "media_truncated", "length": "whole"},
    {"fault": "media_truncated", "length": "absent"},
    {"fault": "media_status", "status": 503},
    {"fault": "media_delay", "seconds": 4.0},
    {"fault": "media_chunked"},
    {"fault": "media_content_type", "content_type": "text/html"},
    {"fault": "billable_units_absent"},
)
WEBHOOKS: Final[Sequence[Fault]] = (
    {"fault": "webhook_missing"},
    {"fault": "webhook_doubled"},
    {"fault": "webhook_forged"},
    {"fault": "webhook_late", "seconds": 5.0},
    {"fault": "webhook_before_answer"},
)
HISTORY: Final[Sequence[Fault]] = (
    {"fault": "history_unavailable", "status": 503},
    {"fault": "history_unavailable", "status": 429},
    {"fault": "history_empty"},
    {"fault": "history_late", "seconds": 5.0},
)
CANCELS: Final[Sequence[Fault]] = (
    {"fault": "cancel_ignored"},
    {"fault": "read_drop", "on": ["cancel"]},
    {"fault": "read_status", "on": ["cancel"], "status": 503},
)
_STATUSES: Final = (200, 201, 204, 302, 400, 404, 408, 409, 418, 422, 429, 499, 500, 502, 503, 504, 599)
_BODIES: Final[Sequence[object]] = (
    None,
    "",
    "NaN",
    "{",
    "[" * 5_000,
    "Internal Server Error",
    "<html><body><center>nginx</center></body></html>",
    [],
    7,
    {},
    {"detail": []},
    {"detail": "CUDA error: out of memory"},
    {"detail": "LoRA not found"},
    {"detail": "Gone", "error_type": "runner_disconnected"},
    {"detail": [{"loc": ["body", "prompt"], "msg": "No", "type": "content_policy_violation"}]},
    {"detail": "Request is still in progress"},
    {"error": {"message": "No"}},
    {"status": "IN_QUEUE", "queue_position": "many"},
    {"status": "IN_PROGRESS", "logs": [None]},
    {"status": "FAILED"},
    {"images": [], "description": "I cannot create that."},
    {"images": [{"url": "https://elsewhere.example/a.png"}]},
)
_ANY_HEADERS: Final[Sequence[Mapping[str, str]]] = (
    {},
    {},
    {},
    {"retry-after": "soon"},
    {"content-encoding": "gzip"},
    {"content-type": "text/event-stream"},
    {"location": "https://elsewhere.example/"},
    {"x-fal-needs-retry": "1"},
    {"x-fal-error-type": "generation_timeout"},
    {"x-long": "l" * 20_000},
)
_ANY_FRAMINGS: Final = (*["length"] * 6, "chunked", "short", "unfinished", "broken_chunks", "no_head")
_ANY_CALLS: Final = (["submit"], ["status", "stream"], ["status"], ["stream"], ["result"], ["cancel"])


def _any_answer(rng: Random) -> Fault:
    """Any response, except one that says that a request has completed, or that names another request.

    A 429 without a request id truly means that there is no request, so the submit is repeated.
    """
    status, has_id = rng.choice((*_STATUSES, rng.randint(100, 599))), rng.random() < 0.5
    return {
        "fault": "any_answer",
        "on": rng.choice(_ANY_CALLS),
        "status": status,
        "body": rng.choice(_BODIES),
        "headers": rng.choice(_ANY_HEADERS),
        "framing": rng.choice(_ANY_FRAMINGS),
        "mebibytes": rng.choice((*[0] * 19, 20)),
        "request_id": has_id,
        "accepted": rng.random() < 0.5 and (has_id or status != HTTPStatus.TOO_MANY_REQUESTS),
    }


ANY_ANSWERS: Final[Sequence[Fault]] = tuple(_any_answer(Random(f"any answer {number}")) for number in range(500))
# Each family with its weight, and how many calls at most one of its faults affects in a plan.
FAMILIES: Final[Sequence[tuple[Sequence[Fault], int, int]]] = (
    (LOST_ANSWERS, 4, 6),
    (LATE_ANSWERS, 3, 4),
    (REFUSED, 2, 2),
    (READS, 4, 12),
    (MEDIA, 4, 6),
    (WEBHOOKS, 4, 12),
    (HISTORY, 2, 6),
    (CANCELS, 2, 6),
    (ANY_ANSWERS, 8, 6),
)


@dataclass(frozen=True, slots=True)
class Fal:
    """The sandbox's control endpoint, for the key of this run."""

    http: httpx.AsyncClient
    key: str

    async def misbehaves(self, faults: Sequence[Fault]) -> None:
        """Replace the planned faults by these."""
        answer = await self.http.put("/_sandbox/faults", json={"key": self.key, "faults": list(faults)})
        assert answer.is_success, answer.text

    async def ledger(self) -> Mapping[str, object]:
        """Every request of the key, as the sandbox recorded it."""
        answer = await self.http.get("/_sandbox/requests", params={"key": self.key}, timeout=60)
        return answer.raise_for_status().json()


def planned(rng: Random) -> Sequence[Fault]:
    """Draw a plan: one to three faults for a few calls each, and how long fal takes."""
    families = rng.choices(FAMILIES, [weight for _, weight, _ in FAMILIES], k=rng.randint(1, 3))
    drawn = [{**rng.choice(family), "times": rng.randint(1, most)} for family, _, most in families]
    return [*drawn, rng.choice(LATE), LATE[1]]
