"""The result of a completed request: its images, what stands beside them, or why there is no image."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import httpx
from pydantic import JsonValue

from imagegen.errors import ProviderError, ProviderRejected
from imagegen.fal.answers import read_json
from imagegen.fal.billing import billable_units
from imagegen.fal.refusals import NO_MEDIA, ErrorBody, refusal_of
from imagegen.fal.result_images import find_images
from imagegen.fal.trouble import is_moderation
from imagegen.fal.wording import Wording, is_blank, storable
from imagegen.jobs import JsonObject, ProviderResult, normalised, result_details, urls_in

_NO_IMAGE: Final = "fal.ai completed the request without a picture."
# Where models put what they have to say instead of an image.
_WORDS: Final = ("description", "text", "message", "reason", "output", "response")
_POLICY: Final = "content_policy_violation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultReader:
    """Reads the result of one request.

    Attributes:
        sent: the normalised URLs of the request, which are no images of its result.
        is_media_host: whether images may be fetched from a URL.
        wording: cleans what is shown and kept.
    """

    sent: Collection[str]
    is_media_host: Callable[[str], bool]
    wording: Wording

    def read(self, response: httpx.Response) -> ProviderResult | None:
        """The result, or None if the body is no JSON object.

        Raises:
            ProviderError: it has no image; the error says why, as far as fal does, and what fal billed.
        """
        payload = _payload(response)
        if payload is None:
            return None
        images = find_images(payload, self.sent, self.is_media_host)
        units = billable_units(response.headers.get("x-fal-billable-units"))
        hidden = {*self.sent, *(normalised(image.url) for image in images)}
        details = self._kept(result_details(payload, hidden))
        if not images:
            raise self._without_image(payload, details, response)
        images = tuple(replace(image, url=str(storable(image.url))) for image in images)
        return ProviderResult(images=images, billable_units=units, payload=details)

    def _kept(self, value: JsonObject) -> JsonObject:
        kept = self.wording.without_secrets(storable(dict(value)))
        assert isinstance(kept, dict)
        return kept

    def _without_image(self, payload: JsonObject, details: JsonObject, response: httpx.Response) -> ProviderError:
        """Why there is no image: an error that the result states, or else that the model would not make one."""
        body = ErrorBody.model_validate(payload)
        said = body.faults() or body.error_type or body.complaint
        if not said:
            body = ErrorBody(message=_words(payload) or _NO_IMAGE, error_type=NO_MEDIA)
        refusal = refusal_of(body, response, self.wording)
        answer = refusal.answer
        is_refused = answer.refused or answer.error_type == _POLICY or is_moderation(answer.message)
        answer = replace(answer, refused="output" if is_refused else None, result=details)
        return ProviderRejected(answer) if is_refused else replace(refusal, answer=answer).as_error()


def reader_of(sent: JsonValue, is_media_host: Callable[[str], bool], wording: Wording) -> ResultReader:
    """A reader for the result of the request with this input."""
    return ResultReader(sent=urls_in(sent), is_media_host=is_media_host, wording=wording)


def _payload(response: httpx.Response) -> dict[str, JsonValue] | None:
    """The body; a list at the top is taken for a list of images."""
    try:
        payload = read_json(response.content)
    except ValueError:
        return None
    if isinstance(payload, list) and any(isinstance(item, dict) and "url" in item for item in payload):
        return {"images": payload}
    return payload if isinstance(payload, dict) else None


def _words(payload: Mapping[str, JsonValue]) -> str | None:
    """What the model says instead of an image."""
    said = [words for name in _WORDS if isinstance(words := payload.get(name), str)]
    return next((words for words in said if not is_blank(words)), None)
