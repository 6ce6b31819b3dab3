"""/api/webhooks: what fal.ai calls. No operation for clients, so it is not in the OpenAPI document."""

import logging
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from imagegen.api.deps import ServicesDep
from imagegen.api.errors import RETRY_AFTER, problem
from imagegen.errors import WebhookRefused
from imagegen.jobs import is_job_id
from imagegen.logs import about
from imagegen.submission import WEBHOOKS, is_webhook_of, take_webhook

router = APIRouter(include_in_schema=False)
_log = logging.getLogger("imagegen.api")


@router.post(f"{WEBHOOKS}/{{job_id}}/{{secret}}")
async def take_fals_webhook(job_id: str, secret: str, request: Request, services: ServicesDep) -> Response:
    """Take a hint that a request ended. Whatever is wrong with one, the answer is the same.

    What costs nothing is checked first: the body is read only of a webhook that this service asked for.
    """
    if services.settings.service.public_url is None or not is_job_id(job_id):
        return _refusal()
    about(job_id=job_id)
    try:
        services.webhooks.check_headers(request.headers)
        if not await is_webhook_of(job_id, secret, services):
            return _refused(job_id)
        hint = await services.webhooks.verify(request.headers, await request.body())
    except WebhookRefused as error:
        _log.warning("job %s: %s", job_id[:26], error)
        return _later() if error.check == "keys" else _refusal()
    if not await take_webhook(job_id, secret, hint, services):
        return _refused(job_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _refused(job_id: str) -> JSONResponse:
    _log.warning("job %s: a webhook of fal.ai's that this service did not ask for is refused", job_id[:26])
    return _refusal()


def _refusal() -> JSONResponse:
    return problem(HTTPStatus.NOT_FOUND, "not_found", "Not Found")


def _later() -> JSONResponse:
    """fal sends it again: its keys could not be read to check it."""
    detail = "The webhook cannot be checked now."
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=RETRY_AFTER, retryable=True)
