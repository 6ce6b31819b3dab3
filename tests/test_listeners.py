"""Ports: taken at the start, answered later, given back at the end."""

import socket
import sys

import pytest

from imagegen.errors import StartupError
from imagegen.net.listeners import listen
from imagegen.settings import MetricsSettings, Settings
from tests.support.processes import free_port


def connects(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_port_refuses_connections_until_it_is_answered_and_once_it_is_closed() -> None:
    listeners = listen(Settings(metrics=MetricsSettings(port=free_port())), "127.0.0.1", 0)
    port, seen = listeners.api.getsockname()[1], list[bool]()
    assert listeners.metrics is not None
    for step in (lambda: None, listeners.accept, listeners.close):
        step()
        seen.append(connects(port))

    assert seen == [False, True, False]
    assert listeners.metrics.fileno() == -1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the second cannot even bind")
def test_second_of_two_services_that_start_at_once_names_the_taken_port() -> None:
    first = listen(Settings(), "127.0.0.1", 0)
    port = first.api.getsockname()[1]
    second = listen(Settings(), "127.0.0.1", port)
    first.accept()

    with pytest.raises(StartupError, match=f"cannot listen on 127.0.0.1:{port}: .* --port"):
        second.accept()
    first.close()
    second.close()
