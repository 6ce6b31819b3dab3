"""The result of `imagegen models check` as a file of metrics, as node_exporter collects them."""

import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile


class CatalogCheckInstruments:
    """What a check of a catalog found."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, about: str) -> Gauge:
            return Gauge(name, about, ["catalog"], namespace="imagegen", registry=registry)

        self.models = gauge("catalog_check_models", "Models that the last check compared with fal.")
        self.faults = gauge("catalog_check_faults", "Differences that the last check found and that are to be fixed.")
        self.notes = gauge("catalog_check_notes", "Differences that the last check found and that may be on purpose.")
        self.timestamp = gauge("catalog_check_timestamp_seconds", "When the last check ended, in seconds since 1970.")


def write_catalog_check(file: Path, catalog: str, *, models: int, faults: int, notes: int) -> None:
    """Replace the file by the figures of a check, as a whole: a collector never reads half of it.

    Raises:
        OSError: it cannot be written.
    """
    registry = CollectorRegistry()
    made = CatalogCheckInstruments(registry)
    values = ((made.models, models), (made.faults, faults), (made.notes, notes), (made.timestamp, time.time()))
    for metric, value in values:
        metric.labels(catalog).set(value)
    write_to_textfile(str(file), registry)
