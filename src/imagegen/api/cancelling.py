"""Cancelling a job: at once where fal has nothing, else by a wish that whoever runs the job acts upon."""

from imagegen.errors import JobFinished, StaleJob
from imagegen.jobs import Job, JobStatus, SubmissionState
from imagegen.wiring import Services, now


async def cancel(job: Job, services: Services) -> Job:
    """Cancel a job that was not sent to fal; note the wish to cancel one that was. Repeatable.

    Returns:
        The cancelled job; or, unfinished, one whose end is fal's to say: it may complete all the same.

    Raises:
        JobFinished: it has completed or failed.
    """
    while True:
        try:
            return await _cancel(job, services)
        except StaleJob:
            job = await services.jobs.get(job.id)


async def _cancel(job: Job, services: Services) -> Job:
    if job.status is JobStatus.CANCELLED:
        return job
    if job.status.is_final:
        raise JobFinished(job.id, job.status.value)
    if job.submission.state is SubmissionState.NONE:
        # Whoever prepares its submission starts from the same version, so only one of the two moves is stored.
        cancelled = await services.jobs.save(job.cancelled(now()))
        await services.queue.announce(cancelled)
        return cancelled
    if not await services.jobs.wish_cancelled(job.id):
        raise StaleJob(job.id)
    await services.queue.nudge(job.id)
    return await services.jobs.get(job.id)
