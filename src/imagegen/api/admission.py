"""The one way in for new jobs, by `generate`, a batch or a retry. Pure of HTTP.

Two steps, because a repeat under an idempotency key is answered between them: `check` asks what the caller may
request, `admit` what the service takes at this moment.
"""

import asyncio
from collections.abc import Iterator, Sequence

from imagegen.api.limits import limit_faults
from imagegen.api.webhook_urls import webhook_fault
from imagegen.errors import Fault, InvalidInput
from imagegen.inputs import with_pictures_kept
from imagegen.jobs import Job
from imagegen.keys import Caller
from imagegen.registry import MOST_FAULTS, faults_of_request
from imagegen.settings import Settings
from imagegen.wiring import Services

_AT_A_TIME = 16


def check(job: Job, caller: Caller, settings: Settings) -> None:
    """Check a new job against the caller's rights and the service's own limits; nothing is stored or sent.

    Raises:
        NotAllowed: the caller may not use the model, or not act for the user.
        InvalidInput: with every fault: inputs beyond the limits, a webhook that would not be sent.
    """
    caller.demand_user(job.user_id)
    caller.demand_model(job.model)
    faults = list(limit_faults(job.inputs, settings.limits))
    if job.webhook_url is not None and (fault := webhook_fault(job.webhook_url, settings)):
        faults.append(fault)
    if faults:
        raise InvalidInput(faults)


async def admit(jobs: Sequence[Job], services: Services) -> Sequence[Job]:
    """Admit new jobs that passed `check`: all of them, or none.

    Returns:
        The jobs, to be stored: the pictures that they bring along are kept in the bucket, and referred to.

    Raises:
        InvalidInput: with every fault of the pictures; those of a batch are named by the number of the request.
        ObjectStoreUnavailable: nothing was accepted.
    """
    kept: list[Job] = []
    faults: list[Fault] = []
    for start in range(0, len(jobs), _AT_A_TIME):
        part = jobs[start : start + _AT_A_TIME]
        outcomes = await asyncio.gather(*(with_pictures_kept(job, services) for job in part), return_exceptions=True)
        for number, outcome in enumerate(outcomes, start):
            match outcome:
                case Job():
                    kept.append(outcome)
                case InvalidInput():
                    faults += _faults_of(jobs[number], number, outcome)
                case _:
                    raise outcome
    if faults:
        raise InvalidInput(faults[:MOST_FAULTS])
    return kept


def _faults_of(job: Job, number: int, error: InvalidInput) -> Iterator[Fault]:
    yield from error.faults if job.batch_id is None else faults_of_request(number, error)
