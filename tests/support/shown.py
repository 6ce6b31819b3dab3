"""Compares responses on the pages with the real ones; … stands for an omission."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import JsonValue

from tests.support.pages import JOB_ID, Block

ELLIPSIS: Final = "…"
# Members whose values differ in every run; their types do not.
_VARYING: Final = {
    "jobId",
    "batchId",
    "retryOf",
    "url",
    "permalink",
    "link",
    "key",
    "sizeBytes",
    "sha256",
    "requestId",
    "cancelRequestedAt",
    "createdAt",
    "startedAt",
    "completedAt",
    "nextCursor",
    "seed",
    "inference",
}
# A job that was just accepted: it runs already unless it must wait for others.
_UNFINISHED: Final = {"queued", "running"}
# Sums depend on what else has run, and so do all figures in them.
_SUMS: Final = ("/total/", "/rows/")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as a page shows it; the body as text."""

    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def answer_in(block: Block) -> Answer:
    """The response in a block: a JSON body, or a status line, headers and perhaps a body."""
    if block.language == "json":
        return Answer(block.text)
    head, _, body = block.text.partition("\n\n")
    status, *headers = head.splitlines()
    return Answer(body, int(status.split()[1]), dict(line.split(": ", 1) for line in headers))


def untruths(shown: Answer, real: httpx.Response, job_id: str) -> Iterator[str]:
    """What is shown and not true. The job's id stands for every id on the page."""
    content: JsonValue = real.json() if "json" in real.headers.get("content-type", "") else None
    made = (content.get("jobId") or content.get("batchId")) if isinstance(content, dict) else None
    its_id = str(made or job_id)
    if real.status_code != shown.status:
        yield f"status {real.status_code}: {real.text}"
    for name, value in shown.headers.items():
        if not reads_as(JOB_ID.sub(its_id, value), real.headers.get(name, "")):
            yield f"{name}: {real.headers.get(name)}"
    body = JOB_ID.sub(its_id, shown.body)
    if content is not None:
        yield from differences(json.loads(body), content)
    elif real.headers.get("content-type", "").startswith("image/"):
        return  # no page shows an image's bytes
    elif not reads_as(body.strip(), real.text.replace("\r\n", "\n").strip()):
        yield f"body: {real.text}"


def differences(shown: JsonValue, real: JsonValue, place: str = "") -> Iterator[str]:
    """Differences between a shown value and the real one."""
    if isinstance(shown, dict) and isinstance(real, dict):
        names = shown.keys() - {ELLIPSIS}
        unshown = set[str]() if ELLIPSIS in shown else real.keys() - names
        if lonely := sorted(unshown | (names - real.keys())):
            yield f"{place}: {lonely} on one side only"
        for name in names & real.keys():
            yield from differences(shown[name], real[name], f"{place}/{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        items = [item for item in shown if item != ELLIPSIS]
        if len(items) > len(real) or (len(items) < len(real) and ELLIPSIS not in shown):
            yield f"{place}: {len(items)} shown, {len(real)} real"
        for number, (item, other) in enumerate(zip(items, real, strict=False)):
            yield from differences(item, other, f"{place}/{number}")
    elif not _leaves_agree(shown, real, place):
        yield f"{place}: {shown!r} shown, {real!r} real"


def reads_as(shown: str, real: str) -> bool:
    """Whether the text is as shown."""
    return re.fullmatch(".*".join(map(re.escape, shown.split(ELLIPSIS))), real, re.DOTALL) is not None


def _leaves_agree(shown: JsonValue, real: JsonValue, place: str) -> bool:
    if place.rpartition("/")[2] in _VARYING:
        return shown is None or real is None or type(shown) is type(real)
    if place == "/status" and shown in _UNFINISHED:
        return real in _UNFINISHED
    if isinstance(shown, str) and isinstance(real, str):
        return reads_as(shown, real)
    if place.startswith(_SUMS) and shown is not None and real is not None:
        return isinstance(shown, (int, float)) == isinstance(real, (int, float))
    return shown == real
