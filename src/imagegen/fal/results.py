"""The result of a completed request: its images, its other members, or why there is no image."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from imagegen.errors import ProviderError, ProviderRejected
from imagegen.fal.billing import billable_units
from imagegen.fal.error_classification import is_moderation
from imagegen.fal.error_responses import NO_MEDIA, ErrorBody, classify_error
from imagegen.fal.responses import read_json
from imagegen.fal.result_images import find_images
from imagegen.fal.sanitize import Sanitizer, is_blank, storable
from imagegen.jobs import ProviderResult, normalize_url, result_details, urls_in
from imagegen.json_object import JsonObject
from imagegen.net.http import Response
from imagegen.registry import Output

_NO_IMAGE: Final = "fal.ai completed the request without an image."
# Members that hold a model's message when it returns no image.
_MESSAGE_MEMBERS: Final = ("description", "text", "message", "reason", "output", "response")
_POLICY: Final = "content_policy_violation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultReader:
    """Reads the result of one request.

    Attributes:
        sent: the normalized URLs of the request's input, which are not images of its result.
        is_media_host: whether images may be fetched from a URL.
        sanitizer: cleans what is shown and stored.
        outputs: where the catalog says that its images are.
    """

    sent: Collection[str]
    is_media_host: Callable[[str], bool]
    sanitizer: Sanitizer
    outputs: Sequence[Output] = ()

    def read(self, response: Response) -> ProviderResult | None:
        """The result, or None if the body is not a JSON object.

        Raises:
            ProviderError: it has no image; the error holds the reason, as far as fal gives one, and what fal billed.
        """
        payload = _payload(response)
        if payload is None:
            return None
        images = find_images(payload, self.sent, self.is_media_host, self.outputs)
        units = billable_units(response.headers.get("x-fal-billable-units"))
        hidden = {*self.sent, *(normalize_url(image.url) for image in images)}
        details = self._storable(result_details(payload, hidden))
        if not images:
            raise self._no_image_error(payload, details, response)
        images = tuple(replace(image, url=str(storable(image.url))) for image in images)
        return ProviderResult(images=images, billable_units=units, payload=details)

    def _storable(self, value: JsonObject) -> JsonObject:
        kept = self.sanitizer.without_secrets(storable(dict(value)))
        assert isinstance(kept, dict)
        return kept

    def _no_image_error(self, payload: JsonObject, details: JsonObject, response: Response) -> ProviderError:
        """Why there is no image: the error that the result states, or else the model's message."""
        body = ErrorBody.model_validate(payload)
        states_error = body.details() or body.error_type or body.error_text
        if not states_error:
            body = ErrorBody(message=_message(payload) or _NO_IMAGE, error_type=NO_MEDIA)
        error = classify_error(body, response, self.sanitizer)
        answer = error.answer
        is_refused = answer.refused or answer.error_type == _POLICY or is_moderation(answer.message)
        answer = replace(answer, refused="output" if is_refused else None, result=details)
        return ProviderRejected(answer) if is_refused else replace(error, answer=answer).as_error()


def build_reader(
    sent: JsonValue, is_media_host: Callable[[str], bool], sanitizer: Sanitizer, outputs: Sequence[Output] = ()
) -> ResultReader:
    """A reader for the result of the request with this input."""
    return ResultReader(sent=urls_in(sent), is_media_host=is_media_host, sanitizer=sanitizer, outputs=outputs)


def _payload(response: Response) -> dict[str, JsonValue] | None:
    """The body; a list at the top counts as a list of images."""
    try:
        payload = read_json(response.content)
    except ValueError:
        return None
    if isinstance(payload, list) and any(isinstance(item, dict) and "url" in item for item in payload):
        return {"images": payload}
    return payload if isinstance(payload, dict) else None


def _message(payload: JsonObject) -> str | None:
    """The model's message in place of an image."""
    texts = [text for name in _MESSAGE_MEMBERS if isinstance(text := payload.get(name), str)]
    return next((text for text in texts if not is_blank(text)), None)
