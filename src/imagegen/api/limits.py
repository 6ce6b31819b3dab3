"""The service's own limits of a request's inputs, which may be narrower than a model's; and of who waits."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from imagegen.data_uris import is_data_uri
from imagegen.errors import Fault
from imagegen.settings import LimitSettings

_TIMES_AS_MANY: Final = 3
# MongoDB's document has at most 16 MiB, and a job's has what was given up to three times: as given, as mapped, as sent.
MOST_STORED: Final = 4 * 2**20


def limit_faults(inputs: Mapping[str, JsonValue], limits: LimitSettings) -> Iterator[Fault]:
    """Where a prompt, a list of pictures or a URL is beyond what the operator allows."""
    for name, value in inputs.items():
        yield from _faults(name, value, limits)


def size_fault(inputs: Mapping[str, JsonValue]) -> Fault | None:
    """What is too large for a job's document, when the pictures are in the bucket: the largest member is named."""
    sizes = {name: _stored_bytes(value) for name, value in inputs.items()}
    total = sum(sizes.values())
    if total <= MOST_STORED:
        return None
    largest = max(sizes, key=sizes.__getitem__)
    end = (
        f"has {sizes[largest]} bytes; the inputs of a job may have {MOST_STORED} bytes together, beside their pictures"
    )
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
    """In lower case; empty where there is none, as in the name of a LoRA's repository."""
    if is_data_uri(address):
        return "data"
    scheme, found, _ = address.partition("://")
    return scheme.lower() if found else ""


def _addresses(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Every URL of an input, below the input's name: of pictures, and of LoRAs."""
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


class Seats:
    """Places for requests that wait for their job, or for streams; `note` is told how many are taken as that changes.

    No caller can have them all: one may have three times as many as it leaves free. A caller that is alone gets three
    quarters of them, and each further caller finds some.
    """

    def __init__(self, count: int, note: Callable[[int], None]) -> None:
        self._count, self._note = count, note
        self._taken = Counter[str]()

    def of(self, caller: str) -> "Share":
        """The seats as one caller may take them."""
        return Share(self, caller)

    def take(self, caller: str) -> bool:
        """Take a seat, if there is one for this caller."""
        free = self._count - self._taken.total()
        is_one = self._taken[caller] < _TIMES_AS_MANY * free
        if is_one:
            self._taken[caller] += 1
            self._note(self._taken.total())
        return is_one

    def give_back(self, caller: str) -> None:
        """Give a seat back."""
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
        self._note(self._taken.total())


@dataclass(frozen=True, slots=True)
class Share:
    """The seats as one caller may take them: the holder of an API key or, without keys, an address."""

    seats: Seats
    caller: str

    @contextmanager
    def taken(self) -> Generator[bool]:
        """Take a seat while the body runs; says whether there was one."""
        had = self.seats.take(self.caller)
        try:
            yield had
        finally:
            if had:
                self.seats.give_back(self.caller)
