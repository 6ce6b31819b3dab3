"""A multipart form with one file: read as it arrives, to a temporary file, within a limit."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from imagegen.errors import Fault, InvalidInput

# The form's own lines and its short fields, beside the file.
ENVELOPE: Final = 16 * 1024
SPOOLED: Final = 2**20  # bytes of a file that stay in memory; the rest goes to a temporary file
_LONGEST_FIELD: Final = 1024
_MOST_FIELDS: Final = 8


class FileTooLarge(Exception):
    """The file has more bytes than allowed, in a body that may be a little larger."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A file may have {limit} bytes at most (IMAGEGEN_MAX_UPLOAD_BYTES).")


class NotAForm(Exception):
    """The body is not multipart/form-data."""

    def __init__(self) -> None:
        super().__init__("Send the file as multipart/form-data, in the field file, with userId beside it.")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields in their order; a file's value is an open file, the first 1 MiB of it in memory and no more."""

    fields: list[tuple[str, str | UploadFile]]

    def text(self, name: str) -> str | None:
        """The field's text; None if it is not there or is a file."""
        return next((value for field, value in self.fields if field == name and isinstance(value, str)), None)

    def file(self, name: str) -> UploadFile | None:
        """The field's file; None if it is not there or is no file."""
        return next((value for field, value in self.fields if field == name and isinstance(value, UploadFile)), None)


@asynccontextmanager
async def form_of(request: Request) -> AsyncGenerator[Form]:
    """Read a request's form; its files are gone at the end.

    Raises:
        NotAForm: another content type.
        InvalidInput: no valid form.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
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
        reason = error.message if isinstance(error, MultiPartException) else "the body broke off"
        raise InvalidInput(
            [Fault(pointer="", code="malformed_form", message=f"The form is not valid: {reason}")]
        ) from error
    try:
        yield Form(data.multi_items())
    finally:
        await data.close()


class _Parser(MultiPartParser):
    """Knows whether the form's last line has come: without it, the last file is cut off."""

    spool_max_size = SPOOLED
    is_whole = False

    def on_end(self) -> None:
        self.is_whole = True


async def _to_its_end(chunks: AsyncGenerator[bytes], parser: _Parser) -> AsyncGenerator[bytes]:
    """The chunks; said in here that the end is missing, the parser closes its files."""
    async for chunk in chunks:
        yield chunk
    if not parser.is_whole:
        raise MultiPartException("its end is missing.")
