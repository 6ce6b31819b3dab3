"""The errors of fal's platform API."""

from uuid import uuid4

from starlette.responses import JSONResponse

from imagegen.sandbox.endpoint_schemas import JsonObject


def platform_error(status: int, kind: str, message: str) -> JSONResponse:
    """An error as fal's platform API words it."""
    error: JsonObject = {"type": kind, "message": message, "request_id": str(uuid4())}
    return JSONResponse({"error": error}, status)
