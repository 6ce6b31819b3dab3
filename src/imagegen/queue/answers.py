"""Where NATS's errors end."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

import nats.errors
import nats.js.errors

from imagegen.errors import QueueUnavailable, StartupError

FAILURES: Final = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)
_TOO_FEW_SERVERS: Final = {10005, 10074}  # nats-server/server/errors.json: no suitable peers, not in cluster mode


@contextmanager
def answers() -> Generator[None]:
    """NATS's errors stop here."""
    try:
        yield
    except nats.js.errors.APIError as error:
        if error.err_code in _TOO_FEW_SERVERS:
            raise StartupError("NATS_REPLICAS: there are not as many servers with JetStream in the cluster") from error
        raise QueueUnavailable from error
    except FAILURES as error:
        raise QueueUnavailable from error


@contextmanager
def lost_messages_come_again() -> Generator[None]:
    """An ack that cannot be sent only makes the message come again, and the lease decides then."""
    with suppress(*FAILURES):
        yield
