"""An HTTP client of a running service: it tries again what can be repeated, and turns answers into errors."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from imagegen.cli.client.target import Target, TargetOptions, read_target
from imagegen.cli.errors import InvalidArgument, Refused, ServiceUnreachable
from imagegen.cli.output import print_message

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]

_TRIED_AGAIN: Final = frozenset({429, 502, 503, 504})
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between the tries of one request
_LONGEST_PAUSE: Final = 60.0
_TIMEOUT: Final = 90.0  # seconds; a long poll takes up to 60
_CONNECT_TIMEOUT: Final = 5.0


class Service:
    """A running service.

    Every request may be repeated: what creates jobs has an idempotency key, everything else has the same effect twice.
    So a request whose answer was lost is sent again, with the same key.
    """

    def __init__(self, target: Target, pauses: Sequence[float] = _PAUSES) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {target.key}"} if target.key else {}
        self.url, self.user = target.url, target.user
        self._http = httpx.Client(
            base_url=target.url, headers=headers, timeout=httpx.Timeout(_TIMEOUT, connect=_CONNECT_TIMEOUT)
        )
        self._pauses = pauses
        self._has_answered = False

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str, **parameters: str | float | Sequence[str] | None) -> Json:
        """The JSON that a path answers."""
        known = {name: value for name, value in parameters.items() if value is not None}
        return self._json(self.send("GET", path, params=known))

    def post(self, path: str, body: Json | None = None, **headers: str) -> Json:
        """The JSON that a POST answers; `idempotency_key="…"` becomes the header Idempotency-Key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._json(self.send("POST", path, json=body, headers=named))

    def delete(self, path: str) -> None:
        """Delete what is at a path."""
        self.send("DELETE", path)

    def upload(self, file: Path, user: str) -> str:
        """Upload an image; its URL, for requests of the same user."""
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InvalidArgument(f"{file}: {error.strerror}") from None
        form = {"files": {"file": (file.name, content)}, "data": {"userId": user}}
        return str(self._json(self.send("POST", "/api/uploads", **form))["url"])

    def send(self, method: str, path: str, **request: Any) -> "httpx.Response":
        """Send a request, again if it was lost or the service is busy.

        Raises:
            ServiceUnreachable: it does not answer.
            Refused: it answers with an error.
        """
        import httpx

        for pause in self._pauses:
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if isinstance(error, httpx.ConnectError) and not self._has_answered:
                    raise self._unreachable(error) from None
                reason, seconds = "does not answer", pause
            else:
                self._has_answered = True
                reason, seconds = "is busy", _retry_after(response, pause)
                if response.status_code not in _TRIED_AGAIN or seconds > _LONGEST_PAUSE:
                    return self._checked(response)
            print_message(f"{self.url} {reason}; trying again in {seconds:g} s.")
            time.sleep(seconds)
        try:
            return self._checked(self._http.request(method, path, **request))
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    @contextmanager
    def events(self, path: str) -> Generator[Generator[Json]]:
        """The events of a path as JSON, which end when the stream does, for whatever reason."""
        import httpx
        from httpx_sse import SSEError, connect_sse

        def received() -> Generator[Json]:
            try:
                with connect_sse(self._http, "GET", path) as stream:
                    if stream.response.status_code == HTTPStatus.OK:
                        for event in stream.iter_sse():
                            yield event.json()
            except (httpx.HTTPError, SSEError, ValueError):
                return

        yield received()

    def _unreachable(self, error: "httpx.TransportError") -> ServiceUnreachable:
        import httpx

        reason = str(error) or type(error).__name__
        if not isinstance(error, httpx.ConnectError):
            return ServiceUnreachable(f"{self.url} does not answer: {reason}")
        if "refused" in reason:
            return ServiceUnreachable(
                f"nothing answers at {self.url}: start the service with `imagegen serve`, or name another with --url"
            )
        return ServiceUnreachable(f"{self.url} cannot be reached: {reason}; check --url")

    def _checked(self, response: "httpx.Response") -> "httpx.Response":
        if not response.is_error:
            return response
        problem = self._json(response)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            problem["detail"] = f"{problem['detail']} Name its file with --key-file, or set IMAGEGEN_API_KEY."
        raise Refused(problem)

    def _json(self, response: "httpx.Response") -> Json:
        """The body, if the answer is one of imagegen's."""
        try:
            content: object = response.json()
        except ValueError:
            content = None
        if isinstance(content, dict) and (not response.is_error or "detail" in content):
            return cast("Json", content)
        kind = response.headers.get("content-type", "no type")
        raise ServiceUnreachable(
            f"{self.url} is no imagegen service: it answers HTTP {response.status_code} with {kind}; check --url"
        )


def job_path(job_id: str, action: str = "") -> str:
    """The path of a job, or of something to do with it.

    Raises:
        InvalidArgument: the id is empty, which would be the path of all jobs.
    """
    return "/api/jobs/" + _segment(job_id, "the job's id") + action


def model_path(name: str) -> str:
    """The path of a model.

    Raises:
        InvalidArgument: the name is empty, which would be the path of all models.
    """
    return "/api/images/models/" + _segment(name, "the model's name")


def _segment(text: str, what: str) -> str:
    if not text.strip():
        raise InvalidArgument(f"{what} is empty")
    return quote(text, safe="")


@contextmanager
def open_service(target: TargetOptions) -> Generator[Service]:
    """Open the service that the options name; see `read_target`."""
    service = Service(read_target(target))
    try:
        yield service
    finally:
        service.close()


def _retry_after(response: "httpx.Response", otherwise: float) -> float:
    headers: Mapping[str, str] = response.headers
    seconds = headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else otherwise
