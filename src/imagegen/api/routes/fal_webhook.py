"""/api/webhooks: called by fal.ai. It is not an operation for clients, so it is not in the OpenAPI document."""

import logging
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from imagegen.api.deps import services_of
from imagegen.api.http.body_limits import usual_limit
from imagegen.api.http.policies import Access, BodyPolicy, RoutePolicy, policy
from imagegen.api.http.problems import RETRY_AFTER, problem
from imagegen.errors import WebhookRefused
from imagegen.jobs import is_job_id
from imagegen.observability.logs import bind_log_context
from imagegen.operations.adopt_request import WEBHOOKS, is_webhook_of, take_webhook

router = APIRouter(include_in_schema=False)
_log = logging.getLogger("imagegen.api")


@router.post(f"{WEBHOOKS}/{{job_id}}/{{secret}}")
@policy(RoutePolicy(access=Access.OPEN, body=BodyPolicy(None, usual_limit), produces=()))
async def take_fals_webhook(job_id: str, secret: str, request: Request) -> Response:
    """Take a hint that a request ended. The response to every refused webhook is the same.

    No API key is needed: fal signs the webhook, and its address holds a secret. The cheap checks come first: the body
    is read only if this service asked for the webhook.
    """
    services = services_of(request)
    if services.settings.service.public_url is None or not is_job_id(job_id):
        return _not_found()
    bind_log_context(job_id=job_id)
    try:
        services.webhooks.check_headers(request.headers)
        if not await is_webhook_of(job_id, secret, services.jobs):
            return _unsolicited(job_id)
        hint = await services.webhooks.verify(request.headers, await request.body())
    except WebhookRefused as error:
        _log.warning("job %s: %s", job_id[:26], error)
        return _later() if error.check == "keys" else _not_found()
    if not await take_webhook(job_id, secret, hint, services):
        return _unsolicited(job_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _unsolicited(job_id: str) -> JSONResponse:
    _log.warning("job %s: refused a webhook of fal.ai that this service did not ask for", job_id[:26])
    return _not_found()


def _not_found() -> JSONResponse:
    return problem(HTTPStatus.NOT_FOUND, "not_found", "Not Found")


def _later() -> JSONResponse:
    """fal's keys could not be read to check the webhook; fal sends it again."""
    detail = "The webhook cannot be verified at the moment."
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=RETRY_AFTER, retryable=True)
