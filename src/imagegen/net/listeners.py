"""The sockets that this service answers on: their ports are taken before anything is started."""

import socket
from dataclasses import dataclass
from typing import Final

from imagegen.errors import StartupError
from imagegen.settings import Settings

_PORT: Final = "--port (make serve PORT=5001)"


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets whose ports are taken.

    Attributes:
        api: for callers.
        metrics: for Prometheus, if the settings name a port.
    """

    api: socket.socket
    metrics: socket.socket | None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Of all sockets, in the order of the attributes."""
        return tuple(each.fileno() for each in (self.api, self.metrics) if each is not None)

    def accept(self) -> None:
        """Let callers connect.

        Raises:
            StartupError: another service took the port meanwhile. Linux grants it to several until one of them accepts.
        """
        try:
            self.api.listen()
        except OSError as error:
            host, port, *_ = self.api.getsockname()
            raise _taken(host, port, error) from error

    def close(self) -> None:
        """Give the ports back, as far as this process holds them."""
        self.api.close()
        if self.metrics is not None:
            self.metrics.close()


def listen(settings: Settings, host: str, port: int) -> Listeners:
    """Take the ports before anything is started, so that a taken one is reported at once.

    Raises:
        StartupError: a port is taken.
    """
    return Listeners(_listen(host, port), listen_for_scrapes(settings))


def listen_for_scrapes(settings: Settings) -> socket.socket | None:
    """Take the port for metrics, if the settings name one.

    Raises:
        StartupError: it is taken.
    """
    port = settings.metrics.port
    return None if port is None else _listen(settings.metrics.host, port, "IMAGEGEN_METRICS_PORT")


def _listen(host: str, port: int, variable: str = _PORT) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _taken(host, port, error, variable) from error
    return listener


def _taken(host: str, port: int, error: OSError, variable: str = _PORT) -> StartupError:
    return StartupError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with {variable}")


def url_of(host: str, listener: socket.socket) -> str:
    """The URL of a socket, with a name that people type."""
    name = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else host  # noqa: S104 - only shown
    return f"http://{name}:{listener.getsockname()[1]}"
