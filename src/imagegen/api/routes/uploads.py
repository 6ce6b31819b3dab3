"""/api/uploads: a caller's own images."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from imagegen.api.deps import caller_of, services_of
from imagegen.api.http.body_limits import upload_limit
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.media_types import MULTIPART
from imagegen.api.http.multipart import FileTooLarge, Form, NotAForm, form_of
from imagegen.api.http.policies import Access, BodyPolicy, RoutePolicy, policy
from imagegen.api.http.problems import problem
from imagegen.api.openapi.examples import DEFAULT_USER
from imagegen.api.openapi.responses import BAD_REQUEST, FORBIDDEN, NOT_AN_IMAGE, UNAVAILABLE
from imagegen.errors import Fault, InvalidInput, NotAnImage, TransferInterrupted
from imagegen.keys import KeyScope
from imagegen.registry import PLAIN_TEXT, user_id_faults
from imagegen.registry.names import suggest_name
from imagegen.storage.images.inputs import InputImage, TruncatedImage, examine
from imagegen.wire.image_schemas import Upload

router = APIRouter(prefix="/api/uploads", tags=["uploads"], route_class=JsonRoute)
_FIELDS: Final = ("file", "userId")
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": list(_FIELDS),
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": "The image: PNG, JPEG, WebP, GIF or AVIF, detected from its bytes.",
                        },
                        "userId": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 128,
                            "pattern": PLAIN_TEXT,
                            "description": f"The user that the image belongs to. {DEFAULT_USER}",
                            "examples": ["user123"],
                        },
                    },
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=201,
    response_model=Upload,
    responses={**BAD_REQUEST, **FORBIDDEN, **NOT_AN_IMAGE, **UNAVAILABLE},
    openapi_extra=_BODY,
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, body=BodyPolicy(MULTIPART, upload_limit)))
async def upload_picture(request: Request) -> Upload | JSONResponse:
    """Store one of your images in the bucket, for use in your requests.

    The link is for `image_url`, `image_urls` and the like. You can use it in requests for as long as the image is in
    the bucket, even after the link itself has expired: fal.ai gets a new link with each request.
    """
    services = services_of(request)
    limit = services.settings.limits.max_upload_bytes
    try:
        async with form_of(request) as form:
            caller = caller_of(request)
            user_id, file = _parts(form, limit, caller.default_user)
            caller.require_user(user_id)
            image = await _examined(file)
            key = await services.images.store_input(user_id, file.file, image)
    except FileTooLarge as error:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", str(error))
    except NotAForm as error:
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", str(error))
    except NotAnImage as error:
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_picture", f"The file cannot be used: {error}.")
    return Upload(
        url=await services.images.url(key),
        key=key,
        content_type=image.content_type,
        width=image.width,
        height=image.height,
        size_bytes=image.size_bytes,
        sha256=image.sha256,
    )


def _parts(form: Form, limit: int, default_user: str | None) -> tuple[str, UploadFile]:
    """The user and the file. Raises InvalidInput with every fault of the form's fields, or FileTooLarge."""
    user_id, file = form.text("userId"), form.file("file")
    user_id = default_user if user_id is None else user_id
    faults = [_unknown(name) for name, _ in form.fields if name not in _FIELDS]
    faults += [_missing("file", "a file")] if file is None else []
    faults += [_missing("userId", "text")] if user_id is None else user_id_faults(user_id)
    if faults or file is None or user_id is None:
        raise InvalidInput(faults)
    if (file.size or 0) > limit:
        raise FileTooLarge(limit)
    return user_id, file


async def _examined(file: UploadFile) -> InputImage:
    try:
        return await asyncio.to_thread(examine, file.file)
    except (TruncatedImage, TransferInterrupted) as error:
        raise InvalidInput([Fault(pointer="/file", code="wrong_format", message=f"file: {error}.")]) from error


def _missing(name: str, kind: str) -> Fault:
    return Fault(pointer=f"/{name}", code="missing", message=f"{name} is required, as a field with {kind}.")


def _unknown(name: str) -> Fault:
    shown, suggestion = name[:60], suggest_name(name, _FIELDS)
    end = f"did you mean {suggestion!r}?" if suggestion else f"it takes {' and '.join(_FIELDS)}."
    return Fault(
        pointer=f"/{shown}",
        code="unknown_name",
        message=f"An upload has no field {shown!r}; {end}",
        valid=_FIELDS,
        suggestion=suggestion,
    )
