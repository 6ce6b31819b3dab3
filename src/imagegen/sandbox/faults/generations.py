"""Faults of a generation and of its result."""

from typing import Literal

from pydantic import JsonValue, NonNegativeInt

from imagegen.sandbox.faults.planned import ErrorStatus, Planned, Seconds


class Latency(Planned):
    """Seconds in the queue and seconds of generation."""

    fault: Literal["latency"] = "latency"
    queue: Seconds = 0.1
    generation: Seconds = 0.5


class ModelFails(Planned):
    """The model fails, in the first of fal's two forms of errors: `detail` is a list."""

    fault: Literal["model_fails"]
    status: ErrorStatus = 422
    type: str = "content_policy_violation"
    message: str = "The content could not be processed because it contained material flagged by a content checker."
    loc: tuple[str | int, ...] = ("body", "prompt")
    ctx: dict[str, JsonValue] | None = None
    needs_retry: bool = False


class RunnerFails(Planned):
    """The runner fails, in the second of fal's two forms of errors: `detail` is text, beside `error_type`."""

    fault: Literal["runner_fails"]
    status: ErrorStatus = 500
    error_type: str = "internal_error"
    message: str = "Internal server error"


class UnreachableInputFails(Planned):
    """An input image that cannot be fetched fails the request with image_load_error, as at fal."""

    fault: Literal["unreachable_input_fails"]


class BillableUnitsAbsent(Planned):
    """The result has no header X-Fal-Billable-Units."""

    fault: Literal["billable_units_absent"]


class NsfwFlagged(Planned):
    """The safety checker flags every image."""

    fault: Literal["nsfw_flagged"]


class FewerImages(Planned):
    """The result has at most `count` images."""

    fault: Literal["fewer_pictures"]
    count: NonNegativeInt


class ResultReshaped(Planned):
    """A successful result has this body. `picture 0` in it stands for the URL of the first image, and so on."""

    fault: Literal["result_reshaped"]
    body: JsonValue


class ForeignMediaHost(Planned):
    """The image URLs of the result name another host."""

    fault: Literal["foreign_media_host"]
    base_url: str = "http://media.invalid"
