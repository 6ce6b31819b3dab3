"""The only way in for new jobs: of `generate`, of a batch, of a retry.

It has two steps, because a repeated request with an idempotency key is answered between them: `check` is about what the
caller may request, `admit` about what the service accepts at this moment.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from imagegen.clock import now
from imagegen.errors import BudgetExceeded, Fault, ImagegenError, InvalidInput, ModelRetired, RateLimited, RateState
from imagegen.jobs import Job
from imagegen.json_object import JsonObject
from imagegen.keys import Caller
from imagegen.operations.budget_admission import ReservedBudgets, reserve_as_many, reserve_budgets
from imagegen.operations.input_images import image_faults, with_stored_images
from imagegen.operations.input_limits import limit_faults, size_fault
from imagegen.operations.open_jobs import OpenJobs, require_possible, reserve_open_jobs
from imagegen.operations.rates import TakenRates, take_rates
from imagegen.operations.webhook_policy import webhook_fault
from imagegen.registry import MOST_FAULTS, EstimateRequest, Model, Registry, faults_of_request, given
from imagegen.services import Services
from imagegen.settings import Settings

_CONCURRENT_JOBS: Final = 16


def check(job: Job, caller: Caller, services: Services) -> None:
    """Check a new job against the caller's rights and the service's own limits; nothing is stored or sent.

    Raises:
        NotAllowed: the caller may not use the model, or not act for the user.
        InvalidInput: with every fault: inputs beyond the limits, a webhook that could not be sent.
    """
    caller.require_user(job.user_id)
    require_model(caller, services.registry.model(job.model))
    faults = service_faults(job.inputs, job.webhook_url, services.settings)
    if faults:
        raise InvalidInput(faults)


def require_model(caller: Caller, model: Model) -> None:
    """Raise ModelNotAllowed unless the caller may use this model."""
    caller.require_model(model.name, model.aliases, is_later_built_in=model.is_later_built_in)


def service_faults(inputs: JsonObject, webhook_url: str | None, settings: Settings) -> list[Fault]:
    """What the service itself refuses in a request that its model accepts."""
    faults = list(limit_faults(inputs, settings.limits))
    if webhook_url is not None and (fault := webhook_fault(webhook_url, settings)):
        faults.append(fault)
    return faults


def retirement(model: Model, registry: Registry) -> ModelRetired | None:
    """Why a model takes no new requests today; None if it does."""
    today = now().date()
    if model.retired is None or not model.is_retired(today):
        return None
    return ModelRetired(model.name, model.retired.since, registry.successor(model, today))


async def planning_faults(model: Model, request: EstimateRequest, services: Services) -> Sequence[Fault]:
    """Every fault for which `generate` would refuse this request now."""
    inputs, options = given(request.inputs), given(request.options)
    retired = retirement(model, services.registry)
    addresses = model.image_urls(inputs, options)
    return [
        *(retired.faults if retired else ()),
        *model.generation_faults(request),
        *service_faults(inputs, request.webhook_url, services.settings),
        *await image_faults(addresses, request.user_id, services),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Jobs that may be stored.

    Attributes:
        jobs: their inline images are in the bucket, replaced by references, and they name what they hold.
        rates: what they took of the limits of their key and user.
        open_jobs: what they reserved of the limits on open jobs of these.
        budgets: what they reserved of the budgets that count them.
        refused: why the last jobs of a request that may be accepted in part are not among them; None if all are.
    """

    jobs: Sequence[Job]
    rates: TakenRates
    open_jobs: OpenJobs
    budgets: ReservedBudgets
    refused: BudgetExceeded | None = None

    @property
    def limits(self) -> Sequence[RateState]:
        """Every limit of their key and user, as it is now."""
        return [*self.rates.states, *self.open_jobs.states]

    @asynccontextmanager
    async def undone_if_refused(self) -> AsyncGenerator[None]:
        """Give back what the jobs took and reserved if the block refuses them; else they have it for good."""
        async with (
            self.rates.given_back_if_refused(),
            self.open_jobs.held.released_if_refused(),
            self.budgets.held.released_if_refused(),
        ):
            yield

    async def undo(self) -> None:
        """Give back what the jobs took and reserved: they are not stored, because they were before."""
        await self.rates.give_back()
        await self.open_jobs.held.release()
        await self.budgets.held.release()


async def admit(jobs: Sequence[Job], caller: Caller, services: Services, *, partial: bool = False) -> Admitted:
    """Admit new jobs of one request that passed `check`: all of them, or none; if `partial`, those with room.

    They take of the rates before their images are read, so a request that comes too fast costs nothing, and one that
    is refused afterwards gives back what it took. They reserve open jobs and of budgets last, right before they are
    stored.

    Raises:
        RateLimited: the key or the user has used up its rate, or has too many open jobs.
        BeyondRate: a minute's rate, or the limit on open jobs, is too low for the request.
        BudgetExceeded: a budget has no room for the request.
        InvalidInput: with every fault of the images, and inputs that are too large to be stored; in a batch, each fault
            names the number of its request.
        ObjectStoreUnavailable: nothing was accepted.
        SubmittingPaused: nothing was accepted, because fal refuses the account.
        ModelRetired: one of their models is retired.
    """
    for name in dict.fromkeys(job.model for job in jobs):
        if (retired := retirement(services.registry.model(name), services.registry)) is not None:
            raise retired
    await services.account.require()
    require_possible(jobs, caller, services.settings.rates)
    rates = await take_rates(jobs, caller, services)
    async with rates.given_back_if_refused():
        stored = await _with_stored_images(jobs, services)
        open_jobs = await _reserve_open_jobs(stored, caller, services, rates)
        try:
            if partial:
                budgets, refused = await reserve_as_many(open_jobs.jobs, caller, services)
            else:
                budgets, refused = await reserve_budgets(open_jobs.jobs, caller, services), None
        except ImagegenError:
            await open_jobs.held.release()
            raise
        if refused is not None:
            open_jobs = await _reserve_for_fewer(budgets, open_jobs, caller, services, rates)
    return Admitted(jobs=budgets.jobs, rates=rates, open_jobs=open_jobs, budgets=budgets, refused=refused)


async def _reserve_open_jobs(jobs: Sequence[Job], caller: Caller, services: Services, rates: TakenRates) -> OpenJobs:
    """Reserve open jobs; a refusal gives the rates back, so that it shows them as they are afterwards."""
    try:
        return await reserve_open_jobs(jobs, caller, services)
    except RateLimited as error:
        await rates.give_back()
        raise RateLimited([*rates.states, *error.states]) from error


async def _reserve_for_fewer(
    budgets: ReservedBudgets, open_jobs: OpenJobs, caller: Caller, services: Services, rates: TakenRates
) -> OpenJobs:
    """Reserve open jobs again, for those of the jobs alone that budgets have room for. They have the same of each."""
    await open_jobs.held.release()
    try:
        return await _reserve_open_jobs(budgets.jobs, caller, services, rates)
    except ImagegenError:
        await budgets.held.release()
        raise


async def _with_stored_images(jobs: Sequence[Job], services: Services) -> Sequence[Job]:
    kept: list[Job] = []
    faults: list[Fault] = []
    for start in range(0, len(jobs), _CONCURRENT_JOBS):
        part = jobs[start : start + _CONCURRENT_JOBS]
        outcomes = await asyncio.gather(*(with_stored_images(job, services) for job in part), return_exceptions=True)
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
