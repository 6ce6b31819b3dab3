"""/api/jobs/{jobId}/events: the progress of a job, as server-sent events."""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from imagegen.api.deps import STREAM, JobId, caller_of, services_of
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.middleware.head_options import HEAD
from imagegen.api.openapi.responses import EVENT_STREAM, GONE, NO_STREAM, NOT_FOUND
from imagegen.api.sse import events_of
from imagegen.errors import DatabaseUnavailable
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_job
from imagegen.wire import job_schemas

_HEADERS: Final = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _EventStream(StreamingResponse):
    """Events as text. FastAPI's own class requires the handler to be a generator, which cannot respond with 204."""

    media_type = EVENT_STREAM


router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)
_STREAM: Final = {
    "description": "Events until the job has ended. Each has the job's version as its `id` and the JSON of a "
    "JobEvent as its `data`; a comment every 15 seconds keeps the connection alive.",
    # OpenAPI 3.1 cannot describe the items of a stream. This is the schema of one event, as tools that check streams
    # expect it. Client generators would take a type, or `properties`, for the whole body.
    "content": {
        EVENT_STREAM: {
            "schema": {
                "description": "Each event: its id, and its data, a JobEvent as JSON.",
                "patternProperties": {
                    "^data$": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": {"$ref": f"#/components/schemas/{job_schemas.JobEvent.__name__}"},
                    }
                },
            }
        }
    },
    "headers": {
        "Cache-Control": {"description": "Always `no-store`.", "schema": {"type": "string"}},
        "X-Accel-Buffering": {"description": "Always `no`: nginx must not buffer.", "schema": {"type": "string"}},
    },
}
_NO_MORE: Final = {"description": "You already have the last event; a browser's EventSource stops reconnecting."}
_LAST: Final = Header(
    max_length=64,
    description="The id of the last event that you have; a browser's EventSource sends it automatically. The stream "
    "always starts with the job's current state.",
    examples=["4"],
)


@router.get(
    "/{jobId}/events",
    response_class=_EventStream,
    responses={200: _STREAM, 204: _NO_MORE, **NOT_FOUND, **GONE, **NO_STREAM},
    dependencies=[STREAM],
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, produces=(EVENT_STREAM,), caching=Caching.NO_STORE))
async def stream_job_events(
    job_id: JobId,
    request: Request,
    last_event_id: Annotated[str | None, _LAST] = None,
) -> Response:
    """The progress of a job as server-sent events: its current state, then every change, finally the finished job.

    Any process of the service can serve them. Lines of the model's log and positions in fal.ai's queue are best effort;
    every change of the job itself is sent. IMAGEGEN_MAX_STREAMS limits the number of open streams.
    """
    services, caller = services_of(request), caller_of(request)
    job = await get_visible_job(job_id, services.jobs, caller)
    if job.status.is_final and last_event_id == str(job.version):
        return Response(status_code=204)
    if request.scope.get(HEAD):
        return Response(headers=_HEADERS)
    access = cast("AccessPolicy", request.state.access)

    def is_admitted() -> bool:
        try:
            return access.still_admits(caller, services.keys)
        except DatabaseUnavailable:
            return False

    return _EventStream(events_of(job, services, is_admitted=is_admitted), headers=_HEADERS)
