"""The service's own limits for a request's inputs, which may be stricter than its model's."""

from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from imagegen.data_uris import is_data_uri
from imagegen.errors import Fault
from imagegen.json_object import JsonObject
from imagegen.settings import LimitSettings

# A MongoDB document has at most 16 MiB, and a job's holds its inputs up to three times: as given, as mapped, as sent.
MAX_STORED_BYTES: Final = 4 * 2**20


def limit_faults(inputs: JsonObject, limits: LimitSettings) -> Iterator[Fault]:
    """Prompts, lists of images and URLs that the operator does not allow."""
    for name, value in inputs.items():
        yield from _faults(name, value, limits)


def size_fault(inputs: JsonObject) -> Fault | None:
    """The fault of inputs that are too large for a job's document, without their images; names the largest member."""
    sizes = {name: _stored_bytes(value) for name, value in inputs.items()}
    total = sum(sizes.values())
    if total <= MAX_STORED_BYTES:
        return None
    largest = max(sizes, key=sizes.__getitem__)
    limit = f"the inputs of a job may have {MAX_STORED_BYTES} bytes in total, without their images"
    end = f"has {sizes[largest]} bytes; {limit}"
    return Fault(pointer=f"/inputs/{largest}", code="too_large", message=f"inputs.{largest} {end}.")


def _stored_bytes(value: JsonValue) -> int:
    match value:
        case str():
            return len(value.encode())
        case list():
            return sum(map(_stored_bytes, value))
        case dict():
            return sum(len(name.encode()) + _stored_bytes(each) for name, each in value.items())
        case _:
            return 0


def _faults(name: str, value: JsonValue, limits: LimitSettings) -> Iterator[Fault]:
    if name.endswith("prompt") and isinstance(value, str) and len(value) > limits.max_prompt_chars:
        most = f"at most {limits.max_prompt_chars} characters (IMAGEGEN_MAX_PROMPT_CHARS)"
        yield _fault(name, "too_long", f"must have {most}")
    if name.endswith("_urls") and isinstance(value, list) and len(value) > limits.max_image_urls:
        yield _fault(name, "too_long", f"must have at most {limits.max_image_urls} items (IMAGEGEN_MAX_IMAGE_URLS)")
    for pointer, address in _addresses(name, value):
        scheme = _scheme(address)
        if scheme and scheme not in limits.schemes:
            wanted = " or ".join("data:" if each == "data" else f"{each}://" for each in limits.schemes)
            yield _fault(pointer, "not_allowed", f"must begin with {wanted} (IMAGEGEN_URL_SCHEMES)")


def _scheme(address: str) -> str:
    """In lower case; empty if there is none, as in the name of a LoRA's repository."""
    if is_data_uri(address):
        return "data"
    scheme, found, _ = address.partition("://")
    return scheme.lower() if found else ""


def _addresses(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Every URL of an input, of images and of LoRAs, with its path below the inputs."""
    if isinstance(value, str) and name.endswith(("_url", "/path")):
        yield name, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, str) and name.endswith("_urls"):
                yield f"{name}/{number}", item
            elif isinstance(item, dict):
                yield from _addresses(f"{name}/{number}/path", item.get("path"))


def _fault(pointer: str, code: str, end: str) -> Fault:
    return Fault(pointer=f"/inputs/{pointer}", code=code, message=f"inputs.{pointer.replace('/', '.')} {end}.")
