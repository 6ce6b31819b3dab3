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


def limit_faults(inputs: Mapping[str, JsonValue], limits: LimitSettings) -> Iterator[Fault]:
    """Where a prompt, a list of pictures or a URL is beyond what the operator allows."""
    for name, value in inputs.items():
        yield from _faults(name, value, limits)


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
