"""/api/jobs/{jobId}/events: how a job goes on, as server-sent events."""

from typing import Annotated, ClassVar, Final, cast

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from imagegen.api import schemas
from imagegen.api.callers import CallerDep, JobId, job_in_sight
from imagegen.api.deps import STREAM, ServicesDep
from imagegen.api.documents import EVENT_STREAM, GONE, NO_STREAM, NOT_FOUND
from imagegen.api.doors import Doors
from imagegen.api.events import events_of
from imagegen.api.json_routes import JsonRoute
from imagegen.api.methods import HEAD

_HEADERS: Final = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _EventRoute(JsonRoute):
    """A route that answers in events."""

    produces: ClassVar[tuple[str, ...]] = (EVENT_STREAM,)


class _EventStream(StreamingResponse):
    """Events as text. FastAPI's own class would have the handler be a generator, which cannot answer 204."""

    media_type = EVENT_STREAM


router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=_EventRoute)
_STREAM: Final = {
    "description": "Events until the job has ended. Each has the job's version as its `id` and the JSON of a "
    "JobEvent as its `data`; a comment every 15 seconds keeps the connection alive.",
    # OpenAPI 3.1 has no word for the items of a stream: this is one event, as those who check streams read it. A type,
    # or `properties`, would be taken for the whole body by generators of clients.
    "content": {
        EVENT_STREAM: {
            "schema": {
                "description": "Each event: its id, and its data, a JobEvent as JSON.",
                "patternProperties": {
                    "^data$": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": {"$ref": f"#/components/schemas/{schemas.JobEvent.__name__}"},
                    }
                },
            }
        }
    },
    "headers": {
        "Cache-Control": {"description": "Always `no-store`.", "schema": {"type": "string"}},
        "X-Accel-Buffering": {"description": "Always `no`: to nginx, not to buffer.", "schema": {"type": "string"}},
    },
}
_NO_MORE: Final = {"description": "The last event is the one that you have; a browser's EventSource stops asking."}
_LAST: Final = Header(
    max_length=64,
    description="The id of the last event that you have; a browser's EventSource sends it by itself. The stream begins "
    "with the job as it is now, whatever you have.",
    examples=["4"],
)


@router.get(
    "/{jobId}/events",
    response_class=_EventStream,
    responses={200: _STREAM, 204: _NO_MORE, **NOT_FOUND, **GONE, **NO_STREAM},
    dependencies=[STREAM],
)
async def stream_job_events(
    jobId: JobId,  # noqa: N803 - the name in the path
    services: ServicesDep,
    caller: CallerDep,
    request: Request,
    last_event_id: Annotated[str | None, _LAST] = None,
) -> Response:
    """How a job goes on, as server-sent events: its state, then what happens to it, at last the finished job.

    Any process of the service has them. Lines of the model's log and positions in fal.ai's queue are best effort;
    every change of the job itself is told. IMAGEGEN_MAX_STREAMS limits the streams that are open at once.
    """
    job = await job_in_sight(jobId, services, caller)
    if job.status.is_final and last_event_id == str(job.version):
        return Response(status_code=204)
    doors = cast("Doors", request.state.doors)
    if request.scope.get(HEAD):
        return Response(headers=_HEADERS)
    return _EventStream(events_of(job, services, is_admitted=lambda: doors.still_admits(caller)), headers=_HEADERS)
