"""`imagegen worker`: a worker without the API."""

import gc

from imagegen.cli.errors import reporting_errors
from imagegen.cli.runtime import collector_off, read_settings, run
from imagegen.net.hangups import note_hangups


def worker() -> None:
    """Process jobs without an API; run as many as you like.

    Workers may run on any machine that shares MongoDB, S3 and NATS with `imagegen serve`.
    """
    note_hangups()
    with collector_off():
        from imagegen import server

    with reporting_errors("imagegen cannot start"):
        settings, events = read_settings()
        run(server.work(settings, ready=gc.freeze, events=events))
