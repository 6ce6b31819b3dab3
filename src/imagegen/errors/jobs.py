"""Errors about one job, its images or one batch: it is missing, or its state does not allow the operation."""

from imagegen.errors.base import ImagegenError


class JobNotFound(ImagegenError):
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job {job_id}.")
        self.job_id = job_id


class JobFinished(ImagegenError):
    """The job has completed or failed, so it cannot be cancelled."""

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(f"Job {job_id} has already {status}; nothing is left to cancel.")
        self.job_id = job_id


class RequestOwned(ImagegenError):
    """fal's request id already belongs to another job. Two jobs never share one request."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"The request found for job {job_id} belongs to another job.")
        self.job_id = job_id


class BatchNotFound(ImagegenError):
    """No batch has this id."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"There is no batch {batch_id}.")
        self.batch_id = batch_id


class JobDeleted(ImagegenError):
    """The job was deleted: its images and inputs are gone, its price is kept."""

    def __init__(self, job_id: str, user_id: str) -> None:
        super().__init__(f"Job {job_id} was deleted.")
        self.job_id, self.user_id = job_id, user_id


class JobUnfinished(ImagegenError):
    """The operation is not possible before the job has ended."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} has not ended yet. Wait for its end, or cancel it first.")
        self.job_id = job_id


class JobNotRetryable(ImagegenError):
    """Only a failed or cancelled job can be retried."""

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(f"Job {job_id} is {status}; only a failed or cancelled job can be retried.")
        self.job_id = job_id


class InputGone(ImagegenError):
    """An input image that a job refers to is no longer in the bucket."""


class ImageGone(ImagegenError):
    """An image of a job is no longer in the bucket, although its job is not deleted."""

    def __init__(self) -> None:
        super().__init__("The image is no longer in the bucket.")


class LinkNotFound(ImagegenError):
    """A link to an image is not one of this service, or leads to nothing. It does not say which."""

    def __init__(self) -> None:
        super().__init__("There is no such link. Copy it whole, or read the job again for a new one.")


class LinkEnded(ImagegenError):
    """A link to an image has expired, or its job was deleted."""

    def __init__(self) -> None:
        super().__init__("This link has ended: it has expired, or its image was deleted.")


class DocumentRefused(ImagegenError):
    """MongoDB can never take this document. Retrying cannot help, and no server is down."""


class StaleJob(ImagegenError):
    """A compare-and-set lost: the job's version or lease has changed since the job was read."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} was changed by another process.")
        self.job_id = job_id
