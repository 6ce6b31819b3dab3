"""Messages about variables: what was expected in place of pydantic's words, and which ones are unknown."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from pydantic_core import ErrorDetails

# Variables with these prefixes are meant for imagegen. Those of AWS and OpenTelemetry are also read by their SDKs.
_OUR_PREFIXES: Final = ("IMAGEGEN_", "FAL_", "MONGODB_", "S3_", "NATS_", "WEBHOOK_", "CORS_", "PUBLIC_URL")
_SDK_PREFIXES: Final = ("AWS_", "OTEL_")
# Read by docker-compose.yml, the sandbox and the client commands, not by the service.
_READ_ELSEWHERE: Final = frozenset(
    {
        *("IMAGEGEN_PORT", "MONGODB_ROOT_PASSWORD", "MONGODB_PASSWORD", "NATS_PASSWORD", "S3_SECRET_KEY"),
        *("IMAGEGEN_SANDBOX_LOOPBACK_ONLY", "IMAGEGEN_TEST_DATA_DIR"),
        *("IMAGEGEN_SANDBOX_QUEUE_SECONDS", "IMAGEGEN_SANDBOX_GENERATION_SECONDS", "IMAGEGEN_SANDBOX_DETAIL"),
        *("IMAGEGEN_URL", "IMAGEGEN_API_KEY", "IMAGEGEN_PROFILE"),
    }
)
# Kubernetes sets these for every service of the namespace: a service `nats` gives NATS_SERVICE_HOST.
_OF_KUBERNETES: Final = re.compile(r".+_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_VERY_NEAR: Final = 0.88
_BOUNDS: Final = {"gt": "more than", "ge": "at least", "le": "at most", "lt": "less than"}


def expected(fault: ErrorDetails) -> str:
    """What was expected, from pydantic's error."""
    context = fault.get("ctx", {})
    for name, words in _BOUNDS.items():
        if name in context:
            return f"expected {words} {_shown(context[name], fault['input'])}"
    match fault["type"]:
        case "int_parsing" | "int_type" | "int_from_float":
            return "expected a whole number"
        case "bool_parsing" | "bool_type":
            return "expected 1 or 0"
        case "byte_size" | "byte_size_unit":
            return "expected a size such as 64MiB, 512KiB or 20000000"
        case "literal_error" | "enum":
            return f"expected {str(context['expected']).replace(chr(39), '')}"
        case _:
            return fault["msg"].removeprefix("Value error, ")


def _shown(bound: object, given: object) -> str:
    """A bound in a readable form; pydantic formats durations itself."""
    is_size = isinstance(bound, int) and bound >= 2**10 and not str(given).isdecimal()
    return size(bound) if is_size and isinstance(bound, int) else str(bound)


def size(number: int) -> str:
    """A number of bytes as it is written in a variable."""
    for unit, bytes_each in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number % bytes_each == 0:
            return f"{number // bytes_each}{unit}"
    return str(number)


def unknown_variables(names: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """A sentence for every variable that seems to be meant for imagegen but is not read."""
    candidates = [name for name in names if name not in known and name not in _READ_ELSEWHERE]
    found = [name for name in candidates if not name.startswith(_SDK_PREFIXES) and not _OF_KUBERNETES.fullmatch(name)]
    return tuple(text for name in sorted(found) if (text := _warning(name, known)))


def _warning(name: str, known: Collection[str]) -> str | None:
    near = difflib.get_close_matches(name.upper()[:100], known, n=1, cutoff=0.6)
    if name.startswith(_OUR_PREFIXES):
        hint = f": did you mean {near[0]}?" if near else ""
        return f"{name} is not a variable of imagegen and is ignored{hint}"
    very_near = difflib.get_close_matches(name.upper()[:100], known, n=1, cutoff=_VERY_NEAR)
    return f"{name} is not a variable of imagegen and is ignored: did you mean {very_near[0]}?" if very_near else None


def shown_value(values: Mapping[str, str], variable: str, secrets: Collection[str]) -> str:
    """The value of a variable as shown in messages; hidden for secrets."""
    return "(hidden)" if variable in secrets else repr(values.get(variable))
