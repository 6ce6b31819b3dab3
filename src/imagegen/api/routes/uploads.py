"""/api/uploads: a caller's own pictures."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from imagegen.api import schemas
from imagegen.api.callers import CallerDep
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import BAD_REQUEST, FORBIDDEN, NO_PICTURE, UNAVAILABLE
from imagegen.api.errors import problem
from imagegen.api.form_files import FileTooLarge, Form, NotAForm, form_of
from imagegen.api.json_routes import JsonRoute
from imagegen.errors import Fault, InvalidInput, NotAPicture, TransferInterrupted
from imagegen.registry import PLAIN_TEXT, user_id_faults
from imagegen.registry.names import near_name
from imagegen.storage.input_pictures import CutOffPicture, InputPicture, examine

router = APIRouter(prefix="/api/uploads", tags=["uploads"], route_class=JsonRoute)
_FIELDS: Final = ("file", "userId")
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": list(_FIELDS),
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": "The picture: PNG, JPEG, WebP, GIF or AVIF, as its bytes say.",
                        },
                        "userId": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 128,
                            "pattern": PLAIN_TEXT,
                            "description": "Whose picture it is.",
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
    response_model=schemas.Upload,
    responses={**BAD_REQUEST, **FORBIDDEN, **NO_PICTURE, **UNAVAILABLE},
    openapi_extra=_BODY,
)
async def upload_picture(request: Request, services: ServicesDep, caller: CallerDep) -> schemas.Upload | JSONResponse:
    """Keep one of your pictures in the bucket, for `image_url`, `image_urls` and the like in your requests.

    The link may be used there for as long as the picture is in the bucket, also after it has expired as a link: what
    fal.ai gets is made afresh for each request.
    """
    limit = services.settings.limits.max_upload_bytes
    try:
        async with form_of(request) as form:
            user_id, file = _parts(form, limit)
            caller.demand_user(user_id)
            picture = await _examined(file)
            key = await services.images.keep_input(user_id, file.file, picture)
    except FileTooLarge as error:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", str(error))
    except NotAForm as error:
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", str(error))
    except NotAPicture as error:
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_picture", f"The file is of no use: {error}.")
    return schemas.Upload(
        url=await services.images.url(key),
        key=key,
        content_type=picture.content_type,
        width=picture.width,
        height=picture.height,
        size_bytes=picture.size_bytes,
        sha256=picture.sha256,
    )


def _parts(form: Form, limit: int) -> tuple[str, UploadFile]:
    """The user and the file. Raises InvalidInput with every fault of the form's fields, or FileTooLarge."""
    user_id, file = form.text("userId"), form.file("file")
    faults = [_unknown(name) for name, _ in form.fields if name not in _FIELDS]
    faults += [_missing("file", "a file")] if file is None else []
    faults += [_missing("userId", "text")] if user_id is None else user_id_faults(user_id)
    if faults or file is None or user_id is None:
        raise InvalidInput(faults)
    if (file.size or 0) > limit:
        raise FileTooLarge(limit)
    return user_id, file


async def _examined(file: UploadFile) -> InputPicture:
    try:
        return await asyncio.to_thread(examine, file.file)
    except (CutOffPicture, TransferInterrupted) as error:
        raise InvalidInput([Fault(pointer="/file", code="wrong_format", message=f"file: {error}.")]) from error


def _missing(name: str, kind: str) -> Fault:
    return Fault(pointer=f"/{name}", code="missing", message=f"{name} is required, as a field with {kind}.")


def _unknown(name: str) -> Fault:
    shown, suggestion = name[:60], near_name(name, _FIELDS)
    end = f"did you mean {suggestion!r}?" if suggestion else f"it takes {' and '.join(_FIELDS)}."
    return Fault(
        pointer=f"/{shown}",
        code="unknown_name",
        message=f"An upload takes no {shown!r}; {end}",
        valid=_FIELDS,
        suggestion=suggestion,
    )
