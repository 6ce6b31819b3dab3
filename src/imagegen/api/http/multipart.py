"""A multipart form with one file, which is written to a temporary file as it arrives."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from imagegen.api.http.media_types import MULTIPART, declared_type
from imagegen.errors import Fault, InvalidInput

# Bytes for the form's own lines and its short fields, besides the file.
ENVELOPE: Final = 16 * 1024
SPOOLED: Final = 2**20  # bytes; a larger file is written to a temporary file
_LONGEST_FIELD: Final = 1024
_MOST_FIELDS: Final = 8


class FileTooLarge(Exception):
    """The file is larger than allowed. The body may be a little larger than the file."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A file may have at most {limit} bytes (IMAGEGEN_MAX_UPLOAD_BYTES).")


class NotAForm(Exception):
    """The body is not multipart/form-data."""

    def __init__(self) -> None:
        super().__init__("Send multipart/form-data with the fields file and userId.")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields in order. The value of a file is an open file, of which at most 1 MiB is in memory."""

    fields: list[tuple[str, str | UploadFile]]

    def text(self, name: str) -> str | None:
        """The field's text; None if it is missing or a file."""
        return next((value for field, value in self.fields if field == name and isinstance(value, str)), None)

    def file(self, name: str) -> UploadFile | None:
        """The field's file; None if it is missing or not a file."""
        return next((value for field, value in self.fields if field == name and isinstance(value, UploadFile)), None)


@asynccontextmanager
async def form_of(request: Request) -> AsyncGenerator[Form]:
    """Read a request's form. Its files are deleted at the end of the block.

    Raises:
        NotAForm: the body has another content type.
        InvalidInput: the form is malformed.
    """
    if declared_type(request) != MULTIPART:
        raise NotAForm
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=1,
        max_fields=_MOST_FIELDS,
        max_part_size=_LONGEST_FIELD,
    )
    parser.stream = _to_its_end(parser.stream, parser)
    try:
        data = await parser.parse()
    except (MultiPartException, ClientDisconnect) as error:
        reason = error.message if isinstance(error, MultiPartException) else "the body was cut off"
        raise InvalidInput(
            [Fault(pointer="", code="malformed_form", message=f"The form is not valid: {reason}")]
        ) from error
    try:
        yield Form(data.multi_items())
    finally:
        await data.close()


class _Parser(MultiPartParser):
    """Notices whether the form's last line has arrived; without it, the last file is cut off."""

    spool_max_size = SPOOLED
    is_whole = False

    def on_end(self) -> None:
        self.is_whole = True


async def _to_its_end(chunks: AsyncGenerator[bytes], parser: _Parser) -> AsyncGenerator[bytes]:
    """The chunks. The error for a missing end is raised in here, because the parser then closes its files."""
    async for chunk in chunks:
        yield chunk
    if not parser.is_whole:
        raise MultiPartException("its last line is missing.")
