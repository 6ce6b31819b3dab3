"""The caller's own pictures: kept in the bucket when a job is accepted, addressed for fal when it is submitted.

In a job they are references, `s3:` and the key. Only a reference to a key that the job itself names is ever replaced by
a link, so a text that merely looks like one stays a text.
"""

import asyncio
import io
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from imagegen.data_uris import MalformedDataUri, is_data_uri, read_data_uri
from imagegen.errors import Fault, InputGone, InvalidInput, NotAPicture, ObjectStoreUnavailable, TransferInterrupted
from imagegen.http import is_loopback
from imagegen.jobs import Job, JsonObject
from imagegen.registry.documents import Place
from imagegen.registry.faults import pointer, spoken
from imagegen.registry.pictures import with_texts_replaced
from imagegen.settings import Settings
from imagegen.storage.images import Images
from imagegen.storage.input_pictures import CutOffPicture, InputPicture, examine
from imagegen.wiring import Services

_REFERENCE: Final = "s3:"
_PRIVATE_DOMAINS: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True, slots=True)
class _Inline:
    """A data URI, decoded and looked at."""

    uri: str
    file: io.BytesIO
    picture: InputPicture


async def with_pictures_kept(job: Job, services: Services) -> Job:
    """The same new job, with references where it had data URIs, or links to its user's own pictures in the bucket.

    Raises:
        InvalidInput: too many bytes, no base64, no picture, or one that was deleted.
        ObjectStoreUnavailable: nothing was accepted.
    """
    addresses = services.registry.model(job.model).picture_addresses(job.inputs, job.options)
    decoded = await _opened(addresses, services)
    references = await _linked(addresses, job.user_id, services.images)
    for each in decoded:
        key = await services.images.keep_input(job.user_id, each.file, each.picture)
        references[each.uri] = _REFERENCE + key
    return _with_references(job, references, services) if references else job


async def picture_faults(
    addresses: Sequence[tuple[Place, str]], user_id: str | None, services: Services
) -> Sequence[Fault]:
    """What is wrong with the pictures that a planned request names; nothing is kept.

    Args:
        addresses: each data URI and URL, and where it stands.
        user_id: whose pictures are in the bucket; without one, links to the bucket are not looked at.
        services: nothing is wrong with a link while S3 does not answer.
    """
    try:
        await _opened(addresses, services)
        if user_id is not None:
            with suppress(ObjectStoreUnavailable):
                await _linked(addresses, user_id, services.images)
    except InvalidInput as error:
        return error.faults
    return ()


async def payload_for_fal(job: Job, services: Services) -> JsonObject:
    """What fal gets: the job's payload, with a fresh URL for each of its user's own pictures.

    Raises:
        InputGone: one of them is not in the bucket any more.
        ProviderError: fal's storage did not take it; nothing was submitted.
        ObjectStoreUnavailable: it cannot be read now.
    """
    urls: dict[str, str] = {}
    for key in job.input_keys:
        if not await services.images.bucket.has(key):
            raise InputGone(f"The picture {key} is not in the bucket any more. Nothing was sent to fal.ai.")
        urls[_REFERENCE + key] = await _url_for_fal(key, services)
    return _replaced(job.payload, urls)


async def with_links(values: JsonObject, job: Job, images: Images) -> JsonObject:
    """A job's inputs or options as callers see them: a link in the place of each reference."""
    return _replaced(values, {_REFERENCE + key: await images.url(key) for key in job.input_keys})


def fal_can_fetch(settings: Settings) -> bool:
    """Whether fal can open links to the bucket: as `S3_PUBLICLY_REACHABLE` says, else as the host's name looks.

    A bucket on this machine can be reached by a sandbox on this machine, and by nobody else.
    """
    s3 = settings.s3
    if s3.publicly_reachable is not None:
        return s3.publicly_reachable
    address = s3.public_url or s3.presign_endpoint_url or s3.endpoint_url
    host = urlsplit(address).hostname or "" if address else None
    if host is None or not _is_private(host):
        return True
    return is_loopback(host) and is_loopback(urlsplit(settings.fal.queue_url).hostname or "")


async def _url_for_fal(key: str, services: Services) -> str:
    if fal_can_fetch(services.settings):
        return await services.images.url_for_fal(key)
    async with services.images.content(key) as (content, content_type):
        return await services.fal.storage.upload(content, content_type, key.rpartition("/")[2])


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_DOMAINS)


async def _opened(addresses: Sequence[tuple[Place, str]], services: Services) -> Sequence[_Inline]:
    """The data URIs among the addresses, decoded. Raises InvalidInput if they are too large, or no pictures."""
    inline = [(place, text) for place, text in addresses if is_data_uri(text)]
    _demand_the_limit(inline, services.settings.limits.max_data_uri_bytes)
    return await asyncio.to_thread(_decoded, inline) if inline else []


def _demand_the_limit(inline: Iterable[tuple[Place, str]], limit: int) -> None:
    total = 0
    for place, uri in inline:
        total += len(uri)
        if total > limit:
            words = f"the data URIs of a request may have {limit} bytes together (IMAGEGEN_MAX_DATA_URI_BYTES)"
            raise InvalidInput([Fault(pointer=pointer(place), code="too_large", message=f"{spoken(place)}: {words}.")])


def _decoded(inline: Sequence[tuple[Place, str]]) -> list[_Inline]:
    """Decode and look at every data URI, each text once; blocks. Raises InvalidInput with every fault."""
    found: dict[str, _Inline] = {}
    faults: list[Fault] = []
    for place, uri in inline:
        try:
            if uri not in found:
                file = io.BytesIO(read_data_uri(uri))
                found[uri] = _Inline(uri, file, examine(file))
        except MalformedDataUri as error:
            faults.append(_fault(place, "wrong_format", f"is no picture that can be used: {error}"))
        except (NotAPicture, TransferInterrupted, CutOffPicture) as error:
            faults.append(_fault(place, "wrong_format", f"is no picture that can be used: {error}"))
    if faults:
        raise InvalidInput(faults)
    return list(found.values())


async def _linked(addresses: Iterable[tuple[Place, str]], user_id: str, images: Images) -> dict[str, str]:
    """For each link to one of the user's own pictures, the reference. Raises InvalidInput where it is gone."""
    references: dict[str, str] = {}
    faults: list[Fault] = []
    for place, url in addresses:
        if is_data_uri(url):
            continue
        key = await images.own_input(url, user_id)
        if key is None:
            continue
        if not await images.bucket.has(key):
            faults.append(_fault(place, "gone", "leads to a picture that is not in the bucket; upload it again"))
        references[url] = _REFERENCE + key
    if faults:
        raise InvalidInput(faults)
    return references


def _with_references(job: Job, references: Mapping[str, str], services: Services) -> Job:
    inputs, options = _replaced(job.inputs, references), _replaced(job.options, references)
    payload = services.registry.model(job.model).fal_request(inputs, options).payload
    keys = dict.fromkeys(reference.removeprefix(_REFERENCE) for reference in references.values())
    return replace(job, inputs=inputs, options=options, payload=payload, input_keys=tuple(keys))


def _replaced(values: JsonObject, texts: Mapping[str, str]) -> JsonObject:
    return cast("JsonObject", with_texts_replaced(cast("JsonValue", values), texts)) if texts else values


def _fault(place: Place, code: str, words: str) -> Fault:
    return Fault(pointer=pointer(place), code=code, message=f"{spoken(place)} {words}.")
