"""Requests whose id was lost with the response to their submit.

A lost id comes back in one of two ways: fal's webhook names the attempt by its secret, or fal's own history lists a
request that can only be this one. Until then the job is held; after `IMAGEGEN_UNKNOWN_HORIZON` it fails, uncharged. An
id that arrives even later is still adopted.
"""

import logging
from datetime import timedelta
from typing import Final, NoReturn

from imagegen.clock import now
from imagegen.engine.holds import end_if_unwanted, pause
from imagegen.engine.interruptions import Postponed
from imagegen.engine.leased_job import LeasedJob
from imagegen.errors import HistoryUnavailable, ProviderAnswer, RequestOwned, StaleJob, SubmissionUnknown
from imagegen.fal import FalClient
from imagegen.jobs import Job, ProviderRequest, SubmissionState
from imagegen.services import Services
from imagegen.settings import Settings
from imagegen.storage.jobs.late_request_ids import LateRequestIds

# A request that is no longer wanted is looked for this long, so that it can be cancelled at fal, which bills it.
_FIND_TO_CANCEL: Final = timedelta(seconds=10)
_UNANSWERED: Final = ProviderAnswer(
    message="The request left for fal.ai and no answer came back, so it may or may not have been accepted. "
    "It was not sent again and you are not charged."
)
_log = logging.getLogger("imagegen.runner")


async def find_request(leased: LeasedJob, services: Services) -> None:
    """Look for the request at fal; if it cannot be identified, try again later, for as long as the horizon allows."""
    is_final = leased.job.submission.webhook_digest is None
    try:
        request = await _sole_candidate(leased.job, services.fal, services.late_request_ids)
    except HistoryUnavailable as error:
        _log.info("job %s: fal.ai's history cannot be read: %s", leased.job.id, error)
        request, is_final = None, is_final and error.lasting
    else:
        is_final = False
    if request is not None and await _claim_request(leased, request):
        return
    grace = timedelta(0) if is_final else _FIND_TO_CANCEL
    await end_if_unwanted(leased, "it is not known whether fal.ai has its request", grace=grace)
    await _postpone_search(leased, services.settings, is_final=is_final, grace=grace)


async def _postpone_search(leased: LeasedJob, settings: Settings, *, is_final: bool, grace: timedelta) -> NoReturn:
    """Try again later, without a slot at fal once the request can no longer be open there."""
    intended_at = leased.job.submission.intended_at
    assert intended_at is not None
    age = now() - intended_at
    if is_final or age > settings.service.unknown_horizon:
        raise SubmissionUnknown(_UNANSWERED)
    if leased.job.submission.counted and age > settings.fal.status_horizon:
        await leased.save(leased.job.without_slot())
    job = leased.job
    unwanted = [moment + grace for moment in (job.deadline, job.cancel_requested_at) if moment is not None]
    horizons = (intended_at + settings.service.unknown_horizon, intended_at + settings.fal.status_horizon)
    rest = pause(intended_at, *unwanted, *horizons)
    raise Postponed("it is not known yet whether fal.ai has its request", rest, is_held=True)


async def _sole_candidate(job: Job, fal: FalClient, store: LateRequestIds) -> ProviderRequest | None:
    """The request in fal's history that is this job's; None if there is none, or several may be.

    Jobs with the same input may have lost their requests together. Any of those requests is as good as another for
    any of these jobs, so long as there are no more requests than jobs, and more than are being sent right now. The
    order of the three queries matters: what fal lists was intended before, so its job is seen either among the others
    or as the owner.
    """
    assert job.submission.intended_at is not None
    listed = await fal.find_in_history(job.endpoint, job.sent_payload, job.submission.intended_at)
    if not listed:
        return None
    others = await store.similar_lost_submissions(job)
    owned = await store.find_owned([request.request_id for request in listed])
    free = [request for request in listed if request.request_id not in owned]
    being_sent = others.count(SubmissionState.SUBMITTING)
    return free[-1] if being_sent < len(free) <= 1 + len(others) else None


async def _claim_request(leased: LeasedJob, request: ProviderRequest) -> bool:
    """Store the id that was found; False if another job was faster."""
    try:
        await leased.save(leased.job.submitted(request))
    except StaleJob:
        await leased.reread()
        return leased.job.submission.state is SubmissionState.SUBMITTED
    except RequestOwned:
        return False
    return True
