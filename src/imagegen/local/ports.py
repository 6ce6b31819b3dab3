"""Loopback ports that stay the same from one start to the next."""

import contextlib
import json
import logging
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from imagegen.local.server import LOOPBACK

logger = logging.getLogger("imagegen.local")

_PORTS = TypeAdapter(dict[str, int])


@dataclass(frozen=True, slots=True)
class Reservation:
    """Ports by name, kept from other programs until closed.

    On Linux a socket that is bound and does not listen keeps everybody from being *given* its port, while a program
    that asks for just this port with SO_REUSEADDR, as all four servers do, gets it. So a server that is started again
    finds its port free, and two stacks that start at once never choose the same one. Elsewhere nothing is held.
    """

    ports: Mapping[str, int]
    _sockets: tuple[socket.socket, ...]

    def close(self) -> None:
        """Give the ports back."""
        for held in self._sockets:
            held.close()


def reserve(file: Path, names: Sequence[str]) -> Reservation:
    """Reserve a port for each name: the one remembered in the file if it is free, else any free one; remember it."""
    remembered = _read(file)
    sockets = {name: _bind(remembered.get(name, 0)) for name in names}
    ports = {name: int(held.getsockname()[1]) for name, held in sockets.items()}
    for name in names:
        if ports[name] != remembered.get(name, ports[name]):
            logger.warning("port %d of %s is taken: it moves to %d", remembered[name], name, ports[name])
    file.write_text(json.dumps({**remembered, **ports}, indent=2))
    reservation = Reservation(ports, tuple(sockets.values()))
    if sys.platform != "linux":
        reservation.close()
    return reservation


def _read(file: Path) -> dict[str, int]:
    with contextlib.suppress(FileNotFoundError, ValidationError):
        return _PORTS.validate_json(file.read_bytes())
    return {}


def _bind(port: int) -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((LOOPBACK, port))
    except OSError:
        held.bind((LOOPBACK, 0))
    return held
