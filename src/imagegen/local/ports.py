"""Loopback ports that stay the same across starts."""

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
class PortReservation:
    """Ports by name, reserved until closed.

    On Linux, a bound socket that does not listen keeps the kernel from *assigning* its port to other programs, while a
    program that requests this port with SO_REUSEADDR, as all four servers do, gets it. So a restarted server finds its
    port free, and two stacks that start at once never choose the same port. On other systems nothing is reserved.
    """

    ports: Mapping[str, int]
    _sockets: tuple[socket.socket, ...]

    def close(self) -> None:
        """Release the ports."""
        for held in self._sockets:
            held.close()


def reserve(file: Path, names: Sequence[str]) -> PortReservation:
    """Reserve a port for each name: the one in the file if it is free, else any free one. The file is updated."""
    remembered = _read(file)
    sockets = {name: _bind(remembered.get(name, 0)) for name in names}
    ports = {name: int(held.getsockname()[1]) for name, held in sockets.items()}
    for name in names:
        if ports[name] != remembered.get(name, ports[name]):
            logger.warning("port %d of %s is taken; it uses %d instead", remembered[name], name, ports[name])
    file.write_text(json.dumps({**remembered, **ports}, indent=2))
    reservation = PortReservation(ports, tuple(sockets.values()))
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
