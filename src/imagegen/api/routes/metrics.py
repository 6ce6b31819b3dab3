"""/metrics on the service's own port; not for clients, so the OpenAPI document does not have it."""

from typing import cast

from fastapi import APIRouter, Request, Response

from imagegen.api.deps import ServicesDep
from imagegen.api.scraping import PATH, scraped
from imagegen.shared_answers import SharedAnswer

router = APIRouter()


@router.get(PATH, include_in_schema=False)
async def get_metrics(request: Request, services: ServicesDep) -> Response:
    """What this process has counted."""
    look = cast("SharedAnswer[None]", request.state.look)
    return await scraped(services, look, request.headers.get("accept", ""))
