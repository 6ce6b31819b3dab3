"""The one way in for new jobs, by `generate`, a batch or a retry. Pure of HTTP.

Two steps, because a repeat under an idempotency key is answered between them: `check` asks what the caller may
request, `admit` what the service takes at this moment.
"""

import asyncio
from collections.abc import Iterator, Sequence

from imagegen.api.limits import limit_faults, size_fault
from imagegen.api.webhook_urls import webhook_fault
from imagegen.errors import Fault, InvalidInput
from imagegen.inputs import picture_faults, with_pictures_kept
from imagegen.jobs import Job, JsonObject
from imagegen.keys import Caller
from imagegen.registry import MOST_FAULTS, EstimateRequest, Model, faults_of_request, given
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
    faults = service_faults(job.inputs, job.webhook_url, settings)
    if faults:
        raise InvalidInput(faults)


def service_faults(inputs: JsonObject, webhook_url: str | None, settings: Settings) -> list[Fault]:
    """What the service itself refuses of a request that its model takes."""
    faults = list(limit_faults(inputs, settings.limits))
    if webhook_url is not None and (fault := webhook_fault(webhook_url, settings)):
        faults.append(fault)
    return faults


async def planning_faults(model: Model, request: EstimateRequest, services: Services) -> Sequence[Fault]:
    """All that `generate` would refuse of a request that is only planned, as the service is now."""
    inputs, options = given(request.inputs), given(request.options)
    addresses = model.picture_addresses(inputs, options)
    return [
        *model.refused_when_generating(request),
        *service_faults(inputs, request.webhook_url, services.settings),
        *await picture_faults(addresses, request.user_id, services),
    ]


async def admit(jobs: Sequence[Job], services: Services) -> Sequence[Job]:
    """Admit new jobs that passed `check`: all of them, or none.

    Returns:
        The jobs, to be stored: the pictures that they bring along are kept in the bucket, and referred to.

    Raises:
        InvalidInput: with every fault of the pictures, and what is too large to be kept; those of a batch are named by
            the number of the request.
        ObjectStoreUnavailable: nothing was accepted.
        SubmittingPaused: nothing was accepted, because fal refuses the account.
    """
    await services.account.require()
    kept: list[Job] = []
    faults: list[Fault] = []
    for start in range(0, len(jobs), _AT_A_TIME):
        part = jobs[start : start + _AT_A_TIME]
        outcomes = await asyncio.gather(*(with_pictures_kept(job, services) for job in part), return_exceptions=True)
        for number, outcome in enumerate(outcomes, start):
            match outcome:
                case Job() if (fault := size_fault(outcome.inputs)) is not None:
                    faults += _faults_of(outcome, number, InvalidInput([fault]))
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
