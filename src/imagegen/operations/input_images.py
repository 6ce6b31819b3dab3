"""The user's own images: stored in the bucket when a job is accepted, and linked for fal when it is submitted.

In a job they are references, `s3:` and the key. Only references to the job's own `input_keys` are replaced by links, so
a text that merely looks like a reference stays a text.
"""

import asyncio
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, cast

from pydantic import JsonValue

from imagegen.data_uris import MalformedDataUri, is_data_uri, read_data_uri
from imagegen.errors import Fault, InputGone, InvalidInput, NotAnImage, ObjectStoreUnavailable, TransferInterrupted
from imagegen.jobs import Job
from imagegen.json_object import JsonObject
from imagegen.operations.bucket_reach import fal_can_fetch
from imagegen.registry import Registry
from imagegen.registry.documents import Place
from imagegen.registry.faults import dotted_path, json_pointer
from imagegen.registry.image_inputs import replace_texts
from imagegen.services import Services
from imagegen.settings import LimitSettings
from imagegen.storage.images.inputs import InputImage, TruncatedImage, examine
from imagegen.storage.images.store import Images

_REFERENCE: Final = "s3:"


@dataclass(frozen=True, slots=True)
class _Inline:
    """A data URI, decoded and examined."""

    uri: str
    file: io.BytesIO
    image: InputImage


async def with_stored_images(job: Job, services: Services) -> Job:
    """The same new job, with references in place of data URIs and of links to the user's own images in the bucket.

    Raises:
        InvalidInput: too many bytes, no base64, no usable image, or one that was deleted.
        ObjectStoreUnavailable: nothing was accepted.
    """
    addresses = services.registry.model(job.model).image_urls(job.inputs, job.options)
    decoded = await _decode_inline(addresses, services.settings.limits)
    references = await _find_links(addresses, job.user_id, services.images)
    for each in decoded:
        key = await services.images.store_input(job.user_id, each.file, each.image)
        references[each.uri] = _REFERENCE + key
    return _replace_with_references(job, references, services.registry) if references else job


async def image_faults(
    addresses: Sequence[tuple[Place, str]], user_id: str | None, services: Services
) -> Sequence[Fault]:
    """The faults of the images that a planned request names; nothing is stored.

    Args:
        addresses: each data URI and URL, with its place in the request.
        user_id: the user whose images are in the bucket; without one, links to the bucket are not checked.
        services: while S3 does not answer, links have no faults.
    """
    try:
        await _decode_inline(addresses, services.settings.limits)
        if user_id is not None:
            with suppress(ObjectStoreUnavailable):
                await _find_links(addresses, user_id, services.images)
    except InvalidInput as error:
        return error.faults
    return ()


async def payload_for_fal(job: Job, services: Services) -> JsonObject:
    """The body for fal: the job's payload, with a new URL for each of its user's own images.

    Raises:
        InputGone: one of them is no longer in the bucket.
        ProviderError: fal's storage did not take it; nothing was submitted.
        ObjectStoreUnavailable: it cannot be read now.
    """
    urls: dict[str, str] = {}
    for key in job.input_keys:
        if not await services.images.bucket.exists(key):
            raise InputGone(f"The image {key} is no longer in the bucket. Nothing was sent to fal.ai.")
        urls[_REFERENCE + key] = await _url_for_fal(key, services)
    return _replace(job.payload, urls)


async def with_links(values: JsonObject, job: Job, images: Images) -> JsonObject:
    """A job's inputs or options as callers see them: with a link in place of each reference."""
    return _replace(values, {_REFERENCE + key: await images.url(key) for key in job.input_keys})


async def _url_for_fal(key: str, services: Services) -> str:
    if fal_can_fetch(services.settings):
        return await services.images.url_for_fal(key)
    async with services.images.read_content(key) as (content, content_type):
        return await services.fal.storage.upload(content, content_type, key.rpartition("/")[2])


async def _decode_inline(addresses: Sequence[tuple[Place, str]], limits: LimitSettings) -> Sequence[_Inline]:
    """The data URIs among the addresses, decoded. Raises InvalidInput if they are too large or no usable images."""
    inline = [(place, text) for place, text in addresses if is_data_uri(text)]
    _require_size(inline, limits.max_data_uri_bytes)
    return await asyncio.to_thread(_decode, inline) if inline else []


def _require_size(inline: Iterable[tuple[Place, str]], limit: int) -> None:
    total = 0
    for place, uri in inline:
        total += len(uri)
        if total > limit:
            words = f"the data URIs of a request may have {limit} bytes in total (IMAGEGEN_MAX_DATA_URI_BYTES)"
            raise InvalidInput(
                [Fault(pointer=json_pointer(place), code="too_large", message=f"{dotted_path(place)}: {words}.")]
            )


def _decode(inline: Sequence[tuple[Place, str]]) -> list[_Inline]:
    """Decode and examine every data URI, each text once; blocks. Raises InvalidInput with every fault."""
    found: dict[str, _Inline] = {}
    faults: list[Fault] = []
    for place, uri in inline:
        try:
            if uri not in found:
                file = io.BytesIO(read_data_uri(uri))
                found[uri] = _Inline(uri, file, examine(file))
        except MalformedDataUri as error:
            faults.append(_fault(place, "wrong_format", f"is not a usable image: {error}"))
        except (NotAnImage, TransferInterrupted, TruncatedImage) as error:
            faults.append(_fault(place, "wrong_format", f"is not a usable image: {error}"))
    if faults:
        raise InvalidInput(faults)
    return list(found.values())


async def _find_links(addresses: Iterable[tuple[Place, str]], user_id: str, images: Images) -> dict[str, str]:
    """The reference for each link to one of the user's own images. Raises InvalidInput if an image is gone."""
    references: dict[str, str] = {}
    faults: list[Fault] = []
    for place, url in addresses:
        if is_data_uri(url):
            continue
        key = await images.find_own_input(url, user_id)
        if key is None:
            continue
        if not await images.bucket.exists(key):
            faults.append(_fault(place, "gone", "leads to an image that is no longer in the bucket; upload it again"))
        references[url] = _REFERENCE + key
    if faults:
        raise InvalidInput(faults)
    return references


def _replace_with_references(job: Job, references: Mapping[str, str], registry: Registry) -> Job:
    inputs, options = _replace(job.inputs, references), _replace(job.options, references)
    payload = registry.model(job.model).fal_request(inputs, options).payload
    keys = dict.fromkeys(reference.removeprefix(_REFERENCE) for reference in references.values())
    return replace(job, inputs=inputs, options=options, payload=payload, input_keys=tuple(keys))


def _replace(values: JsonObject, texts: Mapping[str, str]) -> JsonObject:
    return cast("JsonObject", replace_texts(cast("JsonValue", values), texts)) if texts else values


def _fault(place: Place, code: str, words: str) -> Fault:
    return Fault(pointer=json_pointer(place), code=code, message=f"{dotted_path(place)} {words}.")
