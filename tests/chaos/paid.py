"""Compares what fal was paid for with the jobs: each request has its job, and each job at most one request."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from tests.chaos.findings import Finding
from tests.chaos.records import Document, Paid, Records

_OK: Final = 200
# Ends after which fal may be paid although there is no image: fal's own word, or bytes that are not an image.
_RIGHTFUL: Final = frozenset({"not_a_picture"})
# The same for a job whose images could not be stored, once its caller does not want them any more.
_TOO_LATE: Final = "deadline_exceeded"


def paid_twice(records: Records) -> Iterator[Finding]:
    """More requests at fal than jobs, more jobs than were requested, requests with two jobs."""
    jobs, asked = _jobs_by_token(records), defaultdict[str, list[str]](list)
    for document in records.documents:
        asked[document.retry_of or document.token].append(document.id)
    for token, paid in _paid_by_token(records).items():
        if len(paid) > max(1, len(jobs[token])):
            yield Finding("paid twice", token, f"fal has {[each.request_id for each in paid]}")
    for request_id, owners in _owners(records).items():
        if len(owners) > 1:
            others = [each.id for each in owners[1:]]
            yield Finding("paid twice", owners[0].id, f"shares the request {request_id} with {others}")
    for wish, made in asked.items():
        if len(made) > 1:
            yield Finding("paid twice", wish, f"became the jobs {made}")


def paid_for_nothing(records: Records) -> Iterator[Finding]:
    """Requests at fal that no job knows, and images that fal generated and the job does not have."""
    jobs, owners = _jobs_by_token(records), _owners(records)
    for paid in records.paid:
        of_this_wish, (job, *_) = jobs[paid.token], owners.get(paid.request_id, [None])
        if not of_this_wish:
            yield Finding("lost", paid.token, f"fal has {paid.request_id}, and there is no such job")
        elif job is None:
            if not paid.was_lied_about and not any(each.is_unknown for each in of_this_wish):
                ends = [each.why for each in of_this_wish]
                yield Finding("lost", paid.token, f"fal has {paid.request_id}, which no job knows: {ends}")
        elif job.token != paid.token:
            yield Finding("lost", job.id, f"has {paid.request_id}, the request of {paid.token}")
        elif paid.result_status == _OK and job.status in {"failed", "cancelled"} and not _ended_rightfully(job, paid):
            yield Finding("lost", job.id, f"fal made the images of {paid.request_id}, and the job is {job.why}")


def unknown(records: Records) -> Iterator[Finding]:
    """Jobs that ended without their request although fal has it. Without a request at fal, that end is correct."""
    unowned = _unowned_tokens(records)
    for job in records.documents:
        if job.is_unknown and job.token in unowned:
            yield Finding("unknown", job.id, f"is {job.why}, and fal has its request")


def never_sent(records: Records) -> int:
    """The number of jobs that ended with an unknown outcome, and whose request fal never had: killed before the POST.

    No promise is broken, but such a job is lost work. How many there are for each kill shows how long the time between
    the intent and the POST is.
    """
    unowned = _unowned_tokens(records)
    return sum(job.is_final and job.is_unknown and job.token not in unowned for job in records.documents)


def over_the_bound(records: Records, bound: int | None) -> Iterator[Finding]:
    """Moments with more open requests at fal than FAL_CONCURRENCY allows."""
    most = most_at_once(records.paid)
    if bound is not None and most > bound:
        yield Finding("over the bound", f"{most} requests", f"were open at fal at once, and {bound} are allowed")


def most_at_once(paid: Sequence[Paid]) -> int:
    """The largest number of requests that fal had accepted and not finished at one moment.

    A request that fal reported as not accepted, or as ended, holds no slot.
    """
    open_ones = [each for each in paid if not each.was_lied_about]
    moments = [(each.submitted_at, 1) for each in open_ones]
    moments += [(each.completed_at, -1) for each in open_ones if each.completed_at is not None]
    return max(accumulate(change for _, change in sorted(moments)), default=0)


def _ended_rightfully(job: Document, paid: Paid) -> bool:
    code = job.error.code if job.error else None
    is_unwanted = job.status == "cancelled" or code == _TOO_LATE
    return paid.was_lied_about or code in _RIGHTFUL or (is_unwanted and job.transfer.attempts > 0)


def _unowned_tokens(records: Records) -> frozenset[str]:
    """The tokens of the requests at fal that no job knows."""
    owners = _owners(records)
    return frozenset(paid.token for paid in records.paid if paid.request_id not in owners)


def _owners(records: Records) -> Mapping[str, Sequence[Document]]:
    """The jobs that know a request, by its id."""
    owners: defaultdict[str, list[Document]] = defaultdict(list)
    for document in records.documents:
        if document.submission.request is not None:
            owners[document.submission.request.request_id].append(document)
    return dict(owners)


def _jobs_by_token(records: Records) -> Mapping[str, Sequence[Document]]:
    jobs: defaultdict[str, list[Document]] = defaultdict(list)
    for document in records.documents:
        jobs[document.token].append(document)
    return jobs


def _paid_by_token(records: Records) -> Mapping[str, Sequence[Paid]]:
    groups: defaultdict[str, list[Paid]] = defaultdict(list)
    for each in records.paid:
        groups[each.token].append(each)
    return groups
